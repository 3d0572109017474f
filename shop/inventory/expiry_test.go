package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// ledger is an order service, in memory.
type ledger struct {
	ends map[string]bool // completed, or undone
	err  error
	tell func() // called before each answer

	mu    sync.Mutex
	asked []string
}

func (l *ledger) Ended(_ context.Context, ids []string) (map[string]bool, error) {
	l.mu.Lock()
	l.asked = append(l.asked, ids...)
	l.mu.Unlock()
	if l.tell != nil {
		l.tell()
	}
	return maps.Clone(l.ends), l.err
}

// passes lets so much time pass, as far as reservations know.
func (s *Service) passes(t *testing.T, d time.Duration) {
	t.Helper()
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE reservation SET expires = expires - $1`, d.Microseconds())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Service) sweeps(t *testing.T) {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What has expired is settled as the order service says; what goes on is kept, and asked
// about again.
func TestExpired(t *testing.T) {
	s := start(t)
	orders := &ledger{ends: map[string]bool{"gone": true, "over": false}}
	reader := metric.NewManualReader()
	s.Orders, s.Meter = orders, metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")
	for _, order := range []string{"gone", "over", "open"} {
		s.hears(t, order, payment(order, line("a", 1), line("b", 1)))
	}
	s.hears(t, "refused", payment("refused", line("a", 100)))
	s.hears(t, "buried", contract.OrderFailed{OrderID: "buried"})

	s.passes(t, 24*time.Hour-time.Minute)
	if s.sweeps(t); len(orders.asked) != 0 {
		t.Errorf("asked about %q before their time", orders.asked)
	}
	s.passes(t, time.Minute)
	s.sweeps(t)
	if slices.Sort(orders.asked); !slices.Equal(orders.asked, []string{"gone", "open", "over"}) {
		t.Errorf("asked about %q", orders.asked)
	}
	for order, want := range map[string]status{"gone": shipped, "over": released, "open": reserved, "refused": refused, "buried": ended} {
		if got := s.status(t, order); got != want {
			t.Errorf("%s is %s, want %s", order, got, want)
		}
	}
	if s.onHand(t, "a") != 9 || s.reserved(t, "a") != 1 || s.said(t, "StockReleased", "over") != 1 {
		t.Errorf("%d on hand, %d reserved; want 9 and 1", s.onHand(t, "a"), s.reserved(t, "a"))
	}
	if got, want := counted(t, reader), map[string]int64{"parted": 1, "gave": 1, "kept": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}

	orders.asked = nil
	s.passes(t, respite-time.Minute)
	s.sweeps(t)
	s.passes(t, time.Minute)
	s.sweeps(t)
	if !slices.Equal(orders.asked, []string{"open"}) {
		t.Errorf("asked about %q again; want open, once its respite is over", orders.asked)
	}
	s.checkSound(t)
}

// counted is what became of what had expired.
func counted(t *testing.T, r *metric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
				did, _ := p.Attributes.Value("outcome")
				counts[did.AsString()] += p.Value
			}
		}
	}
	return counts
}

// However many there are, each is asked about once; and one that contradicts what is
// stored holds up no other.
func TestExpiredInPages(t *testing.T) {
	s := start(t)
	s.Hold = time.Microsecond
	orders := &ledger{ends: map[string]bool{}}
	s.Orders = orders
	s.comes(t, 1000, "a")
	for i := range 2*sweepSize + 1 {
		order := fmt.Sprintf("o%03d", i)
		s.hears(t, order, payment(order, line("a", 1)))
		orders.ends[order] = false
	}
	s.sweeps(t)
	if slices.Sort(orders.asked); len(orders.asked) != 2*sweepSize+1 || len(slices.Compact(orders.asked)) != 2*sweepSize+1 {
		t.Errorf("asked about %d orders", len(orders.asked))
	}
	if n := s.reserved(t, "a"); n != 0 {
		t.Errorf("%d are still reserved", n)
	}
	s.checkSound(t)
}

// As long as the order service cannot be asked, everything is kept.
func TestNobodyToAsk(t *testing.T) {
	s := start(t)
	s.Hold = time.Microsecond
	s.Orders = &ledger{err: errors.New("away"), ends: map[string]bool{"o": false}}
	s.hears(t, "o", payment("o", line("a", 1)))
	if err := s.Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("%v, want that it is away", err)
	}
	if s.status(t, "o") != reserved || s.reserved(t, "a") != 1 {
		t.Errorf("%s, %d reserved", s.status(t, "o"), s.reserved(t, "a"))
	}
}

// The message of an order's end may come while the order service is being asked, before
// it, and once more after it: its stock is settled once.
func TestExpiryMeetsTheEnd(t *testing.T) {
	s := start(t)
	s.Hold = time.Microsecond
	l := line("a", 1)
	s.hears(t, "gone", payment("gone", l))
	s.hears(t, "over", payment("over", l))
	s.hears(t, "open", payment("open", l))
	s.Orders = &ledger{ends: map[string]bool{"gone": true, "over": false}, tell: func() {
		s.hears(t, "gone", contract.OrderCompleted{OrderID: "gone", Lines: []contract.Line{l}})
		s.hears(t, "over", contract.OrderCancelled{OrderID: "over", Lines: []contract.Line{l}})
		s.hears(t, "open", contract.OrderCompleted{OrderID: "open", Lines: []contract.Line{l}}) // it had not ended when it was asked about
	}}
	s.sweeps(t)
	s.hears(t, "gone", contract.OrderCompleted{OrderID: "gone"})
	s.hears(t, "over", contract.OrderCancelled{OrderID: "over"})
	if s.onHand(t, "a") != 8 || s.reserved(t, "a") != 0 || s.said(t, "StockReleased", "over") != 1 || s.status(t, "open") != shipped {
		t.Errorf("%d on hand, %d reserved, open is %s", s.onHand(t, "a"), s.reserved(t, "a"), s.status(t, "open"))
	}
	s.checkSound(t)
}

// Two instances look at the same moment, and messages come as well.
func TestTwoSweepAtOnce(t *testing.T) {
	s := start(t)
	s.Hold = time.Microsecond
	s.comes(t, 100, "a", "b")
	ends := map[string]bool{}
	for i := range 30 {
		order := fmt.Sprint("o", i)
		s.hears(t, order, payment(order, line("a", 1), line("b", 1)))
		if i%3 < 2 {
			ends[order] = i%3 == 0
		}
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			other := &Service{DB: s.DB, Orders: &ledger{ends: ends}}
			if err := other.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		for order, done := range ends {
			what := undone
			if done {
				what = completed
			}
			a := about{order: order, lines: []contract.Line{line("b", 1), line("a", 1)}}
			_, err := s.DB.Update(t.Context(), rows(order, a.lines), func(tx *store.Tx) error {
				_, err := s.settle(tx, a, what)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	if s.onHand(t, "a") != 100 || s.reserved(t, "a") != 10 {
		t.Errorf("%d on hand, %d reserved; want 100 and 10", s.onHand(t, "a"), s.reserved(t, "a"))
	}
	if n := s.number(t, `SELECT count(*) FROM journal WHERE kind = 'StockReleased'`); n != 10 {
		t.Errorf("said %d times that stock is free, want 10", n)
	}
	s.checkSound(t)
}

// Run looks at once, and ends with its context.
func TestRun(t *testing.T) {
	s := start(t)
	s.Hold = time.Microsecond
	s.hears(t, "o", payment("o", line("a", 1)))
	ctx, cancel := context.WithCancel(t.Context())
	orders := &ledger{ends: map[string]bool{"o": false}, tell: cancel}
	s.Orders = orders
	if err := s.Run(ctx); err != nil || !slices.Equal(orders.asked, []string{"o"}) {
		t.Errorf("Run = %v, asked about %q; want nil, o", err, orders.asked)
	}
}
