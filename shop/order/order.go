package order

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A State is where an order stands.
type State string

// The states. The last three are ends.
const (
	Pending   State = "pending"   // accepted
	Confirmed State = "confirmed" // paid, and its stock reserved
	Completed State = "completed" // shipped
	Failed    State = "failed"    // by whoever could not do his part, or too late
	Cancelled State = "cancelled" // by the customer
)

var (
	// ErrIllegal: an order in this state cannot do that.
	ErrIllegal = errors.New("not possible in the state of the order")
	// ErrUnknown: there is no such order.
	ErrUnknown = errors.New("no such order")
)

// next is the one table of an order's life. What it does not list is illegal.
func (s State) next() []State {
	switch s {
	case "":
		return []State{Pending}
	case Pending:
		return []State{Confirmed, Failed, Cancelled}
	case Confirmed:
		return []State{Completed, Cancelled}
	}
	return nil
}

// next are the states that o can get to. As long as its user is not known nothing is done
// for it: it begins, or it is undone.
func (o Order) next() []State {
	if o.Unverified && o.State == Pending {
		return []State{Pending, Failed, Cancelled}
	}
	return o.State.next()
}

// ended reports whether nothing follows s.
func (s State) ended() bool { return len(s.next()) == 0 }

// undone reports whether s is an end at which everybody undoes what he did.
func (s State) undone() bool { return s == Failed || s == Cancelled }

// An Order is what its events say about it.
type Order struct {
	Terms   contract.OrderCreated // what was ordered, at which prices
	State   State
	Reason  string // why it ended as it did; "" for none
	Created time.Time
	// Unverified: the user service was away, and has not said yet that there is this user.
	// It stays where the order ended before that.
	Unverified bool
	Last       store.Place // of its last event
}

// An Event is a fact in the history of an order, and its place there.
type Event = aggregate.Event

// histories is how the history of an order makes the order, in whatever shape its events
// were written. An order has three events, or four: its row is all the snapshot it needs.
var histories = aggregate.Aggregate[Order]{
	Name: "order",
	Apply: func(o Order, e Event) (Order, error) {
		err := o.apply(e)
		return o, err
	},
	Shapes: []aggregate.Shape[Order]{
		aggregate.Is[Order, contract.OrderReceived](),
		aggregate.Is[Order, contract.OrderCreated](),
		aggregate.Is[Order, contract.OrderConfirmed](),
		aggregate.Was(completed),
		aggregate.Is[Order, contract.OrderFailed](),
		aggregate.Is[Order, contract.OrderCancelled](),
	},
}

// Histories is how orders are made from their histories, for whoever reads a journal.
func Histories() aggregate.Aggregate[Order] { return histories }

// completed fills in what left the house, which the first of these events did not say.
func completed(o Order, e contract.OrderCompleted) (message.Kind, error) {
	if e.Lines == nil {
		e.Lines = o.Terms.Lines
	}
	return e, nil
}

// Fold returns the order whose history is events, all of them from the first on.
func Fold(events []Event) (Order, error) { return histories.Fold(events) }

// apply takes o one event further.
func (o *Order) apply(e Event) error {
	next := *o
	switch fact := e.Fact.(type) {
	case contract.OrderReceived:
		if o.State != "" {
			return fmt.Errorf("%w: event %d is the first of an order", ErrIllegal, e.Version)
		}
		next.State, next.Terms, next.Created, next.Unverified = Pending, contract.OrderCreated(fact), e.Time, true
	case contract.OrderCreated:
		next.State, next.Terms, next.Unverified = Pending, fact, false
		if !o.Unverified {
			next.Created = e.Time
		}
	case contract.OrderConfirmed:
		next.State = Confirmed
	case contract.OrderCompleted:
		next.State = Completed
	case contract.OrderFailed:
		next.State, next.Reason = Failed, fact.Reason
	case contract.OrderCancelled:
		next.State, next.Reason = Cancelled, fact.Reason
	default:
		return fmt.Errorf("order: %s is not in the history of an order", e.Fact.Kind())
	}
	if !slices.Contains(o.next(), next.State) {
		return fmt.Errorf("%w: event %d is %s, after event %d it is %q", ErrIllegal, e.Version, e.Fact.Kind(), o.Last.Version, o.State)
	}
	next.Last = e.Place
	*o = next
	return nil
}

// The commands. Each returns what is to be said, in order: nothing if the order is there
// already, ErrIllegal if it cannot get there.

// confirm is for an order that is paid and has its stock. Where its parcel overtook the
// news, it has been confirmed.
func (o Order) confirm() ([]message.Kind, error) {
	if o.State == Completed {
		return nil, nil
	}
	return o.move(Confirmed, contract.OrderConfirmed{OrderID: o.Terms.OrderID})
}

// complete is for an order whose parcel is on its way. Nothing is shipped that was not
// paid and reserved: the parcel confirms, too.
func (o Order) complete(tracking string) ([]message.Kind, error) {
	done := contract.OrderCompleted{OrderID: o.Terms.OrderID, TrackingNumber: tracking, Lines: o.Terms.Lines}
	if o.State == Pending {
		return []message.Kind{contract.OrderConfirmed{OrderID: o.Terms.OrderID}, done}, nil
	}
	return o.move(Completed, done)
}

// fail is for an order for which somebody could not do his part.
func (o Order) fail(reason string) ([]message.Kind, error) {
	return o.move(Failed, contract.OrderFailed{OrderID: o.Terms.OrderID, Reason: reason, Lines: o.Terms.Lines})
}

// expire is for an order whose deadline has passed: it matters only to one that waits to
// be confirmed.
func (o Order) expire() ([]message.Kind, error) {
	if o.State != Pending {
		return nil, nil
	}
	return o.fail(contract.TimedOut)
}

// cancel is for an order that its customer does not want any more.
func (o Order) cancel() ([]message.Kind, error) {
	return o.move(Cancelled, contract.OrderCancelled{OrderID: o.Terms.OrderID, Reason: contract.CancelledByUser, Lines: o.Terms.Lines})
}

func (o Order) move(to State, fact message.Kind) ([]message.Kind, error) {
	switch {
	case o.State == to:
		return nil, nil
	case !slices.Contains(o.next(), to):
		return nil, fmt.Errorf("%w: %s to %s", ErrIllegal, o.State, to)
	}
	return []message.Kind{fact}, nil
}
