package shipping

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

var (
	stocked   = contract.InventoryUpdated{OrderID: "o", Lines: []contract.Line{{ProductID: "a", Quantity: 1}}}
	made      = label{OrderID: "o", Wanted: time.Date(2026, 1, 31, 17, 30, 0, 0, time.UTC)}
	failed    = contract.OrderFailed{OrderID: "o"}
	cancelled = contract.OrderCancelled{OrderID: "o"}
)

// Every state and every message: where the shipment stands, what is asked of the carrier
// and what is said.
func TestEveryMessageInEveryState(t *testing.T) {
	type end struct {
		state                   status
		jobs, shipped, recalled int64
	}
	everything := []message.Kind{stocked, failed, cancelled, made}
	for _, c := range []struct {
		name string
		give []message.Kind
		want []end // after each of everything; none is left without a shipment
	}{
		{"nothing yet", nil,
			[]end{{wanted, 1, 0, 0}, {ended, 0, 0, 0}, {ended, 0, 0, 0}}},
		{"wanted", []message.Kind{stocked},
			[]end{{wanted, 1, 0, 0}, {ended, 1, 0, 0}, {ended, 1, 0, 0}, {shipped, 1, 1, 0}}},
		{"shipped", []message.Kind{stocked, made},
			[]end{{shipped, 1, 1, 0}, {recalled, 1, 1, 1}, {recalled, 1, 1, 1}, {shipped, 1, 1, 0}}},
		{"recalled", []message.Kind{stocked, made, failed},
			[]end{{recalled, 1, 1, 1}, {recalled, 1, 1, 1}, {recalled, 1, 1, 1}, {recalled, 1, 1, 1}}},
		{"ended while its label was made", []message.Kind{stocked, cancelled},
			[]end{{ended, 1, 0, 0}, {ended, 1, 0, 0}, {ended, 1, 0, 0}, {recalled, 1, 0, 1}}},
		{"ended before it began", []message.Kind{failed},
			[]end{{ended, 0, 0, 0}, {ended, 0, 0, 0}, {ended, 0, 0, 0}}},
	} {
		for i, want := range c.want {
			m := everything[i]
			t.Run(c.name+"/"+m.Kind(), func(t *testing.T) {
				t.Parallel()
				s := start(t)
				s.hears(t, c.give...)
				for range 2 { // the second time, nothing is left to do
					s.hears(t, m)
					got := end{s.status(t), s.jobs(t), s.said(t, "OrderShipped"), s.said(t, "ShipmentRecalled")}
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
	for _, end := range []message.Kind{failed, cancelled} {
		s := start(t)
		s.hears(t, end)
		if got := s.status(t); got != ended {
			t.Errorf("%s left %q, want a tombstone", end.Kind(), got)
		}
		s.hears(t, stocked)
		if s.jobs(t) != 0 {
			t.Errorf("after %s, the carrier is asked", end.Kind())
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
		run(func(tx *store.Tx) (outcome, error) { return s.want(tx, contract.InventoryUpdated{OrderID: o}) })
	}
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
	expected := []outcome{asked, again, sent, again, called, again, late, buried, late, asked, buried, called}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got  %q\nwant %q", got, expected)
	}
}

// A clerk is a carrier that remembers what it was asked.
type clerk struct {
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
	s.hears(t, stocked, made, made)
	if len(c.asked) != 2 || c.asked[0].Key != "o" || !reflect.DeepEqual(c.asked[0], c.asked[1]) {
		t.Errorf("asked %+v", c.asked)
	}
	c.err = errors.New("closed")
	m, err := message.Encode("o", made)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Queues()[0].Call(t.Context(), m); !errors.Is(err, c.err) {
		t.Errorf("got %v: a carrier that fails is tried again", err)
	}
}

func TestCourier(t *testing.T) {
	ask := func(key string) Label {
		l, err := (Courier{}).Label(t.Context(), Parcel{Key: key, Wanted: made.Wanted})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a, b := ask("o"), ask("p")
	if a != ask("o") || a.Tracking == b.Tracking || len(a.Tracking) != 14 {
		t.Errorf("got %+v, again %+v, for another %+v", a, ask("o"), b)
	}
	if want := time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC); !a.Pickup.Equal(want) {
		t.Errorf("fetched at %v, want %v", a.Pickup, want)
	}
}

func TestDoor(t *testing.T) {
	number := func() string {
		l, _ := (Courier{}).Label(t.Context(), Parcel{Key: "o"})
		return l.Tracking
	}()
	for _, c := range []struct {
		give       []message.Kind
		status     int
		want       document // without times
		wantPickup bool
		wantEvents []string
	}{
		{nil, 404, document{}, false, nil},
		{[]message.Kind{failed}, 200, document{OrderID: "o", Status: ended}, false, []string{"ended"}},
		{[]message.Kind{stocked}, 200, document{OrderID: "o", Status: wanted}, false, []string{"wanted"}},
		{[]message.Kind{stocked, made}, 200, document{OrderID: "o", Status: shipped, Carrier: "tidewire-courier", TrackingNumber: number}, true, []string{"wanted", "shipped"}},
		{[]message.Kind{stocked, made, failed}, 200, document{OrderID: "o", Status: recalled, Carrier: "tidewire-courier", TrackingNumber: number}, false, []string{"wanted", "shipped", "recalled"}},
		{[]message.Kind{stocked, failed, made}, 200, document{OrderID: "o", Status: recalled, Carrier: "tidewire-courier", TrackingNumber: number}, false, []string{"wanted", "shipped", "recalled"}},
	} {
		s := start(t)
		s.hears(t, c.give...)
		w := httptest.NewRecorder()
		door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/shipments/o", nil))
		if w.Code != c.status {
			t.Errorf("%v: %d %s", c.give, w.Code, w.Body)
		}
		if c.status != 200 {
			continue
		}
		var got document
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		var events []string
		for i, e := range got.Events {
			events = append(events, e.Type)
			if i > 0 && e.Time.Before(got.Events[i-1].Time) {
				t.Errorf("%v: %s is before %s", c.give, e.Type, events[i-1])
			}
		}
		pickup := got.PickupAt != nil
		got.Events, got.PickupAt = nil, nil
		if !reflect.DeepEqual(got, c.want) || pickup != c.wantPickup || !reflect.DeepEqual(events, c.wantEvents) {
			t.Errorf("%v: %s", c.give, w.Body)
		}
	}
}
