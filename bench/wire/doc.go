// Package wire is what both twins say, hear and store in the same way: the JSON of orders
// and messages, and the call to the payment provider. An error ends the process: a twin
// handles no failure.
package wire
