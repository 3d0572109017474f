// Package stream gives every message of a log to each of its readers, in order for each
// key. A reader stores how far it has read with what it did.
//
// What a Reader promises:
//
//   - The stored effect of a message happens once, whatever is delivered again: the
//     transaction begins by moving the position from where this batch starts, and does
//     nothing if somebody else has moved it or owns the partition.
//   - Messages of one key are handled in the order of the log, also when one of them
//     fails: its key is parked, and what follows waits behind it, in the reader's own
//     database. Other keys go on. Only handlers made with Passing pass a parked key.
//   - A message that fails Policy.Attempts times is dead. Its key stays parked until an
//     operator redrives or discards it (or goes on at once with Policy.Release). The same
//     commit says message.DeadLettered in the journal of the reader's service.
//   - A later version of a kind that is handled (message.Versioned: Name.2 where Name is) is
//     not passed by. Its key is parked, no attempt is counted, and it is looked at each
//     minute, until a newer binary handles it.
//   - A message that ends the process becomes dead too, and no other with it: a partition
//     whose owners were lost twice without progress is read in careful mode, one message
//     at a time, each counted before it runs and alone in its process.
//   - A log that is not the one the position belongs to (wiped, restored, overtaken)
//     stops the partition, with the reason in the table position, an error in the log of
//     the process and a number at tidewire.stream.stopped. Nothing is skipped. A reader
//     that starts looks again, and goes on if the log that was read is back.
//   - A subscription that is set back (Rewind) gets everything from there on once more,
//     within a second; what it has in hand meanwhile is not stored.
//
// The life of a message behind its log:
//
//	read ──► handled with its batch ─────────────────────────────► done
//	  │          └─ the batch fails: it runs again in parts, down to one message
//	  │                └─ fails alone ──► parked: retry ⇄ (due) ──► done, the next of its key
//	  └─ its key is parked ──► waiting                └──► dead ──► redriven: retry
//	                                                        └────► discarded
//
// Partitions are shared fairly between the instances of a service, by leases with a
// token that grows with each owner.
package stream
