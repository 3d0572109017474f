// Package operate is the operators' door: what is going on in every service, what is
// stuck, and what an operator decides about it.
//
//	/livez            the process runs
//	/readyz           what is not ready, by name
//	/metrics          Prometheus
//	/debug/pprof      Go's profiles
//	/admin/v1/…       streams, queues, schedules, dead letters, sagas, findings, backups: what the commands use
//
// It reads the toolkit's tables of every service and changes nothing but dead letters, of
// which it only marks what the reader or worker that owns the key is to do, and when waiting
// work is due. A saga is asked again or called off by its owner, whom it calls. Each act is a
// fact of class Audit in the journal of that service, in the same commit. The
// one row that it has for itself is the pulse, by which /readyz tries the disk.
//
// It promises to be of use when the rest is not:
//
//   - A database that does not answer is a finding and a line of /readyz, and keeps no
//     other check from being made.
//   - /livez asks nobody: a platform that waits for its database is not to be killed.
//   - An act on a dead letter happens once, however often it is sent.
//   - It asks for no token, and so it answers only under names of this machine.
package operate
