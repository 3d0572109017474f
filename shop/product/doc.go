// Package product is the catalogue: what can be ordered, and at what price.
//
//	owns       products: names, prices, descriptions, the stock to begin with
//	publishes  ProductCreated
//	consumes   nothing
//
// How much is in stock now is the inventory service's to know.
package product
