package order

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

// nobody is no users at all, and away is a service that cannot be asked.
type (
	nobody struct{}
	away   struct{}
)

func (nobody) Known(context.Context, string) (bool, error) { return false, nil }

func (away) Known(context.Context, string) (bool, error) { return false, store.ErrUnavailable }

func (away) Lookup(context.Context, []string) ([]contract.Product, error) {
	return nil, store.ErrUnavailable
}

// What other services say meanwhile is nothing to whoever repeats what was accepted. What
// is new is told.
func TestRepeatOfWhatWasAccepted(t *testing.T) {
	laptop := func(name string, price int64) shelf {
		return shelf{{ID: "1", Name: name, Price: price, Currency: "USD"}}
	}
	for _, c := range []struct {
		name      string
		catalogue Catalogue
		users     Users
		other     string // what is told of what is new
	}{
		{"another name and price", laptop("Tablet", 1), shelf{}, "202"},
		{"too dear", laptop("Laptop", 1<<60), shelf{}, "422 total-too-large"},
		{"withdrawn", shelf{}, shelf{}, "422 unknown-product"},
		{"a user who is gone", laptop("Laptop", 120000), nobody{}, "422 unknown-user"},
		{"a catalogue that is away", away{}, shelf{}, "503 database-unavailable"},
		{"users who are away", laptop("Laptop", 120000), away{}, "503 database-unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			type sent struct{ body, header string }
			requests := []sent{
				{`{"userId":"1","productId":"1","quantity":8}`, "Idempotency-Key: a"},
				{`{"userId":"1","items":[{"productId":"1","quantity":8}],"currency":"USD"}`, "Idempotency-Key: b"},
				{`{"id":"c","userId":"1","productId":"1","quantity":8}`, ""},
				{`{"id":"d","userId":"1","items":[{"productId":"1","quantity":8}],"currency":"USD"}`, ""},
				{`{"id":"e","userId":"1","productId":"1","quantity":8}`, "Idempotency-Key: e"},
			}
			ask := func(q sent) reply {
				if q.header == "" {
					return s.ask(t, "POST", "/api/orders", q.body)
				}
				return s.ask(t, "POST", "/api/orders", q.body, q.header)
			}
			var first []reply
			for _, q := range requests {
				first = append(first, ask(q))
			}
			s.hears(t, "c", declined)
			s.Catalogue, s.Users = c.catalogue, c.users
			for i, q := range requests {
				again := ask(q)
				if first[i].status != 202 || again.status != 202 || again.text != first[i].text || again.header.Get("Location") != first[i].header.Get("Location") {
					t.Errorf("%s %s:\ngot  %d %s\nwant %d %s", q.body, q.header, again.status, again.text, first[i].status, first[i].text)
				}
			}
			// The order of an id is known by what was asked for, whatever the key is.
			if got := ask(sent{requests[2].body, "Idempotency-Key: new"}); got.text != first[2].text {
				t.Errorf("under another key: %d %s, want %s", got.status, got.text, first[2].text)
			}
			for q, want := range map[sent]string{
				{requests[0].body + " ", "Idempotency-Key: a"}:                                           "422 idempotency-key-reused",
				{`{"id":"c","userId":"1","productId":"1","quantity":9}`, ""}:                             "409 id-taken",
				{`{"id":"c","userId":"2","productId":"1","quantity":8}`, ""}:                             "409 id-taken",
				{`{"id":"d","userId":"1","productId":"1","quantity":8,"payment":{"method":"slow"}}`, ""}: "409 id-taken",
			} {
				if got := ask(q).told(t); got != want {
					t.Errorf("%s %s: got %s, want %s", q.body, q.header, got, want)
				}
			}
			if n := s.count(t, `SELECT count(*) FROM orders`); n != int64(len(requests)) {
				t.Errorf("%d orders, want %d", n, len(requests))
			}
			for i, q := range []sent{{requests[0].body, ""}, {requests[0].body, "Idempotency-Key: other"}, {strings.Replace(requests[2].body, `"c"`, `"other"`, 1), ""}} {
				if got := ask(q).told(t); got != c.other {
					t.Errorf("%d: new: got %s, want %s", i, got, c.other)
				}
			}
		})
	}
}

// A currency that was asked for is asked for again, whether the products can be looked at
// or not.
func TestRepeatInAnotherCurrency(t *testing.T) {
	for name, catalogue := range map[string]Catalogue{"there": open(t).Catalogue, "away": away{}} {
		s := open(t)
		s.post1(t, `{"id":"o","userId":"1","productId":"1","quantity":2}`)
		s.Catalogue = catalogue
		for currency, want := range map[string]string{"USD": "202", "EUR": "409 id-taken"} {
			body := fmt.Sprintf(`{"id":"o","userId":"1","productId":"1","quantity":2,"currency":%q}`, currency)
			if got := s.ask(t, "POST", "/api/orders", body).told(t); got != want {
				t.Errorf("%s, %s: got %s, want %s", name, currency, got, want)
			}
		}
	}
}

// Whoever waits for the end of an order, and asks again, gets the end.
func TestRepeatThatWaits(t *testing.T) {
	s := open(t)
	wait := func() reply {
		return s.ask(t, "POST", "/api/orders", `{"id":"o","userId":"1","productId":"1","quantity":2}`, "Prefer: wait=30", "Idempotency-Key: k")
	}
	replies := make(chan reply)
	go func() { replies <- wait() }()
	eventually(t, func() (string, bool) { return "", s.ask(t, "GET", "/api/orders/o", "").status == 200 })
	s.hears(t, "o", processed, stocked, onItsWay)
	first := <-replies
	s.Catalogue, s.Users = away{}, away{}
	if again := wait(); first.status != 200 || again.status != 200 || again.text != first.text {
		t.Errorf("got %d %s, then %d %s; want 200 and the same", first.status, first.text, again.status, again.text)
	}
}
