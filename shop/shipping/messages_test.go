package shipping

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// The messages about an order.
func stocked(id string) message.Kind {
	return contract.InventoryUpdated{OrderID: id, Style: contract.Choreographed, Lines: []contract.Line{{ProductID: "a", Quantity: 1}}}
}

func ordered(id string) message.Kind {
	return contract.ShipOrder{OrderID: id, Lines: []contract.Line{{ProductID: "a", Quantity: 1}}}
}

func made(id string) message.Kind {
	return label{OrderID: id, Wanted: time.Date(2026, 1, 31, 17, 30, 0, 0, time.UTC)}
}

// moved is the carrier's word when everything has happened that will.
func moved(string) message.Kind { return track{Until: theEnd} }

var theEnd = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func failed(id string) message.Kind { return contract.OrderFailed{OrderID: id} }

func cancelled(id string) message.Kind { return contract.OrderCancelled{OrderID: id} }

type messages []func(id string) message.Kind

// Every state and every message: where the shipment stands, what is asked of the carrier
// and what is said.
func TestEveryMessageInEveryState(t *testing.T) {
	type end struct {
		state                              status
		jobs, shipped, recalled, delivered int64
	}
	everything := messages{stocked, failed, cancelled, made, moved}
	s := start(t)
	for n, c := range []struct {
		name string
		give messages
		want []end // after each of everything; none is left without a shipment
	}{
		{"nothing yet", nil,
			[]end{{wanted, 1, 0, 0, 0}, {ended, 0, 0, 0, 0}, {ended, 0, 0, 0, 0}}},
		{"wanted", messages{stocked},
			[]end{{wanted, 1, 0, 0, 0}, {ended, 1, 0, 0, 0}, {ended, 1, 0, 0, 0}, {shipped, 1, 1, 0, 0}, {wanted, 1, 0, 0, 0}}},
		{"shipped", messages{stocked, made},
			[]end{{shipped, 1, 1, 0, 0}, {recalled, 1, 1, 1, 0}, {recalled, 1, 1, 1, 0}, {shipped, 1, 1, 0, 0}, {delivered, 1, 1, 0, 1}}},
		{"delivered", messages{stocked, made, moved},
			[]end{{delivered, 1, 1, 0, 1}, {recalled, 1, 1, 1, 1}, {recalled, 1, 1, 1, 1}, {delivered, 1, 1, 0, 1}, {delivered, 1, 1, 0, 1}}},
		{"recalled", messages{stocked, made, failed},
			[]end{{recalled, 1, 1, 1, 0}, {recalled, 1, 1, 1, 0}, {recalled, 1, 1, 1, 0}, {recalled, 1, 1, 1, 0}, {returned, 1, 1, 1, 0}}},
		{"delivered, then recalled", messages{stocked, made, moved, failed},
			[]end{{recalled, 1, 1, 1, 1}, {recalled, 1, 1, 1, 1}, {recalled, 1, 1, 1, 1}, {recalled, 1, 1, 1, 1}, {returned, 1, 1, 1, 1}}},
		{"returned", messages{stocked, made, failed, moved},
			[]end{{returned, 1, 1, 1, 0}, {returned, 1, 1, 1, 0}, {returned, 1, 1, 1, 0}, {returned, 1, 1, 1, 0}, {returned, 1, 1, 1, 0}}},
		{"ended while its label was made", messages{stocked, cancelled},
			[]end{{ended, 1, 0, 0, 0}, {ended, 1, 0, 0, 0}, {ended, 1, 0, 0, 0}, {recalled, 1, 0, 1, 0}, {ended, 1, 0, 0, 0}}},
		{"ended before it began", messages{failed},
			[]end{{ended, 0, 0, 0, 0}, {ended, 0, 0, 0, 0}, {ended, 0, 0, 0, 0}}},
	} {
		for i, want := range c.want {
			m, id := everything[i], fmt.Sprintf("%d-%d", n, i)
			t.Run(c.name+"/"+m(id).Kind(), func(t *testing.T) {
				s.hears(t, id, c.give...)
				for range 2 { // the second time, nothing is left to do
					s.hears(t, id, m)
					got := end{s.status(t, id), s.jobs(t, id), s.said(t, "OrderShipped", id), s.said(t, "ShipmentRecalled", id), s.said(t, "ShipmentDelivered", id)}
					if got != want {
						t.Errorf("got %v, want %v", got, want)
					}
				}
			})
		}
	}
}

