package payment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A scripted provider answers as it is told, and counts how it is called.
type scripted struct {
	Provider
	mu          sync.Mutex
	answer      Answer
	err         error // of its ledger
	took        time.Duration
	calls, most int // in all, and at a time
	out         int
}

func (s *scripted) Charge(context.Context, Charge) Answer {
	s.mu.Lock()
	s.calls++
	s.out++
	s.most = max(s.most, s.out)
	a, took := s.answer, s.took
	s.mu.Unlock()
	time.Sleep(took) // within a bubble
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out--
	return a
}

func (s *scripted) Ledger(context.Context, string, int) (Page, error) {
	s.calls++
	return Page{}, s.err
}

var (
	fine = Answer{Outcome: Captured}
	away = Answer{Outcome: Unknown, Away: true}
)

func guarded(t *testing.T, b Breaker) (*Guarded, *scripted) {
	t.Helper()
	s := &scripted{answer: fine}
	g, err := Guard(s, b)
	if err != nil {
		t.Fatal(err)
	}
	return g, s
}

// charges makes calls one after another, and returns how many were made.
func (s *scripted) charges(g *Guarded, n int, a Answer) (made int) {
	s.answer = a
	before := s.calls
	for range n {
		g.Charge(context.Background(), Charge{})
	}
	return s.calls - before
}

func TestWhatOpensTheBreaker(t *testing.T) {
	one := Answer{Outcome: Unknown} // about this order alone
	for _, tt := range []struct {
		name string
		do   func(*Guarded, *scripted)
		open bool
	}{
		{"nobody answers", func(g *Guarded, s *scripted) { s.charges(g, 20, away) }, true},
		{"too few to tell", func(g *Guarded, s *scripted) { s.charges(g, 19, away) }, false},
		{"half do not answer", func(g *Guarded, s *scripted) { s.charges(g, 15, fine); s.charges(g, 15, away) }, true},
		{"fewer than half", func(g *Guarded, s *scripted) { s.charges(g, 21, fine); s.charges(g, 20, away) }, false},
		{"every order is declined", func(g *Guarded, s *scripted) { s.charges(g, 100, Answer{Outcome: Declined}) }, false},
		{"every order has a transient error", func(g *Guarded, s *scripted) { s.charges(g, 100, Answer{Outcome: Unavailable}) }, false},
		{"every answer is unclear", func(g *Guarded, s *scripted) { s.charges(g, 100, one) }, false},
		{"long ago", func(g *Guarded, s *scripted) {
			s.charges(g, 19, away)
			time.Sleep(12 * time.Second)
			s.charges(g, 10, away)
		}, false},
		{"its ledger does not answer", func(g *Guarded, s *scripted) {
			s.err = fmt.Errorf("%w: cut", ErrAway)
			for range 20 {
				_, _ = g.Ledger(context.Background(), "", 1)
			}
		}, true},
		{"its ledger answers nonsense", func(g *Guarded, s *scripted) {
			s.err = errors.New("nonsense")
			for range 40 {
				_, _ = g.Ledger(context.Background(), "", 1)
			}
		}, false},
		{"calls panic", func(g *Guarded, s *scripted) {
			s.Provider = nil // Lookup is nobody's
			for range 20 {
				func() {
					defer func() { _ = recover() }()
					g.Lookup(context.Background(), Charge{})
				}()
			}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, s := guarded(t, Breaker{})
				tt.do(g, s)
				before := s.calls
				a := g.Charge(t.Context(), Charge{})
				if refused := a.Outcome == NotAsked; refused != tt.open || s.calls == before != tt.open {
					t.Errorf("then got %s with %d calls, want it open %v", a.Outcome, s.calls-before, tt.open)
				}
				if tt.open && (a.Wait < 3*time.Second || a.Wait > 6*time.Second || a.Error == "") {
					t.Errorf("open: told to wait %v because of %q, want about 5s", a.Wait, a.Error)
				}
				if _, err := g.Ledger(t.Context(), "", 1); tt.open && !errors.Is(err, ErrAway) {
					t.Errorf("its ledger: got %v, want %v", err, ErrAway)
				}
			})
		})
	}
}

