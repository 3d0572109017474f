package load

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Every outcome has its line, with all that a customer knows of it and nothing more.
func TestLedgerOfEveryOutcome(t *testing.T) {
	s := newShop(t)
	products := []string{"completed", "failed", "cancelled", "stuck", "refused", "mute"}
	s.fates = map[string]string{}
	for _, p := range products {
		s.fates[p] = p
	}
	file := filepath.Join(t.TempDir(), "ledger")
	before := time.Now()
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 100, Clients: 1, Ledger: file, patience: 300 * time.Millisecond,
		Basket: Basket{User: "u", Products: products}})
	if !errors.Is(err, ErrUnfinished) || !strings.HasPrefix(err.Error(), "1 ") {
		t.Errorf("error is %v, want one order unfinished", err)
	}
	if r.Accepted != 4 || r.Completed != 1 || r.Failed != 1 || r.Cancelled != 1 || r.Unfinished != 1 || r.Rejected != 1 || r.Unknown != 1 {
		t.Errorf("report is %+v, want one of each", r)
	}
	want := map[string]Line{
		"completed": {OrderID: "o0", Outcome: "ok", Final: "completed", Total: "12.00", Currency: "USD"},
		"failed":    {OrderID: "o1", Outcome: "ok", Final: "failed", Total: "12.00", Currency: "USD"},
		"cancelled": {OrderID: "o2", Outcome: "ok", Final: "cancelled", Total: "12.00", Currency: "USD"},
		"stuck":     {OrderID: "o3", Outcome: "ok", Total: "12.00", Currency: "USD"},
		"refused":   {Outcome: "rejected"},
		"mute":      {Outcome: "unknown"},
	}
	run := ""
	for _, l := range read(t, file) {
		of := l.Items[0].ProductID
		prefix, n, _ := strings.Cut(l.Key[len(l.Key)-2:], "-")
		if n != fmt.Sprint(slices.Index(products, of)) || prefix != "" {
			t.Errorf("%s: key is %s", of, l.Key)
		}
		if run == "" {
			run = l.Key[:len(l.Key)-1]
		}
		if !strings.HasPrefix(l.Key, run) {
			t.Errorf("%s: key %s is of another run than %s", of, l.Key, run)
		}
		if l.InvokedAt.Before(before.Truncate(time.Millisecond)) || l.InvokedAt.After(time.Now()) {
			t.Errorf("%s: invoked at %v", of, l.InvokedAt)
		}
		expect := want[of]
		expect.Key, expect.InvokedAt, expect.Items = l.Key, l.InvokedAt, []Item{{ProductID: of, Quantity: 1}}
		if !reflect.DeepEqual(l, expect) {
			t.Errorf("line is %+v\nwant    %+v", l, expect)
		}
		delete(want, of)
	}
	if len(want) > 0 {
		t.Errorf("no line for %v", want)
	}
}

// The ledger is read by a program that is not of this package.
func TestLedgerShape(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(file)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
	l.write(&placed{key: "k", product: "p", invoked: at, order: order{ID: "o", Total: "1.50", Currency: "EUR"}}, accepted, "failed")
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	l, err = openLedger(file) // a second run goes on behind the first
	if err != nil {
		t.Fatal(err)
	}
	l.write(&placed{key: "k2", product: "p", invoked: at}, unknown, "")
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	want := `{"key":"k","orderId":"o","invokedAt":"2030-01-02T02:04:05.000006Z","outcome":"ok","final":"failed","total":"1.50","currency":"EUR","items":[{"productId":"p","quantity":1}]}
{"key":"k2","orderId":"","invokedAt":"2030-01-02T02:04:05.000006Z","outcome":"unknown","final":"","total":"","currency":"","items":[{"productId":"p","quantity":1}]}
`
	if err != nil || string(got) != want {
		t.Errorf("ledger is %v\n%s, want\n%s", err, got, want)
	}
}

