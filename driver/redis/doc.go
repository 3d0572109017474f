// Package redis has several instances of the platform know of each other at once, on one
// Redis: broadcasts reach all of them, and rate limits are those of all together.
//
//	Broadcast   toolkit/broadcast on Pub/Sub: those in this process hear at once, and others
//	            a round trip later, in the background
//	Limiter     toolkit/limit as a Lua script: one round trip for each question
//
// Nothing is kept here that is to be found nowhere else. A Redis that is away, slow or
// wiped makes what others have done visible later, by the look at the database that each
// listener has anyway, and a limit one of this instance alone. It fails nothing, and nobody
// waits for it: what it is not there for is dropped, and counted.
package redis
