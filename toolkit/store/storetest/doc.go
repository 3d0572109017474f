// Package storetest checks that a store.Driver keeps its contract: each sentence of the
// interface's comments is a subtest, on the real database.
//
//	func TestSuite(t *testing.T) { storetest.Run(t, storetest.Harness{Place: …, Open: …}) }
package storetest
