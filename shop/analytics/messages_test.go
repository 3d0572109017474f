package analytics

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Numbers are what a page says about orders.
type numbers struct {
	orders, completed, failed, cancelled int64
	revenue                              string
	a, b                                 int64 // sold
}

func (s *Service) numbers(t *testing.T) numbers {
	t.Helper()
	p, _ := s.page(t, "")
	n := numbers{orders: p.TotalOrders, completed: p.Completed, failed: p.Failed, cancelled: p.Cancelled}
	for _, r := range p.Revenue {
		n.revenue += r.Amount + r.Currency
	}
	for _, sold := range p.TopProducts {
		switch sold.ProductID {
		case "a":
			n.a = sold.Quantity
		case "b":
			n.b = sold.Quantity
		}
	}
	return n
}

// Every state and every event: what is counted after it, and after it came again.
func TestEveryEventInEveryState(t *testing.T) {
	created, done, failed, cancelled := of("o", "USD", noon), completes("o", noon), fails("o", contract.OutOfStock, noon), cancels("o", noon)
	everything := []event{created, done, failed, cancelled}
	var nothing numbers
	open, sold := numbers{orders: 1}, numbers{orders: 1, completed: 1, revenue: "12.50USD", a: 2, b: 1}
	lost, off := numbers{orders: 1, failed: 1}, numbers{orders: 1, cancelled: 1}
	s := start(t)
	for _, c := range []struct {
		name string
		give []event
		want [4]numbers // after each of everything
	}{
		{"nothing yet", nil, [4]numbers{open, nothing, nothing, nothing}},
		{"accepted", []event{created}, [4]numbers{open, sold, lost, off}},
		{"completed before it was accepted", []event{done}, [4]numbers{sold, nothing, nothing, nothing}},
		{"failed before it was accepted", []event{failed}, [4]numbers{lost, nothing, nothing, nothing}},
		{"cancelled before it was accepted", []event{cancelled}, [4]numbers{off, nothing, nothing, nothing}},
		{"completed", []event{created, done}, [4]numbers{sold, sold, sold, sold}},
		{"failed", []event{created, failed}, [4]numbers{lost, lost, lost, lost}},
		{"cancelled", []event{created, cancelled}, [4]numbers{off, off, off, off}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, want := range c.want {
				s.clear(t)
				for _, e := range c.give {
					s.hears(t, e)
				}
				s.hears(t, everything[i])
				if got := s.numbers(t); got != want {
					t.Errorf("after %s: got %+v, want %+v", everything[i].fact.Kind(), got, want)
				}
				is := s.counters(t)
				s.hears(t, everything[i])
				s.hears(t, everything[i], everything[i])
				if again := s.counters(t); again != is {
					t.Errorf("%s again changed\n%s to\n%s", everything[i].fact.Kind(), is, again)
				}
			}
		})
	}
}

// What contradicts the end of an order is not counted, in one batch or later; nor is the
// end that it would have had.
func TestTheFirstEndStays(t *testing.T) {
	want := numbers{orders: 1, cancelled: 1}
	s := start(t)
	s.hears(t, of("o", "USD", noon), cancels("o", noon), completes("o", noon))
	if got := s.numbers(t); got != want {
		t.Errorf("in one batch: got %+v, want %+v", got, want)
	}
	s.clear(t)
	s.hears(t, cancels("o", noon))
	s.hears(t, completes("o", noon))
	s.hears(t, of("o", "USD", noon))
	if got := s.numbers(t); got != want {
		t.Errorf("one by one: got %+v, want %+v", got, want)
	}
}

// story is two days in the shop.
func story() []event {
	day2 := noon.AddDate(0, 0, 1)
	events := []event{lists("a", "Apple", noon), lists("b", "Bread", noon), renames("a", "Pear", day2), registers("1", noon), registers("2", noon)}
	for i := range 40 {
		id, currency := fmt.Sprintf("o%d", i), []string{"USD", "EUR", "JPY"}[i%3]
		events = append(events, of(id, currency, noon))
		switch i % 5 {
		case 0:
			events = append(events, fails(id, contract.PaymentDeclined, noon))
		case 1:
			events = append(events, fails(id, contract.OutOfStock, noon), refunds(id, currency, day2))
		case 2, 3:
			events = append(events, completes(id, noon.AddDate(0, 0, i%2)))
		}
	}
	return append(events, cancels("o4", day2))
}