// What comes back is tried by a few, and only then by all.
func TestHalfOpenLetsFewThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := guarded(t, Breaker{})
		s.charges(g, 20, away)
		if made := s.charges(g, 1000, away); made != 0 {
			t.Errorf("open: %d calls, want none", made)
		}
		s.took = time.Second
		rush := func() {
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() { g.Charge(t.Context(), Charge{}) })
			}
			all.Wait()
		}
		for _, tt := range []struct {
			answer    Answer
			atMost    int
			then      Outcome
			whichMean string
		}{{away, 3, NotAsked, "open again"}, {fine, 3, Captured, "closed"}} {
			time.Sleep(7 * time.Second)
			s.answer, s.most, s.calls = tt.answer, 0, 0
			rush()
			if s.most > tt.atMost || s.calls > tt.atMost {
				t.Errorf("%d trials, %d at a time; want at most %d", s.calls, s.most, tt.atMost)
			}
			if a := g.Charge(t.Context(), Charge{}); a.Outcome != tt.then {
				t.Errorf("after the trials: got %s, want it %s", a.Outcome, tt.whichMean)
			}
		}
		s.calls = 0
		if rush(); s.calls != 100 {
			t.Errorf("closed: %d calls of 100", s.calls)
		}
	})
}

// What was asked before the provider went away is answered, or not, when others try
// whether it is back. It is none of them.
func TestLateAnswersAreNoTrials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := guarded(t, Breaker{})
		s.took = 10 * time.Second
		var late sync.WaitGroup
		for range 50 {
			late.Go(func() { g.Charge(t.Context(), Charge{}) })
		}
		synctest.Wait()
		s.took = 0
		s.charges(g, 20, away)
		time.Sleep(7 * time.Second)
		s.charges(g, 1, fine) // one of three: half open
		late.Wait()
		if got := g.breaker.State().String(); got != "half-open" {
			t.Errorf("after late answers the breaker is %s, want it half open", got)
		}
	})
}

// The customers' mix of misbehaviour is no reason to leave the provider alone.
func TestMixedLoadKeepsTheBreakerClosed(t *testing.T) {
	b := newProvided(t)
	g, err := Guard(b.Provider, Breaker{})
	b.must(err)
	b.Provider = g
	b.work()
	const orders = 240 // a fifth of them misbehaves, in thirds; out of stock gives the money back
	for i := range orders {
		id, method := fmt.Sprint("o", i), "ok"
		switch i % 15 {
		case 0:
			method = "declined"
		case 5:
			method = "timeout_lost"
		}
		b.must(b.hear(created(id, method), id))
	}
	b.await(fmt.Sprint(orders), `SELECT CAST(COUNT(*) AS TEXT) FROM journal`)
	if n := g.turns.Load(); n != 0 {
		t.Errorf("the breaker changed %d times", n)
	}
}

// What the breaker does can be seen.
func TestBreakerIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := metric.NewManualReader()
		g, s := guarded(t, Breaker{Meter: metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")})
		see := func() string {
			var all metricdata.ResourceMetrics
			if err := reader.Collect(t.Context(), &all); err != nil {
				t.Fatal(err)
			}
			var seen []string
			for _, m := range all.ScopeMetrics[0].Metrics {
				name := strings.TrimPrefix(m.Name, "tidewire.provider.breaker.")
				switch d := m.Data.(type) {
				case metricdata.Sum[int64]:
					seen = append(seen, fmt.Sprint(name, " ", d.DataPoints[0].Value))
				case metricdata.Gauge[int64]:
					seen = append(seen, fmt.Sprint(name, " ", d.DataPoints[0].Value))
				}
			}
			return strings.Join(seen, ", ")
		}
		for _, tt := range []struct {
			do   func()
			want string
		}{
			{func() { s.charges(g, 1, fine) }, "state 0"},
			{func() { s.charges(g, 27, away) }, "opened 1, refused 8, state 2"},
			{func() { time.Sleep(7 * time.Second); s.charges(g, 1, fine) }, "opened 1, refused 8, state 1"},
			{func() { s.charges(g, 3, away) }, "opened 1, refused 9, state 2"},
			{func() { time.Sleep(7 * time.Second); s.charges(g, 3, fine) }, "opened 1, refused 9, state 0"},
		} {
			if tt.do(); see() != tt.want {
				t.Errorf("got %s, want %s", see(), tt.want)
			}
		}
	})
}

