// Package crash stops a running platform in every way that a machine can, again and
// again, while customers order, and then asks the auditor whether anything was lost,
// done twice or left behind.
//
// Its tests speak to the built binary through its doors only. The number of stops is
// TIDEWIRE_STOPS (20); `make soak` runs 100.
package crash