// A ledger that cannot be written is an error at the end, not a ledger with gaps.
func TestLedgerThatFails(t *testing.T) {
	l, err := openLedger(filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	l.write(&placed{}, accepted, "completed")
	l.flush()
	l.write(&placed{}, accepted, "completed")
	if err := l.close(); !errors.Is(err, os.ErrClosed) || !strings.HasPrefix(err.Error(), "ledger: ") {
		t.Errorf("error is %v, want %v", err, os.ErrClosed)
	}
}

// With Once, a refusal for the moment is an answer; that the server is gone is none.
func TestOnceCountsWhatIsShed(t *testing.T) {
	s := newShop(t)
	s.before = func(w http.ResponseWriter, try int) bool {
		w.Header().Set("Retry-After", "1")
		answer(w, 503, map[string]any{"title": "busy"})
		return false
	}
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 4, Clients: 4, Once: true})
	if err != nil || r.Accepted != 0 || r.Rejected != 4 {
		t.Errorf("report is %+v, error %v; want 4 rejected", r, err)
	}
	for key, n := range s.tries {
		if n != 1 {
			t.Errorf("%s was sent %d times, want once", key, n)
		}
	}
}

// A server that asks for patience gets it, and the order is placed once it is given.
func TestRetryAfterIsHeeded(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		after  string
		least  time.Duration
	}{
		"overloaded":        {503, "1", time.Second},
		"too many requests": {429, "1", time.Second},
		"a date, unread":    {503, "Fri, 31 Dec 1999 23:59:59 GMT", 0},
		"no hint":           {503, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.before = func(w http.ResponseWriter, try int) bool {
				if try > 1 {
					return true
				}
				if tt.after != "" {
					w.Header().Set("Retry-After", tt.after)
				}
				answer(w, tt.status, map[string]any{"title": "busy"})
				return false
			}
			r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 4, Clients: 4, patience: 20 * time.Second})
			if err != nil || r.Completed != 4 || r.Rejected != 0 {
				t.Errorf("report is %+v, error %v; want 4 completed", r, err)
			}
			if took := time.Duration(r.Accept.P50 * float64(time.Millisecond)); took < tt.least || tt.least == 0 && took > 5*time.Second {
				t.Errorf("accepted after %v, want at least %v", took, tt.least)
			}
			for key, n := range s.tries {
				if n != 2 {
					t.Errorf("%s was sent %d times, want 2", key, n)
				}
			}
		})
	}
}

// Which refusals are for good decides between a rejected order and one that is placed
// again.
func TestWhichRefusalsAreFinal(t *testing.T) {
	for _, tt := range []struct {
		status int
		reason string
		want   bool
	}{
		{400, "", true}, {401, "", true}, {404, "", true}, {422, "", true}, {421, "", true},
		{409, "out_of_stock", true}, {409, "", false}, {408, "", false}, {425, "", false}, {429, "", false},
		{500, "", false}, {502, "", false}, {503, "", false}, {504, "", false},
	} {
		s := newShop(t)
		var n atomic.Int64
		s.before = func(w http.ResponseWriter, _ int) bool {
			n.Add(1)
			answer(w, tt.status, map[string]any{"title": "no", "reason": tt.reason})
			return false
		}
		r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 1, Clients: 1, patience: 40 * time.Millisecond})
		if err != nil {
			t.Errorf("%d: %v", tt.status, err)
		}
		if final := r.Rejected == 1; final != tt.want || r.Unknown == 1 == tt.want || r.Accepted != 0 {
			t.Errorf("%d %s: report is %+v, want final %v", tt.status, tt.reason, r, tt.want)
		}
		if again := n.Load() > 1; again == tt.want {
			t.Errorf("%d %s: sent %d times", tt.status, tt.reason, n.Load())
		}
	}
}

// An error that comes after the order was stored makes no second order, and no failure.
func TestErrorsAfterAcceptance(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		s := newShop(t)
		s.flaw = func(w http.ResponseWriter, try int) bool {
			if try < 3 {
				answer(w, status, map[string]any{"title": "oh"})
			}
			return try >= 3
		}
		file := filepath.Join(t.TempDir(), "ledger")
		r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 30, Clients: 8, Ledger: file, patience: 10 * time.Second})
		if err != nil || r.Completed != 30 || r.Accepted != 30 {
			t.Errorf("%d: report is %+v, error %v; want 30 completed", status, r, err)
		}
		agree(t, s, read(t, file), 30)
	}
}