// In whatever order the events come, and in whatever batches, the numbers are the same.
func TestOrderOfEventsChangesNoNumber(t *testing.T) {
	events, random := story(), rand.New(rand.NewPCG(1, 2))
	s := start(t)
	s.hears(t, events...)
	want := s.counters(t)
	if !strings.Contains(want, "tally: completed  0 16 ") || !strings.Contains(want, "product: a Pear") {
		t.Fatalf("the story is told as\n%s", want)
	}
	for range 3 {
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		s.clear(t)
		for rest := events; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(20))
			s.hears(t, rest[:n]...)
			rest = rest[n:]
		}
		if got := s.counters(t); got != want {
			t.Errorf("in another order:\n%s, want\n%s", got, want)
		}
	}
}

// Whoever takes the positions away has everything read again, and nothing counted.
func TestReadAgainFromTheBeginning(t *testing.T) {
	s, logs := start(t), logs(t, story()...)
	stop := s.follow(t, "one", logs)
	s.caughtUp(t, logs)
	stop()
	want := s.counters(t)
	if !strings.Contains(want, "tally: accepted  0 40 ") {
		t.Fatalf("got\n%s", want)
	}
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE position SET seq = 0, id = '', identity = ''`)
	})
	if err != nil {
		t.Fatal(err)
	}
	stop = s.follow(t, "one", logs)
	s.caughtUp(t, logs)
	stop()
	if got := s.counters(t); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

// Two instances share the partitions and every counter. Nobody stands in another's way
// for good, and nothing is counted twice or not at all.
func TestTwoInstances(t *testing.T) {
	open := databases.Place(t, "analytics", Migrations())
	one := &Service{DB: open()}
	two := one
	if !one.DB.Alone() {
		two = &Service{DB: open()}
	}
	var events []event
	for i := range 200 {
		id := fmt.Sprintf("o%d", i)
		events = append(events, of(id, "USD", noon), lists(id, id, noon), registers(id, noon))
		if i%4 == 0 {
			events = append(events, fails(id, contract.OutOfStock, noon), refunds(id, "USD", noon))
		} else {
			events = append(events, completes(id, noon.AddDate(0, 0, i%7)))
		}
	}
	all := logs(t)
	stopOne, stopTwo := one.follow(t, "one", all), func() {}
	if two != one {
		stopTwo = two.follow(t, "two", all)
		eventually(t, func() bool {
			return one.number(t, `SELECT count(*) FROM (SELECT log FROM position WHERE owner <> '' GROUP BY log HAVING count(DISTINCT owner) = 2) shared`) == 4
		})
	}
	for _, e := range events {
		all[e.log].say(e.message(t))
	}
	one.caughtUp(t, all)
	stopOne()
	stopTwo()
	got := one.numbers(t)
	if want := (numbers{orders: 200, completed: 150, failed: 50, revenue: "1875.00USD", a: 300, b: 150}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if p, _ := one.page(t, ""); p.Users != 200 || len(p.Refunded) != 1 || p.Refunded[0].Amount != "625.00" {
		t.Errorf("got %d users, refunded %v", p.Users, p.Refunded)
	}
}

// garbled says that it is an OrderCreated, and cannot be read as one.
type garbled struct {
	Total string `json:"total"`
}

func (garbled) Kind() string { return contract.OrderCreated{}.Kind() }

// An order whose first event is dead counts nowhere, the others do; redriven in a form
// that can be read, it counts with its end.
func TestADeadEventHoldsUpNoOther(t *testing.T) {
	s := start(t)
	logs := logs(t, of("p", "USD", noon), event{contract.Orders, "o", garbled{"a lot"}, noon}, completes("o", noon), completes("p", noon))
	stop := s.follow(t, "one", logs)
	s.caughtUp(t, logs)
	eventually(t, func() bool { return s.number(t, `SELECT count(*) FROM parked WHERE state = 'released'`) == 1 })
	if got, want := s.numbers(t), (numbers{orders: 1, completed: 1, revenue: "12.50USD", a: 2, b: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE parked SET body = $1, state = 'retry', due = 0`, of("o", "EUR", noon).message(t).Body)
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return s.number(t, `SELECT count(*) FROM parked`) == 0 })
	stop()
	if got, want := s.numbers(t), (numbers{orders: 2, completed: 2, revenue: "12.50EUR12.50USD", a: 4, b: 2}); got != want {
		t.Errorf("once redriven: got %+v, want %+v", got, want)
	}
}

