// Package kafka has services follow each other through topics of Apache Kafka.
//
// The journal of a service stays the truth. A stream.Relay forwards it to two topics, for
// facts and for commands, and a Log reads them in the place of the journal: a position is
// the journal's own, so that a subscription goes on where it was when the engine changes, or
// when a topic was lost and is filled again. Offsets of Kafka are this package's own affair.
//
//	journal ─► Relay ─► Sink ─► SERVICE-events, SERVICE-commands ─► Log ─► Reader
//
// What it promises:
//
//   - The order of a key: the partition of a record is that of the journal, and a record
//     names what was forwarded before it. A Log takes a record exactly if what is before it
//     has been read and it has not. So it drops what comes twice, from a producer that
//     tried again or a relay that was thought dead, and passes by no gap: what a broker has
//     lost is waited for until the relay has sent it again.
//   - Facts and commands of one service come in the order in which they were said.
//   - Nil from Send means that all in-sync replicas have it. On one node that is the page
//     cache, and a power cut may lose it; the journal has it still.
//   - Records of another journal in a topic are an error that names both.
//
// Any consumer can read the topics: records are CloudEvents in binary mode. How far a
// subscription has come is committed now and then under its name, as a hint where to begin,
// and so that Kafka's own tools show its lag. It is never what a position is taken from.
//
// No group of Kafka shares the partitions out: the leases in the table position do, as on
// every engine, for they are also the fence of what is stored.
package kafka
