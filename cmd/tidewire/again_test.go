package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

// shown is all of an answer that a client can tell from another.
func (f *shopfront) shown(c *call) string {
	w := f.send(c)
	return fmt.Sprint(w.Code, " ", w.Header().Get("Location"), " ", w.Header().Get("Content-Type"), " ", w.Body)
}

// Every POST takes an Idempotency-Key: the same body gets the same answer, byte for byte,
// also after a restart; another body is refused; and the second changes nothing.
func TestEveryPostHappensOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		f.stock()
		first := map[string]string{}
		keyed := func(s served) *call {
			c := s.good()
			c.header.Set("Idempotency-Key", "a key")
			return c
		}
		for _, s := range f.tried() {
			if s.method() != "POST" {
				continue
			}
			first[s.pattern] = f.shown(keyed(s))
			if !strings.HasPrefix(first[s.pattern], "2") {
				t.Errorf("%s: %s", s.pattern, first[s.pattern])
			}
		}
		if len(first) < 5 {
			t.Errorf("only %d routes", len(first))
		}
		before := f.digest()
		for round := range 2 {
			for _, s := range f.tried() {
				if s.method() != "POST" {
					continue
				}
				if got := f.shown(keyed(s)); got != first[s.pattern] {
					t.Errorf("%s again: got %s, want %s", s.pattern, got, first[s.pattern])
				}
				other := keyed(s)
				other.body += " "
				if l := (fault{status: 422, cause: "idempotency-key-reused", field: "Idempotency-Key"}); l.complaint(f.send(other)) != "" {
					t.Errorf("%s with another body: %s", s.pattern, l.complaint(f.send(other)))
				}
			}
			unchanged(t, fmt.Sprint("round ", round), before, f.digest())
			if round == 0 {
				if err := f.close(); err != nil {
					t.Fatal(err)
				}
				f = open()
				before = f.digest() // a start may write who was there
			}
		}
	})
}

// What was accepted is answered again, byte for byte, whatever was changed meanwhile: by its
// key, and where it has an id of the client's own, by that. A platform that is opened again
// has no price in mind that it had before.
func TestRepeatsAfterChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		const user, product = `{"id":"rr","name":"Ruth","email":"ruth@example.com"}`, `{"id":"exp","name":"Yacht","price":"9000.00"}`
		f.post("/api/users", `{"id":"buyer","name":"Bob","email":"bob@example.com"}`)
		var sent []*call
		for _, q := range []struct{ path, body, key string }{
			{"/api/users", user, ""},
			{"/api/users", `{"name":"Rose","email":"rose@example.com"}`, "rep0"},
			{"/api/products", product, ""},
			{"/api/products", `{"name":"Boat","price":"9000.00"}`, "rep0"},
			{"/api/orders", `{"userId":"buyer","productId":"exp","quantity":1000000}`, "rep1"},
			{"/api/orders", `{"id":"rep-id","userId":"buyer","productId":"exp","quantity":1000000}`, ""},
			{"/api/orders", `{"id":"rep-both","userId":"buyer","items":[{"productId":"exp","quantity":1000000}],"currency":"USD"}`, "rep2"},
			{"/api/orders", `{"userId":"buyer","productId":"exp","quantity":1}`, "rep3"},
			{"/api/orders", `{"id":"rep-one","userId":"buyer","productId":"exp","quantity":1}`, ""},
		} {
			c := &call{method: "POST", path: q.path, host: "localhost", body: q.body, header: http.Header{"Content-Type": {"application/json"}}}
			if q.key != "" {
				c.header.Set("Idempotency-Key", q.key)
			}
			sent = append(sent, c)
		}
		var first []string
		for _, c := range sent {
			if first = append(first, f.shown(c)); !strings.HasPrefix(first[len(first)-1], "2") {
				t.Fatal(c.body, first[len(first)-1])
			}
		}
		for _, to := range []struct{ path, body string }{
			{"/api/products/exp", `{"price":"8000.00","name":"Dinghy","category":"sea"}`}, // still within what one order may cost
			{"/api/products/exp", `{"price":"11000.00"}`},
			{"/api/users/rr", `{"name":"Rita"}`},
			{"/api/users/buyer", `{"name":"Bert","email":"bert@example.com"}`},
		} {
			change := &call{method: "PATCH", path: to.path, host: "localhost", body: to.body, header: http.Header{"Content-Type": {"application/json"}}}
			if got := f.shown(change); !strings.HasPrefix(got, "200") {
				t.Fatal(to.body, got)
			}
			if err := f.close(); err != nil {
				t.Fatal(err)
			}
			f = open()
			before := f.digest()
			for i, c := range sent {
				if got := f.shown(c); got != first[i] {
					t.Errorf("after %s, %s %s:\ngot  %s\nwant %s", to.body, c.path, c.body, got, first[i])
				}
			}
			unchanged(t, to.body, before, f.digest())
		}
		// What was never accepted is refused as it is now.
		for _, l := range []struct {
			path string
			fault
		}{
			{"/api/orders", refused(`{"userId":"buyer","productId":"exp","quantity":1000000}`, "total-too-large", "quantity")},
			{"/api/orders", refused(`{"id":"rep-new","userId":"buyer","productId":"exp","quantity":1000000}`, "total-too-large", "quantity")},
			{"/api/orders", fault{"another", body(`{"id":"rep-id","userId":"buyer","productId":"exp","quantity":999999}`), 409, "id-taken", ""}},
			{"/api/products", fault{"the price of now", body(`{"id":"exp","name":"Dinghy","price":"11000.00","category":"sea"}`), 409, "id-taken", ""}},
			{"/api/users", fault{"the name of now", body(`{"id":"rr","name":"Rita","email":"ruth@example.com"}`), 409, "id-taken", ""}},
		} {
			c := &call{method: "POST", path: l.path, host: "localhost", header: http.Header{"Content-Type": {"application/json"}}}
			l.spoil(c)
			if said := l.complaint(f.send(c)); said != "" {
				t.Errorf("%s: %s", l.name, said)
			}
		}
	})
}