// The provider goes away under load. Orders wait, none fails, and nothing is counted
// against anybody; when it is back, all are paid.
func TestOpenMeansWait(t *testing.T) {
	b := newProvided(t)
	b.Longest = 100 * time.Millisecond
	address := strings.TrimPrefix(b.url, "http://")
	g, err := Guard(b.Provider, Breaker{Calls: 5, Within: time.Second, Rest: 200 * time.Millisecond})
	b.must(err)
	b.Provider = g
	b.work()
	const orders = 60
	for i := range orders {
		if i == orders/2 {
			b.await(fmt.Sprint(orders/2), `SELECT CAST(COUNT(*) AS TEXT) FROM journal`)
			b.gone()
		}
		b.must(b.hear(created(fmt.Sprint("o", i), "ok"), fmt.Sprint("o", i)))
	}
	b.await("1", `SELECT '1' FROM job WHERE past LIKE '%`+notAsked+`%' LIMIT 1`)
	calls := func() (n int) {
		if _, err := fmt.Sscan(b.read(`SELECT CAST(COUNT(*) AS TEXT) FROM attempt`), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for before, tick := g.turns.Load(), time.NewTicker(10*time.Millisecond); g.turns.Load() < before+6; { // some rests
		<-tick.C
	}
	if got := b.read(`SELECT CAST(COUNT(*) AS TEXT) FROM payment WHERE status NOT IN ('wanted', 'captured')`); got != "0" {
		t.Errorf("%s payments have failed while the provider was away", got)
	}
	if got := b.read(`SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE dead = 1 OR past LIKE '{"attempts":_%' AND past NOT LIKE '{"attempts":0%'`); got != "0" {
		t.Errorf("%s jobs are dead, or charged with an attempt", got)
	}
	if got := calls() - orders/2; got > orders { // those that opened it, and a few trials
		t.Errorf("%d calls to a provider that is away", got)
	}
	b.provide(address)
	b.await(fmt.Sprint(orders), `SELECT CAST(COUNT(*) AS TEXT) FROM journal`)
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job`)
	if got := b.read(`SELECT DISTINCT kind FROM journal`); got != "PaymentProcessed" {
		t.Errorf("said %s, want every order paid", got)
	}
	if got := strings.Count(b.captures(), "pay-"); got != orders {
		t.Errorf("got %d captures of %d orders", got, orders)
	}
}

// The deadline of an order passes while its charge waits, never sent. When the provider
// is back the order is not charged: its key is voided.
func TestDeadlineWhileOpen(t *testing.T) {
	b := newProvided(t)
	b.Longest = 100 * time.Millisecond
	g, err := Guard(b.Provider, Breaker{Rest: 500 * time.Millisecond})
	b.must(err)
	b.Provider = g
	g.breaker.Open()
	b.work()
	b.must(b.hear(created("o", "ok"), "o"))
	b.await("1", `SELECT '1' FROM job WHERE past LIKE '%`+notAsked+`%'`)
	if got := b.read(trail, "o") + b.read(`SELECT CAST(attempts + calls AS TEXT) FROM payment`); got != "0" {
		t.Errorf("calls while it is open: %s", got)
	}
	b.must(b.hear(contract.OrderFailed{OrderID: "o", Reason: "timed_out"}, "o"))
	b.await("PaymentVoided", facts, "o")
	if got, want := b.read(trail, "o"), "void voided"; got != want {
		t.Errorf("calls: got %s, want %s", got, want)
	}
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job`)
	if got := b.read(`SELECT status FROM payment`) + b.captures(); got != "voided" {
		t.Errorf("got %s, want it voided and nothing captured", got)
	}
}
