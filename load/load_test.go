package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// However bad the server's manners, each order is placed once, counted once, and has
// one line.
func TestEveryOrderIsCountedOnce(t *testing.T) {
	var n atomic.Int64
	third := func(http.ResponseWriter, int) bool { return n.Add(1)%3 != 0 }
	tests := map[string]func(s *shop){
		"calm":       func(*shop) {},
		"early ends": func(s *shop) { s.flaw = slowly(40 * time.Millisecond) },
		"answers lost": func(s *shop) {
			s.flaw = func(w http.ResponseWriter, try int) bool {
				if third(w, try) {
					return true
				}
				hangUp(w)
				return false
			}
		},
		"answers cut": func(s *shop) {
			s.flaw = func(w http.ResponseWriter, try int) bool {
				if third(w, try) {
					return true
				}
				half(w)
				return false
			}
		},
		"error after it was stored": func(s *shop) {
			s.flaw = func(w http.ResponseWriter, try int) bool {
				if try == 1 {
					answer(w, 500, map[string]any{"title": "oh"})
				}
				return try > 1
			}
		},
		"a twin in progress": func(s *shop) {
			s.before = func(w http.ResponseWriter, try int) bool {
				if try == 1 {
					answer(w, 409, map[string]any{"title": "in progress"})
				}
				return try > 1
			}
		},
		"overloaded": func(s *shop) {
			s.before = func(w http.ResponseWriter, try int) bool {
				if third(w, try) {
					return true
				}
				w.Header().Set("Retry-After", "0")
				answer(w, 503, map[string]any{"title": "busy"})
				return false
			}
		},
		"goes away and comes back": func(s *shop) {
			var placed atomic.Int64
			s.flaw = func(http.ResponseWriter, int) bool {
				if n := placed.Add(1); n == 50 || n == 150 {
					s.close()
					time.AfterFunc(100*time.Millisecond, s.open)
				}
				return true
			}
		},
	}
	for name, flaw := range tests {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			flaw(s)
			file := filepath.Join(t.TempDir(), "ledger")
			r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 300, Clients: 16, Basket: Basket{Mix: 0.3}, Ledger: file, patience: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if r.Accepted != 300 || r.Completed != 210 || r.Failed != 90 || r.Rejected+r.Unknown+r.Unfinished != 0 {
				t.Errorf("report is %+v; want 300 accepted: 210 completed, 90 failed", r)
			}
			if r.Style != "choreographed" || r.OrdersPerSecond <= 0 || r.Accept.P50 > r.Accept.P99 || r.EndToEnd.P50 < r.Accept.P50 || r.EndToEnd.Max < r.Accept.Max {
				t.Errorf("report is %+v: these times cannot be", r)
			}
			agree(t, s, read(t, file), 300)
		})
	}
}

// agree compares lines with what the shop stored.
func agree(t *testing.T, s *shop, lines []Line, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, l := range lines {
		o := s.orders[l.Key]
		if seen[l.Key] || l.OrderID != o.ID || l.Final != o.Status || l.Total != o.Total || l.Currency != o.Currency || l.Outcome != "ok" {
			t.Fatalf("line %+v, stored %+v", l, o)
		}
		if !strings.HasPrefix(s.at[l.Key], l.Items[0].ProductID+" ") || l.Items[0].Quantity != 1 {
			t.Fatalf("line %+v, stored %q", l, s.at[l.Key])
		}
		seen[l.Key] = true
	}
	if len(lines) != want || len(s.orders) != want {
		t.Errorf("%d lines and %d orders; want %d", len(lines), len(s.orders), want)
	}
}

func read(t *testing.T, file string) (lines []Line) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		var l Line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// What the server never answered is unknown, what it accepted and did not finish is
// unfinished, and both end in time.
func TestServerGoneForGood(t *testing.T) {
	s := newShop(t)
	s.keep = true
	var n atomic.Int64
	s.flaw = func(http.ResponseWriter, int) bool {
		if n.Add(1) == 20 {
			s.close()
		}
		return true
	}
	file := filepath.Join(t.TempDir(), "ledger")
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 1000, Clients: 4, Ledger: file, patience: 300 * time.Millisecond})
	if !errors.Is(err, ErrUnfinished) {
		t.Errorf("error is %v, want %v", err, ErrUnfinished)
	}
	if r.Accepted == 0 || r.Unfinished != r.Accepted || r.Unknown == 0 || r.Unknown > 4 {
		t.Errorf("report is %+v; want all accepted unfinished, at most 4 unknown", r)
	}
	count := map[string]int{}
	for _, l := range read(t, file) {
		count[l.Outcome+l.Final]++
	}
	if count["ok"] != r.Accepted || count["unknown"] != r.Unknown || len(count) != 2 {
		t.Errorf("lines are %v, report is %+v", count, r)
	}
}

