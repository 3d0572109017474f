// Package model is a small simulation that settles the rules of the reader: two
// processes read the partitions of a topic that a relay fills from a journal, and
// anything may crash, pause past its lease or lose an answer between any two durable
// steps. Run is deterministic: a seed is a history, and a violation names its seed.
//
//	producer ─► journal ─► relay ─► topic ─► reader ─┬─► effect
//	deadline ─────┘        (2, one leased) (2, one   ├─► parked: retry, waiting, dead
//	                                        leased)  └─► dead, until redriven or discarded
//
// # The rules
//
// Each has a Rule that switches it off, and a test that the model then finds the harm.
//
//   - [Fence]. Every transaction of a reader begins with UPDATE position … WHERE seq =
//     start AND token = token; no row means: roll back, forget, take the partition
//     anew. Without it a process that was paused past its lease does everything twice.
//   - [Token]. The place alone is not enough. A drain of parked rows leaves the place
//     where it is, so what an owner remembers of them is true only while the token is.
//   - [Forget]. A commit whose answer was lost is not repeated: the owner forgets all
//     that it remembers and takes the partition anew, with a new token.
//   - [Parking]. A message whose key has a parked row waits behind it. The transaction
//     that takes away the first row of a key makes the next one due: the first row is
//     never one that waits, so nothing waits without somebody who looks.
//   - [Bisection]. Only a message that was alone in its transaction can have failed:
//     the others of its batch are neither delayed nor counted.
//   - [Sequence]. The highest sequence per source and partition is stored with the
//     place, and what is not above it is dropped. So a relay may publish twice.
//   - [Confirm]. A relay never publishes past a message that it cannot be sure of: the
//     one that came later would be dropped.
//   - [Count]. Which message runs alone is stored before it runs, with how often; what
//     began thrice is dead. Otherwise a message that kills the process does so for ever.
//   - [Alone]. A message that is counted runs alone in its process, not only in its
//     partition. Otherwise what kills the process in one partition gets the blame
//     shared with whatever another partition was counting: an innocent message dies.
//     Waiting only for others that are counted is almost enough: it needs some 50,000
//     histories to find the harm.
//   - [Owner]. The operator marks a dead row, and the partition's owner acts on it, or
//     two would.
//   - [Tombstone]. An end event passes its parked key, in the log and when it is
//     itself retried; what is redriven behind it finds the tombstone.
//   - [Lease]. A deadline's job is settled only under the lease it was claimed with.
//
// Two more rules have no switch. A partition becomes careful (one message at a time) when
// two owners were lost without progress, and progress is a batch of the log, or that
// many messages that ran alone, or the end of the log: a drain is no progress. And an
// owner drains what is due before it reads: or a parked message that kills the process
// would do so for as long as there is traffic to make progress with.
package model
