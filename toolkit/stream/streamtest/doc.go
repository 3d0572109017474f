// Package streamtest checks that a stream.Log keeps its contract, and that a
// stream.Reader on top of it keeps its promises, on real databases: each way in which a
// message can misbehave ends as the failure policy says, and nothing else is parked,
// delayed, lost or done twice.
//
// These tests fail when a guard is switched off:
//
//   - the fence in the reader's transaction: "goes on elsewhere while its owner is
//     stopped past its lease";
//   - the locks of the keys that a handler decides on: "decides on rows of other keys";
//   - the bisection of a batch: every test of "OneBadMessage";
//   - the counting before a message runs alone: "KillsTheProcess";
//   - the identity of a position: "AnotherLog".
package streamtest