// A batch that fails has counted nothing, its parts count what they have: of many events
// with some that are dead between them, each of the others counts once.
func TestOneOfABatchFails(t *testing.T) {
	s := start(t)
	var events []event
	for i := range 60 {
		id := fmt.Sprintf("o%d", i)
		events = append(events, of(id, "USD", noon), completes(id, noon))
		if i%20 == 7 {
			events = append(events, event{contract.Orders, "dead" + id, garbled{"a lot"}, noon})
		}
	}
	logs := logs(t, events...)
	stop := s.follow(t, "one", logs)
	s.caughtUp(t, logs)
	stop()
	if got, want := s.numbers(t), (numbers{orders: 60, completed: 60, revenue: "750.00USD", a: 120, b: 60}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := s.number(t, `SELECT count(*) FROM parked WHERE state = 'released'`); n != 3 {
		t.Errorf("%d are dead, want 3", n)
	}
}

// A name that is heard of late does not replace a later one, in one batch or another.
func TestTheLatestNameStays(t *testing.T) {
	s, later := start(t), noon.Add(time.Hour)
	for name, batches := range map[string][][]event{
		"in order":         {{lists("a", "Old", noon)}, {renames("a", "New", later)}},
		"the other way":    {{renames("a", "New", later)}, {lists("a", "Old", noon)}},
		"in one batch":     {{renames("a", "New", later), lists("a", "Old", noon)}},
		"at the same time": {{lists("a", "Old", noon)}, {renames("a", "New", noon)}},
		"sold between":     {{lists("a", "Old", noon)}, {of("o", "USD", noon), completes("o", noon)}, {renames("a", "New", later)}},
		"sold in a batch":  {{renames("a", "New", later), of("o", "USD", noon), completes("o", noon)}},
	} {
		s.clear(t)
		for _, b := range batches {
			s.hears(t, b...)
		}
		s.hears(t, of("last", "USD", noon), completes("last", noon))
		p, body := s.page(t, "")
		if len(p.TopProducts) == 0 || p.TopProducts[0].Name != "New" {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// What a product costs now is shown, whatever order the news come in.
func TestTheLatestPriceStays(t *testing.T) {
	s, later := start(t), noon.Add(time.Hour)
	for name, batches := range map[string][][]event{
		"in order":          {{lists("a", "Apple", noon)}, {costs("a", 700, later)}},
		"the other way":     {{costs("a", 700, later)}, {lists("a", "Apple", noon)}},
		"in one batch":      {{costs("a", 700, later), lists("a", "Apple", noon)}},
		"renamed after":     {{lists("a", "Pear", noon)}, {costs("a", 700, noon)}, {renames("a", "Apple", later)}},
		"and before its id": {{costs("a", 700, later)}, {renames("a", "Apple", noon)}},
	} {
		s.clear(t)
		for _, b := range batches {
			s.hears(t, b...)
		}
		s.hears(t, of("last", "USD", noon), completes("last", noon))
		p, body := s.page(t, "")
		if want := (productSold{"a", "Apple", 2, "7.00", "USD"}); len(p.TopProducts) != 2 || p.TopProducts[0] != want || p.TopProducts[1] != (productSold{"b", "b", 1, "", ""}) {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// The flow, the documentation and the subscriptions name the same events.
func TestStreams(t *testing.T) {
	var got []string
	for _, h := range (&Service{}).Streams() {
		got = append(got, h.Log+" "+h.Kind)
	}
	want := []string{"order OrderCreated", "order OrderCompleted", "order OrderFailed", "order OrderCancelled", "payment PaymentRefunded",
		"product ProductCreated", "product ProductUpdated", "product ProductPriceUpdated", "user UserRegistered"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !(&Service{}).Policy().Release {
		t.Error("a dead event holds up its key")
	}
}
