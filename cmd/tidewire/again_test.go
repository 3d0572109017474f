package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
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
