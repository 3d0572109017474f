// Package pgtwin is the ceiling of the platform on PostgreSQL: what package twin is on
// SQLite, with pgx and nothing else. The steps and the rows are those of twin/doc.go where
// nobody conducts: orders that are conducted have a twin on SQLite only. They are in
// the platform's own tables, a schema for each service, over one pool of as many
// connections as the platform has.
//
//   - A request is one round trip: its statements are pipelined, and one commit by themselves.
//     The server groups the fsyncs of those that come together.
//   - A reader's batch, and what came of a batch of jobs, is one transaction: a round trip
//     for the rows it has to read (locked, in the order of their keys), and one for all it
//     writes, the commit included.
//   - Jobs are claimed with SKIP LOCKED.
//   - Of sales and notifications, whose rows are alike and many in a batch, all of a batch
//     are one statement.
//   - A reader goes no further than where no row can appear any more. The sequence's last
//     value is read, then the number of a new transaction is drawn, and the value is good
//     once every older transaction is over; every transaction that appends has its number
//     before it draws from the sequence. One such fence serves all readers of a journal.
package pgtwin
