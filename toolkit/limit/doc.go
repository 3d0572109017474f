// Package limit says how often something may be done, by whom.
//
// A bucket for each key holds at most Burst tokens, and gets PerSecond new ones every
// second. Take takes some of them, or says when it is worth trying again:
//
//	Take(key, n) ─► a token for each: yes
//	             └► not enough: no, and how long until there are
//
// What is stored of a bucket is one time: when it will be full again (the generic cell rate
// algorithm of ATM, ITU-T I.371). A bucket that is full is forgotten.
//
// A Local counts in this process alone. A driver counts for all instances together; a
// Sure asks such a driver, and a Local while the driver's server is away: then the limit is
// one of each instance, and nobody waits for a server that does not answer.
package limit
