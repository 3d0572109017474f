// Package api is what programs can call: a contract for each service in its .proto file, and
// the Go code that make proto makes of them. What was told once stays: baseline.binpb has it,
// and a test compares. The Go packages are in the folders below; this one has only that test.
package api
