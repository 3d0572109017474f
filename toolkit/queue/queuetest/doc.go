// Package queuetest checks that a queue.Driver keeps its contract, and that a
// queue.Worker on top of it keeps its promises, on real servers: each way in which a
// message can misbehave ends as the failure policy says, and every other message is done
// once.
//
// These tests fail when a guard is switched off:
//
//   - the lease in Settle: "A lease that has ended stores nothing" and "is stopped past
//     its lease";
//   - the bisection of a commit: every test of "OneBadMessage" whose record fails;
//   - the suspects that are handled alone, counted before: "KillsTheProcess".
package queuetest
