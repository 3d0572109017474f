// Package aggregate makes the state of a thing from its history: the facts about its key
// that have a version in the service's journal.
//
//	Load    ──► [ snapshot ] ──► events behind it ──► what this change has said ──► state
//	                                └─ each read in the shape it was written in, and made
//	                                   into the one that is written today
//	Append  ──► the next facts ──► the journal; now and then a snapshot
//	Each    ──► the events of all keys, key by key, on all processors ──► their states
//
// What an Aggregate promises:
//
//   - Append is refused with store.ErrConflict if the history has gone on since the load,
//     whoever wrote it. Change loads again and decides again.
//   - Load in a change sees what that change has appended, and what other messages of its
//     batch have.
//   - A snapshot is a cache. It may be deleted at any time, and one of another format, of
//     another history (restored, wiped) or that cannot be read is passed over.
//   - Every event that was ever written is read, in its own Shape. One that no Shape
//     reads is ErrNewer, and one that cannot be made into today's is an error that says
//     which: no event is skipped. In a handler, it parks the message.
//
// A service that needs its state in every change keeps it in a row, which it writes in the
// commit that appends: that is a snapshot that is never behind. The history then tells
// what was (Events, LoadUntil), and a test that both are the same.
package aggregate
