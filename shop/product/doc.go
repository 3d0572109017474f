// Package product is the catalogue: what can be ordered, and at what price.
//
//	owns       products: names, prices and what they were before, descriptions, the stock
//	           to begin with, the words to search
//	publishes  ProductCreated, ProductUpdated, ProductPriceUpdated
//	consumes   nothing
//
// A change of a product, its events, the history of its price and the words that it is
// found by are one commit. Searching is FTS5 on SQLite and a GIN index on PostgreSQL,
// behind one function of SQL; what a word is, words.go decides for both, and for a search
// engine that is asked before them where there is one (index.go).
//
// How much is in stock now is the inventory service's to know: the stock of a product stays
// what it was created with, whatever is sold or bought of it.
package product