// Every parameter that a route says it has is taken.
func TestEveryParameterIsTaken(t *testing.T) {
	f := openFront(t, t.TempDir())
	f.stock()
	tried := map[string]bool{}
	for _, tt := range []struct{ pattern, address string }{
		{"GET /api/orders", "/api/orders?userId=1&status=pending&final=false&limit=1&cursor=" + door.Cursor("9999999999999999:o1")},
		{"GET /api/orders", "/api/orders?final=true&limit=1000&cursor=" + door.Cursor("0")},
		{"GET /api/users/{id}/orders", "/api/users/1/orders?status=pending&final=false&limit=1&cursor=" + door.Cursor("9999999999999999:o1")},
		{"GET /api/orders/{id}/events", "/api/orders/o1/events?until=2999-01-01T00:00:00Z"},
		{"GET /api/products", "/api/products?query=pen&category=x&limit=1&cursor=" + door.Cursor("1")},
		{"GET /api/products/categories", "/api/products/categories?limit=1&cursor=" + door.Cursor("a")},
		{"GET /api/products/{id}/prices", "/api/products/1/prices?limit=1&cursor=" + door.Cursor("1")},
		{"GET /api/inventory/{productId}/movements", "/api/inventory/p1/movements?limit=1&cursor=" + door.Cursor("1")},
		{"GET /api/notifications", "/api/notifications?orderId=o1&userId=1&limit=1&cursor=" + door.Cursor("o1 1 order-placed")},
		{"GET /api/analytics", "/api/analytics?days=7&top=3"},
	} {
		if w := f.send(&call{method: "GET", path: tt.address, host: "localhost"}); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", tt.address, w.Code, w.Body)
		}
		u, err := url.Parse(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		for name := range u.Query() {
			tried[tt.pattern+" "+name] = true
		}
	}
	for _, r := range f.routes(nil) {
		for _, name := range r.Query {
			if !tried[r.Pattern+" "+name] {
				t.Errorf("%s has a parameter %s that is not tried", r.Pattern, name)
			}
		}
	}
}

// Two lines of one product are one demand on its stock.
func TestOneProductInTwoLines(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	for _, tt := range []struct {
		id             string
		stock          int
		lines          string
		status, reason string
		left           float64
	}{
		{"enough", 3, `{"productId":"enough","quantity":2},{"productId":"enough","quantity":1}`, "completed", "", 0},
		{"short", 3, `{"productId":"short","quantity":2},{"productId":"short","quantity":2}`, "failed", "out_of_stock", 3},
	} {
		if status, p := r.do("POST", "/api/products", fmt.Sprintf(`{"id":%q,"name":"Pen","price":"1.50","stock":%d}`, tt.id, tt.stock)); status != 201 {
			t.Fatal(p)
		}
		o := r.ends(`{"userId":"1","items":[`+tt.lines+`]}`, tt.status, tt.reason)
		if items, _ := o["items"].([]any); len(items) != 2 {
			t.Errorf("%s: got %v, want both lines", tt.id, o)
		}
		eventually(t, "its stock", func() bool {
			_, stock := r.do("GET", "/api/inventory/"+tt.id, "")
			return stock["onHand"] == tt.left && stock["available"] == tt.left
		})
	}
}

// TestClientThatGoesAway leaves once its order is stored, without its answer: that changes
// nothing. Half a request is none.
func TestClientThatGoesAway(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	leave := func(id string, keptBack int) (gone func()) {
		body := fmt.Sprintf(`{"id":%q,"userId":"1","items":[{"productId":"1","quantity":1}],"payment":{"method":"slow"}}`, id)
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		request := fmt.Sprintf("POST /api/orders HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=30\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if _, err := io.WriteString(c, request[:len(request)-keptBack]); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := leave("whole", 0)
	eventually(t, "the order", func() bool { status, _ := r.do("GET", "/api/orders/whole", ""); return status == http.StatusOK })
	gone() // while it waits for the end
	if o := r.final("whole"); o["status"] != "completed" {
		t.Errorf("got %v", o)
	}
	leave("half", 20)()
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "") // so much later
	if status, o := r.do("GET", "/api/orders/half", ""); status != http.StatusNotFound {
		t.Errorf("got %d %v, want 404", status, o)
	}
}
