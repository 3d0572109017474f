package order

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"pgregory.net/rapid"
)

var (
	processed  = contract.PaymentProcessed{OrderID: "o", Attempts: 2}
	declined   = contract.PaymentFailed{OrderID: "o", Reason: contract.PaymentDeclined, Attempts: 1}
	moneyBack  = contract.PaymentRefunded{OrderID: "o"}
	stocked    = contract.InventoryUpdated{OrderID: "o"}
	short      = contract.InventoryUpdateFailed{OrderID: "o", Reason: contract.OutOfStock}
	onItsWay   = contract.OrderShipped{OrderID: "o", TrackingNumber: "T1"}
	handedOver = contract.ShipmentDelivered{OrderID: "o", TrackingNumber: "T1"}
	parcelBack = contract.ShipmentRecalled{OrderID: "o"}
	deadline   = expire{OrderID: "o"}
	everyNews  = []message.Kind{processed, declined, moneyBack, stocked, short, onItsWay, handedOver, parcelBack, deadline}
)

// illegal stands for a message that contradicts the order: dead, for an operator to see.
const illegal outcome = "illegal"

// Every state and every message: what becomes of the order, the payment, the shipment.
func TestEveryMessageInEveryState(t *testing.T) {
	type end struct {
		did                      outcome
		state, payment, shipment string
	}
	s := open(t)
	for n, state := range []struct {
		name string
		give func(s *Service, id string)
		want []end // one for each of everyNews
	}{
		{"pending", func(s *Service, id string) {}, []end{
			{noted, "pending", "captured", "pending"},
			{moved, "failed payment_declined", "failed", "ended"},
			{noted, "pending", "refunded", "pending"}, // out of stock; inventory's word is on its way
			{moved, "confirmed", "captured", "pending"},
			{moved, "failed out_of_stock", "refunding", "ended"},
			{moved, "completed", "captured", "shipped"}, // the parcel overtook all other news
			{noted, "pending", "pending", "delivered"},
			{noted, "pending", "pending", "recalled"},
			{moved, "failed timed_out", "ended", "ended"},
		}},
		{"pending, paid", func(s *Service, id string) { s.hears(t, id, processed) }, []end{
			{again, "pending", "captured", "pending"},
			{moved, "failed payment_declined", "refunding", "ended"},
			{noted, "pending", "refunded", "pending"},
			{moved, "confirmed", "captured", "pending"},
			{moved, "failed out_of_stock", "refunding", "ended"},
			{moved, "completed", "captured", "shipped"},
			{noted, "pending", "captured", "delivered"},
			{noted, "pending", "captured", "recalled"},
			{moved, "failed timed_out", "refunding", "ended"},
		}},
		{"confirmed", func(s *Service, id string) { s.hears(t, id, processed, stocked) }, []end{
			{again, "confirmed", "captured", "pending"},
			{illegal, "confirmed", "captured", "pending"},
			{noted, "confirmed", "refunded", "pending"},
			{again, "confirmed", "captured", "pending"},
			{illegal, "confirmed", "captured", "pending"},
			{moved, "completed", "captured", "shipped"},
			{noted, "confirmed", "captured", "delivered"},
			{noted, "confirmed", "captured", "recalled"},
			{again, "confirmed", "captured", "pending"}, // what is confirmed does not time out
		}},
		{"confirmed, payment's word still to come", func(s *Service, id string) { s.hears(t, id, stocked) }, []end{
			{noted, "confirmed", "captured", "pending"}, // the number of attempts
			{illegal, "confirmed", "captured", "pending"},
			{noted, "confirmed", "refunded", "pending"},
			{again, "confirmed", "captured", "pending"},
			{illegal, "confirmed", "captured", "pending"},
			{moved, "completed", "captured", "shipped"},
			{noted, "confirmed", "captured", "delivered"},
			{noted, "confirmed", "captured", "recalled"},
			{again, "confirmed", "captured", "pending"},
		}},
		{"completed", func(s *Service, id string) { s.hears(t, id, processed, stocked, onItsWay) }, []end{
			{again, "completed", "captured", "shipped"},
			{illegal, "completed", "captured", "shipped"},
			{noted, "completed", "refunded", "shipped"},
			{again, "completed", "captured", "shipped"},
			{illegal, "completed", "captured", "shipped"},
			{again, "completed", "captured", "shipped"},
			{noted, "completed", "captured", "delivered"},
			{noted, "completed", "captured", "recalled"},
			{again, "completed", "captured", "shipped"},
		}},
		{"delivered", func(s *Service, id string) { s.hears(t, id, processed, stocked, onItsWay, handedOver) }, []end{
			{again, "completed", "captured", "delivered"},
			{illegal, "completed", "captured", "delivered"},
			{noted, "completed", "refunded", "delivered"},
			{again, "completed", "captured", "delivered"},
			{illegal, "completed", "captured", "delivered"},
			{again, "completed", "captured", "delivered"},
			{again, "completed", "captured", "delivered"},
			{noted, "completed", "captured", "recalled"},
			{again, "completed", "captured", "delivered"},
		}},
		{"recalled", func(s *Service, id string) { s.hears(t, id, processed, stocked, parcelBack); s.calledOff(t, id) }, []end{
			{again, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{late, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{noted, "cancelled cancelled_by_customer", "refunded", "recalled"},
			{late, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{late, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{late, "cancelled cancelled_by_customer", "refunding", "recalled"}, // only its number
			{noted, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{again, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{again, "cancelled cancelled_by_customer", "refunding", "recalled"},
		}},
		{"failed, declined", func(s *Service, id string) { s.hears(t, id, declined) }, []end{
			{noted, "failed payment_declined", "failed", "ended"}, // attempts
			{again, "failed payment_declined", "failed", "ended"},
			{noted, "failed payment_declined", "refunded", "ended"},
			{late, "failed payment_declined", "failed", "ended"},
			{noted, "failed payment_declined", "failed", "ended"},
			{late, "failed payment_declined", "failed", "shipped"},
			{noted, "failed payment_declined", "failed", "delivered"},
			{noted, "failed payment_declined", "failed", "recalled"},
			{again, "failed payment_declined", "failed", "ended"},
		}},
		{"failed, timed out", func(s *Service, id string) { s.hears(t, id, deadline) }, []end{
			{noted, "failed timed_out", "refunding", "ended"},
			{noted, "failed timed_out", "failed", "ended"},
			{noted, "failed timed_out", "refunded", "ended"},
			{late, "failed timed_out", "refunding", "ended"}, // stock was taken, so it was paid
			{noted, "failed timed_out", "refunding", "ended"},
			{late, "failed timed_out", "ended", "shipped"},
			{noted, "failed timed_out", "ended", "delivered"},
			{noted, "failed timed_out", "ended", "recalled"},
			{again, "failed timed_out", "ended", "ended"},
		}},
		{"failed, out of stock", func(s *Service, id string) { s.hears(t, id, processed, short) }, []end{
			{again, "failed out_of_stock", "refunding", "ended"},
			{again, "failed out_of_stock", "refunding", "ended"},
			{noted, "failed out_of_stock", "refunded", "ended"},
			{late, "failed out_of_stock", "refunding", "ended"},
			{again, "failed out_of_stock", "refunding", "ended"},
			{late, "failed out_of_stock", "refunding", "shipped"},
			{noted, "failed out_of_stock", "refunding", "delivered"},
			{noted, "failed out_of_stock", "refunding", "recalled"},
			{again, "failed out_of_stock", "refunding", "ended"},
		}},
		{"cancelled", func(s *Service, id string) { s.hears(t, id, processed, stocked); s.calledOff(t, id) }, []end{
			{again, "cancelled cancelled_by_customer", "refunding", "ended"},
			{late, "cancelled cancelled_by_customer", "refunding", "ended"},
			{noted, "cancelled cancelled_by_customer", "refunded", "ended"},
			{late, "cancelled cancelled_by_customer", "refunding", "ended"},
			{late, "cancelled cancelled_by_customer", "refunding", "ended"},
			{late, "cancelled cancelled_by_customer", "refunding", "shipped"},
			{noted, "cancelled cancelled_by_customer", "refunding", "delivered"},
			{noted, "cancelled cancelled_by_customer", "refunding", "recalled"},
			{again, "cancelled cancelled_by_customer", "refunding", "ended"},
		}},
	} {
		for i, fact := range everyNews {
			t.Run(state.name+"/"+fact.Kind(), func(t *testing.T) {
				id := fmt.Sprintf("%d-%d", n, i)
				s.placed(t, id)
				state.give(s, id)
				did := s.outcomeOf(t, id, fact)
				r := s.row(t, id)
				status := string(r.State)
				if r.Reason != "" {
					status += " " + r.Reason
				}
				if got := (end{did, status, r.Payment, r.Shipment}); got != state.want[i] {
					t.Errorf("got %v, want %v", got, state.want[i])
				}
				s.checkSound(t, id)
			})
		}
	}
}

func (s *Service) calledOff(t *testing.T, id string) {
	t.Helper()
	s.update(t, func(tx *store.Tx) error {
		_, err := s.callOff(tx, id)
		return err
	})
}

// outcomeOf tells what a message does, and that nothing is left to do when it comes again.
func (s *Service) outcomeOf(t *testing.T, id string, m message.Kind) (did outcome) {
	t.Helper()
	_, err := s.DB.Update(t.Context(), []string{id}, func(tx *store.Tx) (err error) {
		did, err = s.take(tx, id, m)
		return err
	})
	if errors.Is(err, ErrIllegal) {
		if err := s.hearsOne(t, id, m); !(failure.Policy{}).Judge(failure.History{}, forever(), err).Dead {
			t.Errorf("%s is tried again: %v", m.Kind(), err)
		}
		return illegal
	}
	if err != nil {
		t.Fatal(err)
	}
	after := s.row(t, id)
	s.hears(t, id, m)
	if twice := s.row(t, id); !reflect.DeepEqual(twice, after) {
		t.Errorf("%s for the second time changed %+v to %+v", m.Kind(), after, twice)
	}
	return did
}

// checkSound checks what holds for every order at any time: its row is the fold of its
// events, their times grow, it has a deadline as long as it is pending and a place among
// the ended once it has ended.
func (s *Service) checkSound(t interface {
	Helper()
	Context() context.Context
	Fatal(...any)
	Errorf(string, ...any)
}, id string) {
	t.Helper()
	var r row
	var events []Event
	var deadlines int64
	err := s.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		if r, err = load(tx, id); err != nil {
			return err
		}
		if events, err = history(tx, id, forever()); err != nil {
			return err
		}
		_, err = tx.Row([]any{&deadlines}, `SELECT count(*) FROM job WHERE id = $1`, deadlineID(id))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	o, err := Fold(events)
	if err != nil {
		t.Fatal(err)
	}
	if r.Last.Time.Before(o.Last.Time) {
		t.Errorf("updated at %v, before its last event at %v", r.Last.Time, o.Last.Time)
	}
	o.Last.Time = r.Last.Time // the row also moves with the progress
	if !reflect.DeepEqual(r.Order, o) {
		t.Errorf("the row is %+v\nthe fold is %+v", r.Order, o)
	}
	for i := range len(events) - 1 {
		if !events[i+1].Time.After(events[i].Time) {
			t.Errorf("event %d is not later than the one before", i+2)
		}
	}
	waits := r.State == Pending || r.Terms.Style == contract.Orchestrated && !r.State.ended() // there shipping has a deadline
	if waits != (deadlines == 1) && r.Reason != contract.TimedOut {
		t.Errorf("%s with %d deadlines", r.State, deadlines)
	}
	if (r.Ended > 0) != r.State.ended() {
		t.Errorf("%s has ended as number %d", r.State, r.Ended)
	}
}

// Any messages in any order, also in one batch: an order stays sound.
func TestAnyMessagesInAnyOrder(t *testing.T) {
	s := open(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		id := fmt.Sprintf("o%d", n)
		s.placed(t, id)
		for _, batch := range rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, len(everyNews)), 1, 5), 1, 4).Draw(rt, "batches") {
			_, err := s.DB.Update(t.Context(), []string{id}, func(tx *store.Tx) error {
				for _, i := range batch {
					if err := s.any(t, tx, id, i); err != nil && !errors.Is(err, ErrIllegal) {
						return err
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
			s.checkSound(rt, id)
		}
		s.checkMoments(rt, id, s.events1(t, id))
	})
}

// any hands message i to its handler; one more is the customer's cancel.
func (s *Service) any(t *testing.T, tx *store.Tx, id string, i int) error {
	if i == len(everyNews) {
		_, err := s.callOff(tx, id)
		return err
	}
	m, err := message.Encode(id, everyNews[i])
	if err != nil {
		return err
	}
	return s.handle(t, tx, m)
}

func TestUnknownOrderIsDead(t *testing.T) {
	s := open(t)
	err := s.hearsOne(t, "nobody", processed)
	if !errors.Is(err, ErrUnknown) || !(failure.Policy{}).Judge(failure.History{}, forever(), err).Dead {
		t.Errorf("got %v, want a permanent ErrUnknown", err)
	}
}

// An accepted order costs one event, one row and one deadline, and nothing more.
func TestAcceptWritesThreeRows(t *testing.T) {
	s := open(t)
	s.placed(t, "o")
	for table, want := range map[string]int64{"journal": 1, "orders": 1, "job": 1, "parked": 0, "inbox": 0, "idempotency": 0} {
		if got := s.count(t, "SELECT count(*) FROM "+table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
	r := s.row(t, "o")
	due := s.count(t, "SELECT due FROM job WHERE queue = 'order_deadlines'")
	if want := r.Created.Add(5 * 60e9).UnixMicro(); due != want || r.Terms.Deadline.UnixMicro() != want {
		t.Errorf("due at %d, deadline %d; want %d", due, r.Terms.Deadline.UnixMicro(), want)
	}
}
