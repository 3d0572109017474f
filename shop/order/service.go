package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	asking "github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Service is the order service.
type Service struct {
	DB        *store.DB
	Catalogue Catalogue
	Users     Users
	Asks      *asking.Client // of inventory, before an order is accepted; nil: nobody is asked
	Deadline  time.Duration  // for an order to be confirmed; 5m
	Meter     metric.Meter   // of what became of messages; none

	measures measures // of orders; see Measure
}

// A Catalogue knows what can be ordered.
type Catalogue interface {
	// Lookup returns the products with these ids, in any order, without those that
	// there are not.
	Lookup(ctx context.Context, ids []string) ([]contract.Product, error)
}

// Users knows who can order.
type Users interface {
	// Known reports whether there is a user with this id.
	Known(ctx context.Context, id string) (bool, error)
}

// An expire is work for when an order's deadline has passed.
type expire struct {
	OrderID string `json:"orderId"`
}

// Kind is the name of the message.
func (expire) Kind() string { return "expire" }

// Queue is where deadlines wait.
func (expire) Queue() string { return "order_deadlines" }

// deadlineID names the job of a deadline, so that it can be taken back.
func deadlineID(orderID string) string { return "deadline-" + orderID }

// accept makes an order: one event, one row, one deadline.
func (s *Service) accept(tx *store.Tx, terms contract.OrderCreated) (row, error) {
	limit := s.Deadline
	if limit == 0 {
		limit = 5 * time.Minute
	}
	terms.Deadline = tx.Now.Add(limit)
	r := row{progress: begin()}
	if err := r.say(tx, terms.OrderID, terms); err != nil {
		return row{}, err
	}
	if err := insert(tx, r); err != nil {
		return row{}, err
	}
	s.measures.begun(tx)
	return r, tx.SendAs(deadlineID(terms.OrderID), terms.Deadline, terms.OrderID, expire{OrderID: terms.OrderID})
}

// say appends the next event of an order.
func (r *row) say(tx *store.Tx, id string, fact message.Kind) error {
	place, err := tx.AppendAfter(r.Last, id, fact)
	if err != nil {
		return err
	}
	return r.apply(Event{Place: place, Fact: fact})
}

// An outcome is what became of a message to an order. Nothing ends without one.
type outcome string

const (
	moved outcome = "moved" // the order is in another state
	noted outcome = "noted" // more is known of the payment or the shipment
	again outcome = "again" // it was so already
	late  outcome = "late"  // the order was undone: whoever sent this undoes it
)

// take changes an order as a message to it means. ErrIllegal is one that contradicts what
// the order is; ErrUnknown, that there is no such order.
func (s *Service) take(tx *store.Tx, id string, m message.Kind) (outcome, error) {
	n := meaning(m)
	before, err := load(tx, id)
	if err != nil {
		return "", err
	}
	r := before
	if n.note != nil {
		n.note(&r.progress)
	}
	overdue := false
	if n.decide != nil {
		facts, err := n.decide(r.Order)
		if overdue = errors.Is(err, ErrIllegal) && r.State.undone(); err != nil && !overdue {
			return "", err
		}
		for _, f := range facts {
			if err := r.say(tx, id, f); err != nil {
				return "", err
			}
		}
	}
	r.settle(r.State)
	did := difference(before, r, overdue)
	if r.State == before.State && r.progress == before.progress {
		return did, nil
	}
	if _, handled := m.(expire); before.State == Pending && r.State != Pending && !handled {
		// A deadline that is being handled is acknowledged, not taken back.
		if err := tx.Unsend(deadlineID(id)); err != nil {
			return "", err
		}
	}
	if r.State.ended() && !before.State.ended() {
		s.measures.over(tx, r.Order)
	}
	return did, keep(tx, before, r)
}

// difference names what became of a message. What came too late for the order may still
// have said something of the payment or the shipment; that it was late matters more.
func difference(before, r row, overdue bool) outcome {
	switch {
	case r.State != before.State:
		return moved
	case overdue:
		return late
	case r.progress != before.progress:
		return noted
	}
	return again
}

// keep stores what became of an order. One that has ended gets its place among those.
func keep(tx *store.Tx, before, r row) error {
	if r.Last == before.Last && tx.Now.After(r.Last.Time) {
		r.Last.Time = tx.Now
	}
	if r.State.ended() && r.Ended == 0 {
		n, err := tx.Next()
		if err != nil {
			return err
		}
		r.Ended = n
	}
	return save(tx, r)
}

// cancel is what a customer who calls an order off means.
type cancel struct{}

// Kind is the name of the wish.
func (cancel) Kind() string { return "cancel" }

// callOff cancels an order.
func (s *Service) callOff(tx *store.Tx, id string) (row, error) {
	did, err := s.take(tx, id, cancel{})
	switch {
	case err != nil:
		return row{}, err
	case did == late: // for a message that would do; a customer is told
		return row{}, fmt.Errorf("%w: it has failed", ErrIllegal)
	}
	return load(tx, id)
}
