// Package queue gives each message to one of many workers, at least once; what a handler
// stores, it stores once. Order is not promised: that is what streams do.
//
// What a Worker promises:
//
//   - A message is acknowledged in the commit that stores what it caused. A worker whose
//     lease has ended stores nothing.
//   - A message that fails Policy.Attempts times is dead, and waits for an operator with
//     the history of its attempts. The others go on. The same commit says
//     message.DeadLettered. A later version of a kind that is handled is not dead: it waits
//     for a newer binary.
//   - A call that does not answer within Policy.Timeout has failed, also if it never
//     comes back.
//   - A message that ends the process becomes dead too, and no other with it: one whose
//     lease ended twice without a verdict is handled alone, and counted before.
//
// The life of a message:
//
//	sent ──► waiting until due ──► out, under a lease ──► done
//	             ▲                    ├─ fails ──► waiting again, later ──► … ──► dead
//	             └── lease ended ─────┘                 redriven: waiting ◄──┘└──► discarded
package queue
