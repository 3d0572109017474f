// Package fault breaks the servers that the platform stands on, under load: each is restarted,
// killed, paused and, where it is not the database, wiped. Then the ledger of the customers and
// the auditor say whether anything was lost, done twice or left behind.
//
// The servers are the test's own. `make soak` (TIDEWIRE_STOPS) has longer pauses, and mixes
// the faults with kills of the platform at random.
package fault
