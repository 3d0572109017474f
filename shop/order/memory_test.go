package order

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
)

// A counting has prices, and counts how often it is asked.
type counting struct {
	prices map[string]int64
	asked  int
}

func (s *counting) Lookup(_ context.Context, ids []string) (found []contract.Product, err error) {
	s.asked++
	for _, id := range ids {
		if price, ok := s.prices[id]; ok {
			found = append(found, contract.Product{ID: id, Price: price})
		}
	}
	return found, nil
}

func (s *counting) Known(_ context.Context, id string) (bool, error) {
	s.asked++
	_, ok := s.prices[id]
	return ok, nil
}

func TestMemory(t *testing.T) {
	s := &counting{prices: map[string]int64{"a": 1}}
	m := Remember(s, s)
	known := func(id string) bool {
		ok, err := m.Known(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	price := func(ids ...string) (sum int64) {
		found, err := m.Lookup(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			sum += p.Price
		}
		return sum
	}
	for _, tt := range []struct {
		name  string
		act   func() int64
		want  int64
		asked int
	}{
		{"first asks", func() int64 { return price("a") }, 1, 1},
		{"then knows", func() int64 { return price("a") }, 1, 0},
		{"asks for the rest", func() int64 { return price("a", "b") }, 1, 1},
		{"does not remember that there is none", func() int64 { s.prices["b"] = 10; return price("a", "b") }, 11, 1},
		{"a user that there is", func() int64 { return number(known("a")) }, 1, 1},
		{"is remembered", func() int64 { return number(known("a")) }, 1, 0},
		{"one that there is not", func() int64 { return number(known("z")) }, 0, 1},
		{"is asked for again", func() int64 { s.prices["z"] = 0; return number(known("z")) }, 1, 1},
	} {
		before := s.asked
		if got := tt.act(); got != tt.want || s.asked-before != tt.asked {
			t.Errorf("%s: got %d after asking %d times; want %d after %d", tt.name, got, s.asked-before, tt.want, tt.asked)
		}
	}
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func TestMemoryOfAPriceFades(t *testing.T) {
	s := &counting{prices: map[string]int64{"a": 1}}
	m := Remember(s, s)
	price := func() int64 {
		found, err := m.Lookup(t.Context(), []string{"a"})
		if err != nil || len(found) != 1 {
			t.Fatalf("Lookup = %v, %v; want one product", found, err)
		}
		return found[0].Price
	}
	first, began := price(), time.Now()
	s.prices["a"] = 2
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for price() == 1 && time.Since(began) < 10*priceAge {
		<-tick.C
	}
	if age := time.Since(began); first != 1 || price() != 2 || age < priceAge {
		t.Errorf("a price of %d became %d after %v; want 1 for %v, then 2", first, price(), age, priceAge)
	}
}

// unheard is a catalogue that does not answer.
type unheard struct{ *counting }

func (unheard) Lookup(context.Context, []string) ([]contract.Product, error) {
	return nil, door.ErrAway
}

// While the product service is away prices are those that it said last, for ten minutes; an
// order of what it has said nothing about is to come again.
func TestLastKnownPrices(t *testing.T) {
	s := &counting{prices: map[string]int64{"1": 100, "2": 10}}
	m := Remember(s, s)
	if _, err := m.Lookup(t.Context(), []string{"1", "2"}); err != nil {
		t.Fatal(err)
	}
	m.catalogue = unheard{s}
	age := func(by time.Duration) {
		for id, price := range s.prices {
			m.products.Set(id, offer{contract.Product{ID: id, Price: price, Name: "P", Currency: "USD"}, time.Now().Add(-by)})
		}
	}
	for _, tt := range []struct {
		name string
		by   time.Duration
		ids  []string
		want int
	}{
		{"just now", 0, []string{"1", "2"}, 2},
		{"some minutes ago", 5 * time.Minute, []string{"2", "1"}, 2},
		{"one that nobody has asked for", time.Minute, []string{"1", "3"}, 0},
	} {
		age(tt.by)
		found, err := m.Lookup(t.Context(), tt.ids)
		if len(found) != tt.want && err == nil || errors.Is(err, door.ErrAway) != (tt.want == 0) {
			t.Errorf("%s: got %v, %v; want %d", tt.name, found, err, tt.want)
		}
	}
	if e, ok := m.products.GetEntryQuietly("1"); !ok || e.ExpiresAfter() > lastKnown || e.ExpiresAfter() < lastKnown-time.Minute {
		t.Errorf("a price is remembered for %v, want %v", e.ExpiresAfter(), lastKnown)
	}
	orders := open(t)
	orders.Catalogue = m
	if a := orders.ask(t, "POST", "/api/orders", `{"userId":"1","productId":"3","quantity":1}`); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("an order of what was never heard of: %d %s, Retry-After %q; want 503", a.status, a.text, a.header.Get("Retry-After"))
	}
	if a := orders.ask(t, "POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1}`); a.status != 202 {
		t.Errorf("an order at the last known price: %d %s", a.status, a.text)
	}
}
