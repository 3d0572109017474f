// Package broadcast tells everybody who listens at the moment, and waits for nobody.
//
//	Publish ──► topic and key ──┬─► Listener: a few messages, the latest ──► Next
//	                            └─► Listener …
//
// It is for what is out of date soon: that something has changed, or how it is now. Nothing
// is stored, and whoever was not there has missed it. So whoever listens has another truth,
// such as a look at the database now and then, and a broadcast only makes it quicker.
//
// What is promised:
//
//   - Publish never waits for a listener, and what one of them does slows no other.
//   - A listener gets what one publisher says in its order. One that is slow loses the
//     oldest of what it has not taken, and is told how many, before the next.
package broadcast
