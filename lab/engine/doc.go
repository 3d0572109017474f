// Package engine runs the whole shop on every combination of servers that it is made for, each
// a row of one table: the commands of the README, customers in all three styles, a kill, and
// what operators do. Nothing in it knows what a row is made of.
//
// It speaks to the built binary through its doors and commands only.
package engine
