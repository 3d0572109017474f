// Package saga conducts business transactions across services: a list of steps, each
// answered before the next is asked for, and undone backwards if one cannot be done.
//
// Where an instance stands is one row in the owner's database. It changes in the commit that
// handles a message, with the owner's own state and with the command that is sent next. So
// nothing is lost and nothing done twice, wherever a process ends; and an instance that
// waits costs nobody anything.
//
//	Start ─► running ── answers, step by step ───────────────► completed
//	            │
//	            │ refused, overdue or called off, until the pivot is done
//	            ▼
//	         undoing ── undos, step by step, backwards ──────► undone
//	            │
//	            └──── Close, as from running ────────────────► closed
//
// What it promises:
//
//   - Until its pivot is done, a saga ends undone if a step is refused, if it takes longer
//     than Within, or if somebody calls it off. What was done is undone backwards, each undo
//     awaited, and asked for again every minute until it is answered. A pivot that is refused
//     turns back, too.
//   - After the pivot nothing is undone: what is not answered is asked for again, for ever.
//   - A step that gave no answer in time may have been done: it is undone too. Its service is
//     away, so it is not waited for; commands keep their order, and it finds the undo behind
//     what it was asked to do. The saga ends without it.
//   - Every message finds a rule in every state, and every outcome is counted. What contradicts
//     the saga makes its message dead, for people to see.
//
// What it asks of a participant: to answer every command, also one that comes again; to
// answer it as before; and to remember an undo of what has not come yet, so that it is not
// done when it comes. What it asks of the owner: that the keys of its change name the
// instance, that a Note assigns and never adds up, and that an ID is of one saga.
//
// Code changes while instances wait. Whoever takes a step out of Steps names in Moved where
// those that wait for it go on; else Known refuses the start.
package saga
