package queue

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// ErrLease: a delivery's lease has ended, and somebody else may have it.
var ErrLease = errors.New("the lease has ended")

// A Driver hands out the messages of queues. Its methods may be called concurrently. A
// Driver never retries, and never sees a handler. Messages are sent with Tx.Send.
//
// Package queuetest checks every promise made here.
type Driver interface {
	// Receive returns at most max messages of a queue that are due, at once, perhaps
	// none, the longest due first. Nobody else gets them before their lease ends. A
	// message whose lease ended twice without a verdict is a suspect: it comes alone,
	// with its Strikes counted before, and only while no other suspect of the queue is
	// out.
	Receive(ctx context.Context, queue string, max int) ([]Delivery, error)

	// Renew holds deliveries for one more lease from now. It reports ErrLease if any
	// has ended, and renews the others.
	Renew(ctx context.Context, deliveries []Delivery) error

	// Settle writes verdicts into tx where the queue lives in that database, and does
	// nothing elsewhere. It fails with ErrLease if a lease has ended.
	Settle(tx *store.Tx, verdicts []Verdict) error

	// Confirm tells the server verdicts that are committed. A crash before it brings
	// the messages again; an inbox drops them.
	Confirm(ctx context.Context, verdicts []Verdict) error

	// Depth counts the messages of a queue: waiting to be handed out (due or not), out
	// with a worker, and dead.
	Depth(ctx context.Context, queue string) (waiting, out, dead int64, err error)
}

// A Delivery is one attempt to hand over a message.
type Delivery struct {
	Queue string
	message.Message
	Due     time.Time       // since when it could have been handed out
	Lease   string          // names this delivery
	Strikes int             // leases that ended without a verdict
	Past    failure.History // the attempts before
}

// fresh reports whether d is handed out for the first time, and could have been as soon as it
// was sent.
func (d Delivery) fresh() bool {
	return d.Strikes == 0 && d.Past.Attempts == 0 && len(d.Past.Causes) == 0 && d.Past.Redrives == 0 && d.Due.Sub(d.Time).Abs() < time.Millisecond
}

// A Verdict ends a delivery. The zero Next acknowledges it.
type Verdict struct {
	Delivery
	Next failure.Next
}
