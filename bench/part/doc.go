// Package part measures parts of the toolkit alone, each as the raw twin has it: group
// commit, reader, queue, saga, and the acceptance of an order.
package part