// An order that ends before its stock is heard of sends nothing when it is.
func TestTombstoneOfAnEndedOrder(t *testing.T) {
	for _, end := range (messages{failed, cancelled}) {
		s := start(t)
		s.hears(t, "o", end)
		if got := s.status(t, "o"); got != ended {
			t.Errorf("%s left %q, want a tombstone", end("o").Kind(), got)
		}
		s.hears(t, "o", stocked)
		if s.jobs(t, "o") != 0 {
			t.Errorf("after %s, the carrier is asked", end("o").Kind())
		}
	}
}

func TestOutcomesAreNamed(t *testing.T) {
	s := start(t)
	var got []outcome
	run := func(f func(*store.Tx) (outcome, error)) {
		var did outcome
		_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) (err error) {
			did, err = f(tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, did)
	}
	want := func(o string) {
		run(func(tx *store.Tx) (outcome, error) { return s.want(tx, o, nil) })
	}
	ship := func(o string) { run(func(tx *store.Tx) (outcome, error) { return s.ship(tx, o, nil) }) }
	send := func(o string) { run(func(tx *store.Tx) (outcome, error) { return s.send(tx, o, Label{}) }) }
	end := func(o string) { run(func(tx *store.Tx) (outcome, error) { return s.end(tx, o, nil) }) }
	want("o")
	want("o")
	send("o")
	send("o")
	end("o")
	end("o")
	want("o")
	end("p")
	want("p")
	want("q")
	end("q")
	send("q")
	ship("q")
	ship("r")
	ship("r")
	send("r")
	ship("r")
	expected := []outcome{asked, again, sent, again, called, again, late, buried, late, asked, buried, called, late, asked, again, sent, said}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got  %q\nwant %q", got, expected)
	}
}

// Whoever commands a parcel gets his answer as often as he asks for it: once it is sent,
// and not for an order that has ended. Only one parcel is sent.
func TestShipOrderIsAnswered(t *testing.T) {
	for _, tt := range []struct {
		name string
		give messages
		want int64 // times that OrderShipped was said
		jobs int64
	}{
		{"once", messages{ordered, made}, 1, 1},
		{"while its label is made", messages{ordered, ordered, made}, 1, 1},
		{"once more", messages{ordered, made, ordered, ordered}, 3, 1},
		{"after it arrived", messages{ordered, made, moved, ordered}, 2, 1},
		{"after it was recalled", messages{ordered, made, failed, ordered}, 1, 1},
		{"of an order that has ended", messages{cancelled, ordered}, 0, 0},
		{"of one that ended while its label was made", messages{ordered, cancelled, ordered, made, ordered}, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t)
			s.hears(t, "o", tt.give...)
			if got, jobs := s.said(t, "OrderShipped", "o"), s.jobs(t, "o"); got != tt.want || jobs != tt.jobs {
				t.Errorf("said %d times, and %d parcels; want %d and %d", got, jobs, tt.want, tt.jobs)
			}
			if n := s.number(t, `SELECT count(DISTINCT body) FROM journal WHERE kind = 'OrderShipped'`); n > 1 {
				t.Errorf("the answers differ: there are %d", n)
			}
		})
	}
}

// That stock is reserved is shipping's turn only where nobody conducts.
func TestOthersAreCommanded(t *testing.T) {
	for style, want := range map[string]status{contract.Choreographed: wanted, contract.Orchestrated: none, contract.Parallel: none} {
		s := start(t)
		s.hears(t, "o", func(id string) message.Kind { return contract.InventoryUpdated{OrderID: id, Style: style} })
		if n := s.number(t, `SELECT count(*) FROM shipment`); n != map[status]int64{wanted: 1}[want] {
			t.Errorf("%s: %d shipments", style, n)
		}
	}
}

// A clerk is a carrier that remembers what it was asked, and follows no parcel.
type clerk struct {
	Courier
	asked []Parcel
	err   error
}

func (c *clerk) Label(_ context.Context, p Parcel) (Label, error) {
	c.asked = append(c.asked, p)
	return Label{Carrier: "clerk", Tracking: "C1"}, c.err
}

// The carrier is asked under the order's own key, each time the same.
func TestCarrierIsAskedUnderOneKey(t *testing.T) {
	c := &clerk{}
	s := start(t)
	s.Carrier = c
	s.hears(t, "o", stocked, made, made)
	if len(c.asked) != 2 || c.asked[0].Key != "o" || !reflect.DeepEqual(c.asked[0], c.asked[1]) {
		t.Errorf("asked %+v", c.asked)
	}
	c.err = errors.New("closed")
	m, err := message.Encode("o", made("o"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Queues()[0].Call(t.Context(), m); !errors.Is(err, c.err) {
		t.Errorf("got %v: a carrier that fails is tried again", err)
	}
}
