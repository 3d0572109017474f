package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// A Breaker says when a provider is taken to be away, and for how long. The zero value
// is the default.
type Breaker struct {
	Rate   float64       // share of calls without an answer that opens it; 0.5
	Calls  uint          // within the time, below which it stays closed; 20
	Within time.Duration // of which calls are counted; 10s
	Rest   time.Duration // while it is open, a fifth more or less; 5s
	Trials uint          // calls at a time that are let through after that; 3
	Meter  metric.Meter  // of what it does; none
}

// Guarded is a provider behind a circuit breaker. Only what says that the provider as a
// whole is away counts against it: a decline, or an error about one order, is an answer.
//
//	closed ─► half of the calls within 10 s had no answer ─► open: nobody calls
//	open ─► after a rest ─► half open: a few call ─► answered: closed
//	                                              ─► not answered: open
//
// A call that was not made is NotAsked: nothing happened, and it is no try.
type Guarded struct {
	to      Provider
	breaker circuitbreaker.CircuitBreaker[any]
	turns   atomic.Int64 // how often the breaker changed its state
	opened  metric.Int64Counter
	refused metric.Int64Counter
}

var _ Provider = (*Guarded)(nil)

// Guard puts a breaker before a provider.
func Guard(to Provider, b Breaker) (*Guarded, error) {
	g := &Guarded{to: to}
	if b.Meter == nil {
		b.Meter = noop.Meter{}
	}
	trials := cmp.Or(b.Trials, 3)
	g.breaker = circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(cmp.Or(b.Rate, 0.5), cmp.Or(b.Calls, 20), cmp.Or(b.Within, 10*time.Second)).
		WithDelay(cmp.Or(b.Rest, 5*time.Second)).WithJitterFactor(0.2).
		WithSuccessThresholdRatio(trials/2+1, trials).
		OnStateChanged(g.changed).Build()
	return g, g.measure(b.Meter)
}

// measure makes the instruments.
func (g *Guarded) measure(m metric.Meter) (err error) {
	if g.opened, err = m.Int64Counter("tidewire.provider.breaker.opened", metric.WithDescription("How often the payment provider was taken to be away.")); err != nil {
		return err
	}
	if g.refused, err = m.Int64Counter("tidewire.provider.breaker.refused", metric.WithDescription("Calls to the payment provider that were not made, and wait.")); err != nil {
		return err
	}
	_, err = m.Int64ObservableGauge("tidewire.provider.breaker.state", metric.WithDescription("0: the payment provider is called; 1: a few calls try whether it is back; 2: it is left alone."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(map[circuitbreaker.State]int64{circuitbreaker.HalfOpenState: 1, circuitbreaker.OpenState: 2}[g.breaker.State()])
			return nil
		}))
	return err
}

// changed takes note of a change. Trials in between that fail are no news.
func (g *Guarded) changed(e circuitbreaker.StateChangedEvent) {
	g.turns.Add(1)
	switch {
	case e.OldState == circuitbreaker.ClosedState && e.NewState == circuitbreaker.OpenState:
		g.opened.Add(context.Background(), 1)
		slog.Warn("the payment provider does not answer and is left alone: payments wait")
	case e.NewState == circuitbreaker.ClosedState:
		slog.Info("the payment provider answers again: payments go on")
	}
}

const notAsked = "not asked: the provider did not answer others"

// Charge captures the money of c, unless the breaker is open.
func (g *Guarded) Charge(ctx context.Context, c Charge) Answer {
	return g.ask(func() Answer { return g.to.Charge(ctx, c) })
}

// Authorize has the money of c held, unless the breaker is open.
func (g *Guarded) Authorize(ctx context.Context, c Charge) Answer {
	return g.ask(func() Answer { return g.to.Authorize(ctx, c) })
}

// Capture captures what is held under the key of c, unless the breaker is open.
func (g *Guarded) Capture(ctx context.Context, c Charge) Answer {
	return g.ask(func() Answer { return g.to.Capture(ctx, c) })
}

// Lookup says what became of c, unless the breaker is open.
func (g *Guarded) Lookup(ctx context.Context, c Charge) Answer {
	return g.ask(func() Answer { return g.to.Lookup(ctx, c) })
}

// Void makes sure that c captures nothing from now on and holds nothing, unless the breaker is open.
func (g *Guarded) Void(ctx context.Context, c Charge) Answer {
	return g.ask(func() Answer { return g.to.Void(ctx, c) })
}

// Refund gives back what c captured, unless the breaker is open.
func (g *Guarded) Refund(ctx context.Context, key string, c Charge) Answer {
	return g.ask(func() Answer { return g.to.Refund(ctx, key, c) })
}

// Ledger reads the provider's ledger. It fails with ErrAway if the breaker is open.
func (g *Guarded) Ledger(ctx context.Context, cursor string, most int) (page Page, err error) {
	if !g.through(func() bool { page, err = g.to.Ledger(ctx, cursor, most); return errors.Is(err, ErrAway) }) {
		err = fmt.Errorf("%w: %s", ErrAway, notAsked)
	}
	return page, err
}

func (g *Guarded) ask(call func() Answer) (a Answer) {
	if !g.through(func() bool { a = call(); return a.Away }) {
		a = Answer{Outcome: NotAsked, Wait: g.breaker.RemainingDelay(), Error: notAsked}
	}
	return a
}

// through makes a call, unless the breaker is open, and tells the breaker whether the
// provider was away. A call that began before the breaker changed says nothing about
// what has been since: those that were out when it opened are no trials.
func (g *Guarded) through(call func() (away bool)) bool {
	if !g.breaker.TryAcquirePermit() {
		g.refused.Add(context.Background(), 1)
		return false
	}
	turn, away := g.turns.Load(), true // also if the call panics
	defer func() {
		switch {
		case g.turns.Load() != turn:
		case away:
			g.breaker.RecordFailure()
		default:
			g.breaker.RecordSuccess()
		}
	}()
	away = call()
	return true
}
