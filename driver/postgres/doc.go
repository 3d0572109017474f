// Package postgres keeps the services' databases in one PostgreSQL, a schema each.
//
// Services of one process share a Server, that is its connections. A change is:
//
//	BEGIN, locks of its keys, clock, xid    one round trip; ctx ends with it
//	Run: Exec is queued, Query flushes      at most a second, or it is revoked
//	what is still queued, COMMIT            one round trip
//
// Changes run at READ COMMITTED: a snapshot older than its locks would decide on rows
// that somebody else has changed since. What deadlocks is run again from the beginning.
// A COMMIT whose answer is lost is looked up by its transaction's number on another
// connection, and Update says what became of it, or that nobody can know.
//
// Sequences become visible out of order, since transactions commit in another order
// than they draw. fence.go finds the sequence below which none is missing.
//
// A server that could lose a commit (fsync, full_page_writes or synchronous_commit off)
// is refused, and so is one that only follows another.
package postgres
