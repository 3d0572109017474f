package order

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Service is the order service.
type Service struct {
	DB        *store.DB
	Catalogue Catalogue
	Users     Users
	Style     string                  // of orders that do not say; orchestrated
	Stock     Stock                   // is asked before an order is accepted; nil: nobody is
	Deadline  time.Duration           // for an order to be confirmed; 5m
	Meter     metric.Meter            // of what became of messages; none
	Changes   *broadcast.Topic[int64] // is told the versions of orders, each under its id, when something is known of them; nobody

	measures measures // of orders; see Measure
	once     sync.Once
	placing  saga.Saga[row]
}

// flow is placeOrder, made once.
func (s *Service) flow() saga.Saga[row] {
	s.once.Do(func() { s.placing = s.placeOrder() })
	return s.placing
}

// A Catalogue knows what can be ordered.
type Catalogue interface {
	// Lookup returns the products with these ids, in any order, without those that
	// there are not.
	Lookup(ctx context.Context, ids []string) ([]contract.Product, error)
}

// Stock knows how much there is.
type Stock interface {
	// CheckStock tells of which products there is not as much as is wanted. It changes
	// nothing, and reserves nothing.
	CheckStock(context.Context, contract.CheckStock) (contract.StockChecked, error)
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

func (s *Service) deadline() time.Duration { return cmp.Or(s.Deadline, 5*time.Minute) }

// accept makes an order: one event, one row, one deadline, and the first command where it is
// conducted.
func (s *Service) accept(tx *store.Tx, terms contract.OrderCreated) (row, error) {
	r := row{progress: begin()}
	r.Terms = terms
	s.measures.begun(tx)
	return r, s.begin(tx, &r)
}

// begin begins the flow of an order that is new, or whose user has become known.
func (s *Service) begin(tx *store.Tx, r *row) error {
	r.Terms.Deadline = tx.Now.Add(s.deadline())
	if r.Terms.Style == contract.Orchestrated {
		_, err := s.flow().Start(tx, r.Terms.OrderID, r)
		return err
	}
	if err := enter(tx, r); err != nil {
		return err
	}
	return tx.SendAs(deadlineID(r.Terms.OrderID), r.Terms.Deadline, r.Terms.OrderID, expire{OrderID: r.Terms.OrderID})
}

// enter says and stores that an order on these terms was accepted. One that waited for its
// user has a row already, which is written with what became of it.
func enter(tx *store.Tx, r *row) error {
	waited := r.Unverified
	if err := r.say(tx, r.Terms.OrderID, r.Terms); err != nil || waited {
		return err
	}
	return insert(tx, *r)
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
	before, err := load(tx, id)
	if err != nil {
		return "", err
	}
	r := before
	n := meaning(m, r.Terms.Style)
	if n.note != nil {
		n.note(&r.progress)
	}
	tooLate := false
	switch _, asked := m.(verified); {
	case r.Unverified:
		tooLate, err = s.beforehand(tx, &r, m, n)
	case asked: // before
	case r.Terms.Style == contract.Orchestrated:
		tooLate, err = s.conduct(tx, &r, m)
	case n.decide != nil:
		tooLate, err = r.attempt(tx, n.decide)
	}
	if err != nil {
		return "", err
	}
	r.settle(r.State)
	did := difference(before, r, tooLate)
	if r.State == before.State && r.progress == before.progress && r.Last == before.Last {
		return did, nil
	}
	if _, handled := m.(expire); before.State == Pending && r.State != Pending && !handled && (before.Unverified || r.Terms.Style != contract.Orchestrated) {
		// A deadline that is being handled is acknowledged, not taken back.
		if err := tx.Unsend(deadlineID(id)); err != nil {
			return "", err
		}
	}
	if r.State.ended() && !before.State.ended() {
		s.measures.over(tx, r.Order)
	}
	s.tell(tx, r)
	return did, keep(tx, before, r)
}

// tell wakes whoever waits for an order, once it is stored.
func (s *Service) tell(tx *store.Tx, r row) {
	if s.Changes == nil {
		return
	}
	id, version := r.Terms.OrderID, r.Last.Version
	tx.Then(func() {
		// They look for themselves, too: it is a hint.
		_ = s.Changes.Publish(context.Background(), id, version)
	})
}

// attempt is decide for what may come too late: an order that was undone stays as it is.
func (r *row) attempt(tx *store.Tx, what func(row) ([]message.Kind, error)) (tooLate bool, err error) {
	undone := r.State.undone()
	if err = r.decide(tx, what); undone && errors.Is(err, ErrIllegal) {
		return true, nil
	}
	return false, err
}

// decide says and sends what an order is to do.
func (r *row) decide(tx *store.Tx, what func(row) ([]message.Kind, error)) error {
	all, err := what(*r)
	if err != nil {
		return err
	}
	id := r.Terms.OrderID
	for _, each := range all {
		if command, ok := each.(message.Work); ok {
			err = tx.Send(id, command)
		} else {
			err = r.say(tx, id, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// difference names what became of a message. What came too late for the order may still
// have said something of the payment or the shipment; that it was late matters more.
func difference(before, r row, tooLate bool) outcome {
	switch {
	case r.State != before.State, r.Unverified != before.Unverified:
		return moved
	case tooLate:
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