// An interrupt ends it at once, and still every order has its line.
func TestInterrupt(t *testing.T) {
	s := newShop(t)
	s.keep = true
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int64
	s.flaw = func(http.ResponseWriter, int) bool {
		if n.Add(1) == 50 {
			cancel()
		}
		return true
	}
	file := filepath.Join(t.TempDir(), "ledger")
	r, err := Run(ctx, Options{URL: "http://" + s.addr, For: time.Hour, Clients: 4, Ledger: file})
	if !errors.Is(err, ErrUnfinished) {
		t.Errorf("error is %v, want %v", err, ErrUnfinished)
	}
	if lines := read(t, file); len(lines) != r.Accepted+r.Unknown || r.Accepted < 40 {
		t.Errorf("%d lines, report is %+v", len(lines), r)
	}
}

// On a terminal there is a bar.
func TestProgress(t *testing.T) {
	var out strings.Builder
	s := newShop(t)
	if _, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 50, Rate: 250, Clients: 4, Progress: &out}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "orders") {
		t.Errorf("bar is %q", out.String())
	}
}

func TestRefusedOrders(t *testing.T) {
	s := newShop(t)
	s.before = func(w http.ResponseWriter, _ int) bool {
		answer(w, 422, map[string]any{"title": "unknown product"})
		return false
	}
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 10, Clients: 2})
	if err != nil || r.Rejected != 10 || r.Accepted+r.Unknown != 0 {
		t.Errorf("report is %+v, error %v; want 10 rejected", r, err)
	}
}

// Orders of the past and of others are not ours, and the past is read once.
func TestHistoryIsPassedOver(t *testing.T) {
	s := newShop(t)
	for i := range 2500 {
		s.ended = append(s.ended, order{ID: fmt.Sprintf("old%d", i), Status: "completed"})
	}
	s.flaw = func(http.ResponseWriter, int) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = append(s.ended, order{ID: "other" + fmt.Sprint(len(s.ended)), Status: "cancelled"})
		return true
	}
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 100, Clients: 4})
	if err != nil || r.Completed != 100 || r.Cancelled != 0 {
		t.Errorf("report is %+v, error %v; want 100 completed", r, err)
	}
}

// At a rate, an order's time begins when it was due: a server that stalls once makes
// all that waited late.
func TestRateCountsTheWait(t *testing.T) {
	s := newShop(t)
	var n atomic.Int64
	s.flaw = func(http.ResponseWriter, int) bool {
		if n.Add(1) == 20 {
			<-time.After(400 * time.Millisecond)
		}
		return true
	}
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, For: 600 * time.Millisecond, Rate: 200, Clients: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 120 || r.Accept.Max < 400 || r.Accept.P50 < 50 {
		t.Errorf("report is %+v; want 120 accepted, and half of them late", r)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := Run(t.Context(), Options{URL: "http://" + l.Addr().String(), Orders: 1, patience: 100 * time.Millisecond}); !errors.Is(err, ErrUnreached) {
		t.Errorf("error is %v, want %v", err, ErrUnreached)
	}
}

func TestWrongOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no scheme":      {URL: "localhost:3000"},
		"wrong scheme":   {URL: "ftp://localhost"},
		"negative":       {Orders: -1},
		"negative rate":  {Rate: -1},
		"more than all":  {Basket: Basket{Mix: 1.5}},
		"negative share": {Basket: Basket{Mix: -0.1}},
	} {
		if _, err := Run(t.Context(), o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: error is %v, want %v", name, err, ErrOptions)
		}
	}
	if _, err := Run(t.Context(), Options{URL: "http://" + newShop(t).addr, Ledger: t.TempDir()}); err == nil {
		t.Error("a folder is no ledger, and no error")
	}
}
