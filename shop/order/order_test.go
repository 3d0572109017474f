package order

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"pgregory.net/rapid"
)

// legal is the life of an order as the specification has it, written down once more.
var legal = map[State]map[State]bool{
	"":        {Pending: true},
	Pending:   {Confirmed: true, Failed: true, Cancelled: true},
	Confirmed: {Completed: true, Cancelled: true},
}

func TestTransitionsAreThoseOfTheSpecification(t *testing.T) {
	all := []State{"", Pending, Confirmed, Completed, Failed, Cancelled}
	for _, from := range all {
		for _, to := range all {
			got := false
			for _, s := range from.next() {
				got = got || s == to
			}
			if got != legal[from][to] {
				t.Errorf("%q to %q: allowed is %v", from, to, got)
			}
		}
	}
}

func commands() map[string]func(Order) ([]message.Kind, error) {
	return map[string]func(Order) ([]message.Kind, error){
		"confirm":  Order.confirm,
		"complete": func(o Order) ([]message.Kind, error) { return o.complete("T1") },
		"fail":     func(o Order) ([]message.Kind, error) { return o.fail(contract.OutOfStock) },
		"expire":   Order.expire,
		"cancel":   Order.cancel,
	}
}

// Whatever is asked of an order, in whatever order: it takes legal steps only, an end is
// the end, the same command again says nothing, and its events fold to what it is.
func TestOrderProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := []Event{{Place: store.Place{Version: 1, Time: time.UnixMicro(1)}, Fact: contract.OrderCreated{OrderID: "o"}}}
		o, err := Fold(history)
		if err != nil {
			t.Fatal(err)
		}
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"confirm", "complete", "fail", "expire", "cancel"}), 1, 12).Draw(t, "commands")
		for _, name := range names {
			before := o
			facts, err := commands()[name](o)
			if err != nil && (!errors.Is(err, ErrIllegal) || len(facts) > 0) {
				t.Fatalf("%s on %s: %v, %v", name, o.State, facts, err)
			}
			for _, f := range facts {
				was := o.State
				e := Event{Place: store.Place{Version: o.Last.Version + 1, Time: o.Last.Time.Add(time.Microsecond)}, Fact: f}
				if err := o.apply(e); err != nil {
					t.Fatalf("%s on %s: its own event: %v", name, before.State, err)
				}
				if !legal[was][o.State] {
					t.Fatalf("%s took an order from %s to %s", name, was, o.State)
				}
				history = append(history, e)
			}
			if before.State.ended() && (o.State != before.State || o.Reason != before.Reason) {
				t.Fatalf("%s moved an order that had ended: %s to %s", name, before.State, o.State)
			}
			if again, err := commands()[name](o); err == nil && len(again) > 0 {
				t.Fatalf("%s again on %s says %v", name, o.State, again)
			}
		}
		folded, err := Fold(history)
		if err != nil || !reflect.DeepEqual(folded, o) {
			t.Fatalf("fold is %+v, %v; want %+v", folded, err, o)
		}
	})
}

func TestFoldRefusesWhatIsNoHistory(t *testing.T) {
	created, confirmed := contract.OrderCreated{OrderID: "o"}, contract.OrderConfirmed{OrderID: "o"}
	at := func(version int64, fact message.Kind) Event {
		return Event{Place: store.Place{Version: version, Time: time.UnixMicro(version)}, Fact: fact}
	}
	for name, events := range map[string][]Event{
		"begins in the middle":   {at(1, confirmed)},
		"a gap":                  {at(1, created), at(3, confirmed)},
		"an event twice":         {at(1, created), at(1, created)},
		"two beginnings":         {at(1, created), at(2, created)},
		"goes on after its end":  {at(1, created), at(2, contract.OrderFailed{}), at(3, confirmed)},
		"skips being confirmed":  {at(1, created), at(2, contract.OrderCompleted{})},
		"an event of a stranger": {at(1, created), at(2, contract.OrderShipped{})},
	} {
		if o, err := Fold(events); err == nil {
			t.Errorf("%s: folded to %+v", name, o)
		}
	}
}

func TestEndsCarryTheLines(t *testing.T) {
	lines := []contract.Line{{ProductID: "p", Quantity: 3}}
	o := Order{Terms: contract.OrderCreated{OrderID: "o", Lines: lines}, State: Pending}
	failed, _ := o.fail(contract.OutOfStock)
	cancelled, _ := o.cancel()
	want := []message.Kind{
		contract.OrderFailed{OrderID: "o", Reason: contract.OutOfStock, Lines: lines},
		contract.OrderCancelled{OrderID: "o", Reason: contract.CancelledByUser, Lines: lines},
	}
	if got := append(failed, cancelled...); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
