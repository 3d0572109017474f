package request

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
)

// Errors that callers branch on.
var (
	// ErrNobody: nobody that can be reached serves the queue.
	ErrNobody = errors.New("nobody answers this queue")
	// ErrFull: more questions wait in the queue than are to be answered in time.
	ErrFull = errors.New("too many questions wait in this queue")
	// ErrTimeout: there was no answer by the deadline. The question may have been handled.
	ErrTimeout = errors.New("no answer in time")
	// ErrFailed: the question was handled, and its handler could not answer.
	ErrFailed = errors.New("the question could not be answered")
)

// A Driver carries questions and replies. Its methods may be called concurrently. A
// Driver never retries, stores nothing, and never sees a handler.
//
// Package requesttest checks every promise made here.
type Driver interface {
	// Listen has hear, which is quick, called with every reply to a question whose
	// ReplyTo is the address that it returns, until stop is called. No two calls of
	// Listen return the same address.
	Listen(hear func(Reply)) (address string, stop func(), err error)

	// Serve returns the questions of a queue that come from now on. Of several who
	// serve a queue, one gets each question. After stop no more is sent to it; what
	// was sent before still comes, and then the channel is closed.
	Serve(queue string) (questions <-chan Question, stop func(), err error)

	// Send puts a question into its queue, and does not wait for anything else. It fails
	// with ErrNobody where nobody serves the queue, and with ErrFull where each of them
	// has as many questions waiting as it may.
	Send(ctx context.Context, q Question) error

	// Reply sends the reply to a question to its ReplyTo, and does not wait for it to be
	// heard. It fails with ErrNobody where nobody listens there any more.
	Reply(ctx context.Context, q Question, r Reply) error
}

// A Question is what travels to whoever answers.
type Question struct {
	message.Message           // its ID is what a reply refers to
	Queue           string    // service_work
	Deadline        time.Time // by the asker's clock
	ReplyTo         string    // where the reply goes
}

// A Reply is what travels back. Its Cause is the ID of the question.
type Reply struct {
	message.Message
	Failure  string    // why there is no answer; "" if there is one
	Deadline time.Time // of the question
}
