// Package request asks another service a question and waits for its answer, over a queue
// and until a deadline.
//
//	Ask ──► question ──► queue service_work ──► one worker of a Server ──► handler
//	 ▲                                                                        │
//	 └── answer, of this question by its id ◄── reply, to whoever asked ◄─────┘
//
// A question is not a command: nothing of it is stored, and an answer may fail to come.
// What must happen is said in a journal or sent as work; what may be asked again, or may
// be left open, is a question. Whoever asks says what it does without an answer.
//
// What is promised:
//
//   - Ask returns by the deadline of its context: with the answer, or with why there is
//     none. It never waits for a queue that is full or that nobody serves: that is said
//     at once.
//   - The handler sees the deadline in its context. A question whose deadline has passed
//     while it waited is not worked on.
//   - A reply that comes after the deadline, twice, or to nobody is dropped and counted.
//   - An error or a panic of a handler is the end of its question and of no other.
//   - A Server that stops takes no more questions, and answers those that it has.
package request
