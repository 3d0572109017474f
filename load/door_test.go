package load

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What the server means for good is not asked again; what may pass is.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		final  bool
		want   string
	}{
		{"not acceptable", 422, `{"title":"Unacceptable","detail":"quantity is 0"}`, true, "422 Unacceptable: quantity is 0"},
		{"unknown", 404, `{"title":"Not found"}`, true, "404 Not found"},
		{"out of stock", 409, `{"title":"Conflict","reason":"out_of_stock"}`, true, "409 Conflict"},
		{"twin in progress", 409, `{"title":"Conflict"}`, false, "409 Conflict"},
		{"too many", 429, `{"title":"Slow down"}`, false, "429 Slow down"},
		{"too slow", 408, `{}`, false, "408"},
		{"overloaded", 503, `{"title":"Busy"}`, false, "503 Busy"},
		{"a proxy in between", 502, `<html>`, false, "502 Bad Gateway"},
	} {
		w := httptest.NewRecorder()
		w.WriteHeader(test.status)
		w.WriteString(test.body)
		err := refused(w.Result())
		var r *refusal
		if !errors.As(err, &r) || r.final() != test.final || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, final %v; want %s, %v", test.name, err, r.final(), test.want, test.final)
		}
	}
}

// The server says when to come back, and is believed up to a point.
func TestRetryAfter(t *testing.T) {
	s := newShop(t)
	var asked []time.Time
	s.before = func(w http.ResponseWriter, try int) bool {
		asked = append(asked, time.Now())
		if try == 1 {
			w.Header().Set("Retry-After", "1")
			answer(w, 503, map[string]any{"title": "busy"})
		}
		return try > 1
	}
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 1})
	if err != nil || r.Completed != 1 {
		t.Fatalf("report is %+v, error %v; want 1 completed", r, err)
	}
	if len(asked) != 2 || asked[1].Sub(asked[0]) < time.Second {
		t.Errorf("asked at %v; want twice, a second apart", asked)
	}
}

// Orders are due at even times, whoever is busy, up to the end.
func TestDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, start := Options{Rate: 4, For: time.Second}, time.Now()
		for n := range int64(4) {
			due, ok := o.due(t.Context(), start, n)
			if want := time.Duration(n) * 250 * time.Millisecond; !ok || due.Sub(start) != want || time.Since(start) != want {
				t.Errorf("order %d is due after %v (%v), at %v; want %v", n, due.Sub(start), ok, time.Since(start), want)
			}
		}
		if _, ok := o.due(t.Context(), start, 4); ok {
			t.Error("an order is due at the end")
		}
		if due, ok := o.due(t.Context(), start.Add(-500*time.Millisecond), 1); !ok || time.Since(due) != 1000*time.Millisecond {
			t.Errorf("a late order is due %v ago, want 1s", time.Since(due))
		}
	})
}

func TestDueCountsOrders(t *testing.T) {
	o := Options{Orders: 2}
	for n, want := range []bool{true, true, false} {
		if _, ok := o.due(t.Context(), time.Now(), int64(n)); ok != want {
			t.Errorf("order %d is due: %v, want %v", n, ok, want)
		}
	}
}

// A ledger that cannot be written is told, and does not stop the load.
func TestLedgerFails(t *testing.T) {
	l, err := openLedger(t.TempDir() + "/ledger")
	if err != nil {
		t.Fatal(err)
	}
	l.file.Close()
	b := newBook(l, 1)
	b.begin(0, 0)
	b.settle(0, &placed{order: order{ID: "o"}}, accepted)
	b.ended([]order{{ID: "o", Status: "completed"}}, time.Now())
	if r, err := b.close(Options{}); err == nil || r.Completed != 1 {
		t.Errorf("report is %+v, error %v; want 1 completed and an error", r, err)
	}
}
