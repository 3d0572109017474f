package wire_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

// TestMenuRemembers: a price is asked for once, and again when it is a second old.
func TestMenuRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int64{}
		m := wire.Menu{Ask: func(id string) wire.Product {
			asked[id]++
			return wire.Product{Name: id, Price: asked[id]}
		}}
		for _, step := range []struct {
			after time.Duration
			id    string
			price int64
		}{
			{0, "a", 1},
			{0, "b", 1},
			{999 * time.Millisecond, "a", 1},
			{time.Millisecond, "a", 2},
			{time.Millisecond, "a", 2},
			{time.Hour, "b", 2},
		} {
			time.Sleep(step.after)
			if got, want := m.Product(step.id), (wire.Product{Name: step.id, Price: step.price}); got != want {
				t.Errorf("%v later: got %+v, want %+v", step.after, got, want)
			}
		}
	})
}

// TestCounts: what a batch adds to each counter is one number, with the time of the last
// fact in it, and revenue is of the day on which an order was completed.
func TestCounts(t *testing.T) {
	const day = int64(24 * time.Hour / time.Microsecond)
	c := wire.NewCounts()
	c.Accepted(5)
	c.Accepted(3) // by another clock
	c.Completed(wire.Sale{Currency: "USD", Total: 700, Goods: map[string]int64{"1": 2, "2": 1}}, day-1)
	c.Completed(wire.Sale{Currency: "USD", Total: 30, Goods: map[string]int64{"1": 1}}, day)
	c.Completed(wire.Sale{Currency: "JPY", Total: 4, Goods: map[string]int64{"3": 4}}, day+2)
	tallies := map[wire.Tally]wire.Number{
		{Name: "accepted"}:              {N: 2, At: 5},
		{Name: "completed"}:             {N: 3, At: day + 2},
		{Name: "revenue", Label: "USD"}: {N: 730, At: day},
		{Name: "revenue", Label: "JPY"}: {N: 4, At: day + 2},
	}
	if !maps.Equal(c.Tallies, tallies) {
		t.Errorf("tallies: got %v, want %v", c.Tallies, tallies)
	}
	if want := map[wire.Day]int64{{0, "USD"}: 700, {1, "USD"}: 30, {1, "JPY"}: 4}; !maps.Equal(c.Days, want) {
		t.Errorf("revenue by day: got %v, want %v", c.Days, want)
	}
	if want := map[string]int64{"1": 3, "2": 1, "3": 4}; !maps.Equal(c.Sold, want) {
		t.Errorf("sold: got %v, want %v", c.Sold, want)
	}
}

// TestNotices: what is stored for a customer is what a text needs, and no more.
func TestNotices(t *testing.T) {
	for name, tt := range map[string]struct {
		of         func([]byte) wire.Notice
		body       string
		user, want string
	}{
		"created": {wire.CreatedNotice, `{"orderId":"o","userId":"u","lines":[{"productId":"1","name":"A & B","quantity":2,"unitPrice":5}],"total":10,"currency":"USD"}`,
			"u", `{"lines":[{"n":"A & B","q":2,"p":5}],"amount":10,"currency":"USD"}`},
		"paid":    {wire.PaidNotice, `{"orderId":"o","amount":10,"currency":"USD","reference":"r"}`, "", `{"amount":10,"currency":"USD"}`},
		"shipped": {wire.ShippedNotice, `{"orderId":"o","carrier":"c","trackingNumber":"T1"}`, "", `{"carrier":"c","tracking":"T1"}`},
	} {
		if n := tt.of([]byte(tt.body)); n.Template != name || n.User != tt.user || string(n.Facts) != tt.want {
			t.Errorf("%s: got %s for %q: %s, want for %q: %s", name, n.Template, n.User, n.Facts, tt.user, tt.want)
		}
	}
}

// TestAccept: what is stored of an order is what was asked for at the menu's prices, in the
// style of the twin, whose deadline is that of an order or of its saga.
func TestAccept(t *testing.T) {
	const asked = `{"userId":"u","items":[{"productId":"a","quantity":2},{"productId":"b","quantity":1}]}`
	m := wire.Menu{Ask: func(id string) wire.Product { return wire.Product{Name: "the " + id, Price: 5, Currency: "USD"} }}
	for style, expire := range map[string]string{
		contract.Choreographed: `{"orderId":"ID"}`,
		contract.Orchestrated:  `{"id":"ID"}`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/orders", strings.NewReader(asked))
		r.Header.Set("Idempotency-Key", "k")
		a := wire.Accept(r, &m, style)
		if a.Style != style || a.UserID != "u" || a.Total != 15 || a.Currency != "USD" || a.Key != "k" || a.Deadline.Sub(a.At) != 5*time.Minute {
			t.Errorf("%s: got %+v", style, a)
		}
		if got := strings.ReplaceAll(string(a.Expire), a.OrderID, "ID"); got != expire {
			t.Errorf("%s: its deadline is %s, want %s", style, got, expire)
		}
		if said := wire.Decode[contract.OrderCreated](a.Said); !slices.Equal(said.Lines, a.Lines) || said.Style != style || string(wire.Encode(a.Lines)) != a.Stored {
			t.Errorf("%s: said %s, stored %s", style, a.Said, a.Stored)
		}
	}
}

// TestProvider: each call goes to its own door, under a key that may hold anything.
func TestProvider(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, strings.TrimSpace(r.Method+" "+r.URL.EscapedPath()+" "+string(body)))
		_, _ = w.Write(wire.Encode(wire.Receipt{Reference: fmt.Sprint(len(asked)), At: at}))
	}))
	defer s.Close()
	p := wire.NewProvider(s.URL)
	got := []wire.Receipt{p.Charge([]byte("a")), p.Authorize([]byte("b")), p.Capture("c/d")}
	if want := []wire.Receipt{{"1", at}, {"2", at}, {"3", at}}; !slices.Equal(got, want) {
		t.Errorf("receipts: got %v, want %v", got, want)
	}
	if want := []string{"POST /charges a", "POST /authorizations b", "POST /authorizations/c%2Fd/capture"}; !slices.Equal(asked, want) {
		t.Errorf("asked: got %q, want %q", asked, want)
	}
}
