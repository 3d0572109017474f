// Package search keeps an index of what a service has, on a search engine beside its
// database, and asks it.
//
//	journal ──► Feed, as the Sink of a stream.Relay ──► Index: what each key is now, and a mark
//	question ─► Finder ─► Index, if its marks are at the journal's end; else ErrBehind
//
// What is indexed is what the database has when a message about it is forwarded, under a
// version: late and doubled messages change nothing, and an older version never replaces a
// newer one. A mark, how far a partition of the journal is in the index, is stored in the
// index: one that was wiped has none, and is filled anew.
//
// What a Finder promises: its answer is of the database as it was when it was asked, or later.
// If that cannot be had, it says so at once, and the caller asks the database.
package search
