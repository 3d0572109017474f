// Package rig runs the built binary as its users do: through its commands, its doors and
// signals, on databases and servers of its own. The labs stand on it.
package rig
