package notification

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// errShut: the mail server is given a rest, or the process stops.
var errShut = errors.New("the mail server does not answer, and is not asked for a while")

const (
	tolerated   = 5               // failures in a row until the server is given a rest
	rest        = 5 * time.Second // until one mail tries again
	look        = time.Second     // between looks of those who wait
	grace       = 2 * time.Second // for calls that are out when the process stops
	connections = 16              // connections to the server: the most that it gets, or can leave hanging
)

// A gate keeps mails from a server that takes none. Who waits at it holds his job: so a
// server that is away costs the database what the jobs in hand cost, however many wait.
type gate struct {
	once    sync.Once
	breaker circuitbreaker.CircuitBreaker[any]
	lines   chan struct{}   // one place for each connection
	life    context.Context // ends when the process stops
	end     context.CancelFunc
	counter metric.Int64Counter
}

// open makes the gate usable. Everybody who uses it calls it first.
func (g *gate) open(meter metric.Meter) (err error) {
	g.once.Do(func() {
		if meter == nil {
			meter = noop.Meter{}
		}
		g.counter, err = meter.Int64Counter("tidewire.notification.mails",
			metric.WithDescription("What became of mails: sent, failed (the server refuses the recipient), expired (not taken for three days), retry, held (mail was turned off)."))
		for _, result := range []string{"sent", "failed", "expired", "retry", "held"} {
			g.count(context.Background(), result, 0) // an alert sees the first one, for it has seen none
		}
		g.lines = make(chan struct{}, connections)
		g.life, g.end = context.WithCancel(context.Background())
		g.breaker = circuitbreaker.NewBuilder[any]().WithFailureThreshold(tolerated).WithSuccessThreshold(1).WithDelay(rest).
			OnStateChanged(changed).Build()
	})
	return err
}

// changed tells the operator. A mail that tried in vain is no news.
func changed(e circuitbreaker.StateChangedEvent) {
	switch {
	case e.OldState == circuitbreaker.ClosedState && e.NewState == circuitbreaker.OpenState:
		slog.Warn("the mail server takes no mail: they wait, and one at a time tries", "every", rest)
	case e.NewState == circuitbreaker.ClosedState:
		slog.Info("the mail server takes mail again")
	}
}

// pass runs send when the server may be asked, and learns from what it returns. It gives up
// with errShut after patience, or when the process stops. A mail that is out then has grace:
// its context ends, so that a server that hangs cannot hold the process.
func (g *gate) pass(ctx context.Context, send func(context.Context) error) (err error) {
	if err := g.wait(ctx); err != nil {
		return err
	}
	defer func() { <-g.lines }()
	done := false
	defer func() { // a permit that is not given back would keep everybody out
		if !done || troubled(err) {
			g.breaker.RecordFailure()
			return
		}
		g.breaker.RecordSuccess()
	}()
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	defer context.AfterFunc(g.life, func() { time.AfterFunc(grace, cancel) })()
	err = send(ctx)
	done = true
	return err
}

// troubled reports whether err says that the server takes no mail at all.
func troubled(err error) bool {
	return err != nil && !errors.Is(err, ErrRecipient) && !errors.Is(err, ErrLater)
}

// wait gets a line and a permit, or neither.
func (g *gate) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case g.lines <- struct{}{}:
	case <-ctx.Done():
		return errShut
	case <-g.life.Done():
		return errShut
	}
	for !g.breaker.TryAcquirePermit() {
		t := time.NewTimer(max(g.breaker.RemainingDelay(), look))
		select {
		case <-t.C:
		case <-ctx.Done():
		case <-g.life.Done():
		}
		t.Stop()
		if ctx.Err() != nil || g.life.Err() != nil {
			<-g.lines
			return errShut
		}
	}
	return nil
}

// stop sends home who waits, and soon those who are out.
func (g *gate) stop() { g.end() }

// state is 0 while the server is asked, 1 while one mail tries, 2 while none does.
func (g *gate) state() int64 {
	switch g.breaker.State() {
	case circuitbreaker.HalfOpenState:
		return 1
	case circuitbreaker.OpenState:
		return 2
	}
	return 0
}

// count counts what became of mails.
func (g *gate) count(ctx context.Context, result string, n int64) {
	g.counter.Add(ctx, n, metric.WithAttributes(attribute.String("result", result)))
}
