package load

import (
	"errors"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// numbered are lines by the number of their order in the run.
func numbered(t *testing.T, lines []Line) map[int]Line {
	t.Helper()
	by := map[int]Line{}
	for _, l := range lines {
		n, err := strconv.Atoi(l.Key[strings.LastIndex(l.Key, "-")+1:])
		if err != nil {
			t.Fatalf("key %s: %v", l.Key, err)
		}
		by[n] = l
	}
	return by
}

// At a rate, orders are due like clockwork, however slow the server is: nobody waits for
// the answer before.
func TestRateIsAnOpenLoop(t *testing.T) {
	s := newShop(t)
	var now, most atomic.Int64
	s.flaw = func(w http.ResponseWriter, _ int) bool {
		n := now.Add(1)
		defer now.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		return slowly(200*time.Millisecond)(w, 1)
	}
	file := filepath.Join(t.TempDir(), "ledger")
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 60, Rate: 100, Clients: 64, Ledger: file})
	if err != nil || r.Completed != 60 {
		t.Fatalf("report is %+v, error %v; want 60 completed", r, err)
	}
	by := numbered(t, read(t, file))
	for n := range 60 {
		if got, want := by[n].InvokedAt.Sub(by[0].InvokedAt), time.Duration(n)*10*time.Millisecond; (got - want).Abs() > time.Microsecond {
			t.Errorf("order %d was due %v after the first, want %v", n, got, want)
		}
	}
	if most.Load() < 5 {
		t.Errorf("at most %d requests at a time: they wait for one another", most.Load())
	}
	if r.Seconds < 0.59 {
		t.Errorf("took %v s, want the time of 60 orders at 100/s", r.Seconds)
	}
}

// Without a rate, a client sends its next order after the answer to the one before.
func TestWithoutARateClientsWait(t *testing.T) {
	s := newShop(t)
	var now, most atomic.Int64
	s.flaw = func(http.ResponseWriter, int) bool {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		return true
	}
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 100, Clients: 3})
	if err != nil || r.Completed != 100 || r.Clients != 3 {
		t.Errorf("report is %+v, error %v", r, err)
	}
	if most.Load() > 3 {
		t.Errorf("%d requests at a time by 3 clients", most.Load())
	}
}

// Of orders and time, what is over first ends it; what is on its way is still followed.
func TestHowLongOrdersArePlaced(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Options
		want int
	}{
		"time":                    {Options{For: 100 * time.Millisecond, Rate: 200}, 20},
		"orders":                  {Options{Orders: 7, For: time.Hour, Rate: 200}, 7},
		"time before orders":      {Options{Orders: 1000, For: 50 * time.Millisecond, Rate: 100}, 5},
		"less than one":           {Options{For: time.Nanosecond, Rate: 1}, 1},
		"neither: a thousand":     {Options{}, 1000},
		"fewer orders than hands": {Options{Orders: 2, Clients: 64}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			tt.o.URL = "http://" + s.addr + "/"
			r, err := Run(t.Context(), tt.o)
			if err != nil || r.Accepted != tt.want || r.Completed != tt.want || len(s.orders) != tt.want {
				t.Errorf("report is %+v, error %v; want %d", r, err, tt.want)
			}
		})
	}
}

// The share of orders that must fail is exact in what arrives, and so is each kind of
// them.
func TestMixArrives(t *testing.T) {
	for _, tt := range []struct {
		mix  float64
		want []int // completed, declined, timeout_lost, out of stock
	}{
		{0, []int{120, 0, 0, 0}},
		{0.1, []int{108, 4, 4, 4}},
		{0.25, []int{90, 10, 10, 10}},
		{0.5, []int{60, 20, 20, 20}},
		{1, []int{0, 40, 40, 40}},
	} {
		s := newShop(t)
		r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 120, Clients: 8, Basket: Basket{Mix: tt.mix, Products: []string{"1"}}})
		if err != nil || r.Completed != tt.want[0] || r.Failed != 120-tt.want[0] {
			t.Errorf("mix %v: report is %+v, error %v", tt.mix, r, err)
		}
		count := map[string]int{}
		for _, what := range s.at {
			count[what]++
		}
		got := []int{count["1 "], count["1 declined"], count["1 timeout_lost"], count["none-left "]}
		if !slices.Equal(got, tt.want) {
			t.Errorf("mix %v: got %v, want %v", tt.mix, got, tt.want)
		}
	}
}

// Products take turns, and each order asks for the style that was wished for.
func TestBasketIsWhatArrives(t *testing.T) {
	s := newShop(t)
	r, err := Run(t.Context(), Options{URL: "http://" + s.addr, Orders: 9, Basket: Basket{Products: []string{"a", "b", "c"}, Style: "parallel"}})
	if err != nil || r.Style != "parallel" {
		t.Errorf("report is %+v, error %v; want the style that was asked for", r, err)
	}
	count := map[string]int{}
	for _, what := range s.at {
		count[what]++
	}
	if count["a "] != 3 || count["b "] != 3 || count["c "] != 3 {
		t.Errorf("got %v, want each product three times", count)
	}
	dish := Basket{User: `o"brien`, Style: "x"}.dish(`p\1`, "declined")
	if got, want := string(dish.body), `{"userId":"o\"brien","items":[{"productId":"p\\1","quantity":1}],"payment":{"method":"declined"},"style":"x"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMixThatIsNoShare(t *testing.T) {
	for _, mix := range []float64{math.NaN(), math.Inf(1), -1e-9, 1.0000001} {
		if _, err := Run(t.Context(), Options{Basket: Basket{Mix: mix}}); !errors.Is(err, ErrOptions) {
			t.Errorf("mix %v: error is %v, want %v", mix, err, ErrOptions)
		}
	}
}
