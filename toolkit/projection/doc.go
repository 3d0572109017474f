// Package projection makes tables anew from the events that they are the fold of, beside
// those that are in use, and puts them in their places.
//
// A rebuild is one more reader of the same logs, from their first event on, with positions of
// its own. The life of one:
//
//	asked ──► folding ──────────────────────────────► clearing ──► done, failed, cancelled
//	  │          │ a chunk of events in memory, each     │
//	  │          │ row of it written once into a shadow  └─ the digest of what the tables were;
//	  │          │                                          the shadows go, a little at a time
//	  │          └─ the last events and the exchange of tables and shadows, in one change;
//	  │             or a comparison of both in one View, and no exchange
//	  └─ shadows are made, after those that somebody left
//
// Where a table is and what is in it belong together:
//
//   - A shadow is never ahead of the table: of other services' logs it takes what the service
//     itself has read, by its row in position, and of its own log everything, for rows are
//     written in the commit that appends there.
//   - The exchange happens in a change that keeps everybody out of the tables. It reads those
//     positions, and the end of the journal, in that change, and folds just that: so table and
//     shadow are of the same events to the last one, positions stay true, no view goes back,
//     and the service goes on as if nothing had been.
//
// What a Rebuilder promises:
//
//   - Nobody who reads finds tables that are empty, half made, mixed or older than before:
//     not even a View whose snapshot is older than the exchange (store.Exchanger).
//   - A kill between any two changes costs what the last one was: every change moves the rows,
//     the positions and the digest together, under a token that grows with each owner. Some
//     instance goes on by itself. One that three processes in a row did not survive at the
//     same place has failed.
//   - An event that cannot be folded, or another log than was read, fails the rebuild with its
//     cause, and leaves the tables in use alone. So does who cancels it.
//   - The digest of the fold is known without a look at the table, that of the tables in use
//     is taken when they have become shadows and nobody changes them. They are equal if the
//     tables were what their events come to.
//   - Requests come first: reading and folding hold no writer, changes are of the background
//     and short (run.Sizer).
//
// What is parked, dead or discarded in the subscription is an event like others, and folded.
// If it is handled later, it finds what it says: a Fold, and the handlers beside it, must not
// count anything twice. Columns that no event says are carried over from the tables in use.
package projection
