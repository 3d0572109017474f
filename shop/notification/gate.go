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
	connections = 16              // connections to the server: the most that it gets, or can leave hanging
)

// A gate keeps mails from a server that takes none. Who waits at it holds his job: so a
// server that is away costs the database what the jobs in hand cost, however many wait.
type gate struct {
	once    sync.Once
	breaker circuitbreaker.CircuitBreaker[any]
	lines   chan struct{} // one place for each connection
	closing chan struct{} // closed when the process stops
	counter metric.Int64Counter
}

// open makes the gate usable. Everybody who uses it calls it first.
func (g *gate) open(meter metric.Meter) (err error) {
	g.once.Do(func() {
		if meter == nil {
			meter = noop.Meter{}
		}
		g.counter, err = meter.Int64Counter("tidewire.notification.mails",
			metric.WithDescription("What the mail server was asked, by what became of it: sent, failed (its recipient is refused), retry."))
		g.lines, g.closing = make(chan struct{}, connections), make(chan struct{})
		g.breaker = circuitbreaker.NewBuilder[any]().WithFailureThreshold(tolerated).WithSuccessThreshold(1).WithDelay(rest).
			OnOpen(func(circuitbreaker.StateChangedEvent) {
				slog.Warn("the mail server takes no mail: they wait, and one at a time tries", "every", rest)
			}).
			OnClose(func(circuitbreaker.StateChangedEvent) { slog.Info("the mail server takes mail again") }).Build()
	})
	return err
}

// pass runs send when the server may be asked, and learns from what it returns. It gives up
// with errShut after patience, or when the process stops.
func (g *gate) pass(ctx context.Context, send func() error) (err error) {
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
	err = send()
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
	case <-g.closing:
		return errShut
	}
	for !g.breaker.TryAcquirePermit() {
		t := time.NewTimer(max(g.breaker.RemainingDelay(), look))
		select {
		case <-t.C:
		case <-ctx.Done():
		case <-g.closing:
		}
		t.Stop()
		if ctx.Err() != nil || g.stopped() {
			<-g.lines
			return errShut
		}
	}
	return nil
}

func (g *gate) stopped() bool {
	select {
	case <-g.closing:
		return true
	default:
		return false
	}
}

// stop sends home who waits.
func (g *gate) stop() { close(g.closing) }

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

// count counts an answer of the server.
func (g *gate) count(ctx context.Context, result string) {
	g.counter.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}
