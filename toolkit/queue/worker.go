package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/trace"
)

// A Worker hands the messages of one queue to its handlers. Fields that name no default
// are required.
type Worker struct {
	DB          *store.DB // where the handlers' state is
	Driver      Driver
	Handlers    []Handler
	Policy      failure.Policy
	Process     *run.Process
	Concurrency int           // messages in hand at a time; 64
	Lease       time.Duration // of the driver, renewed every third of it; 3s
	Strain      *run.Strain   // of those who wait for the work; none
}

const (
	settleSize = 256                    // messages in one commit
	stopTime   = 5 * time.Second        // for a database that is away when the worker stops
	punctual   = 500 * time.Millisecond // between two looks: what is due later gives no hint when it is
)

// A result is a message whose call is over.
type result struct {
	Delivery
	handler Handler
	data    any // the message, decoded
	outcome any
	err     error
	started time.Time
	span    trace.Span // nil: it is not recorded
}

// A shift is one run of a Worker.
type shift struct {
	*Worker
	queue    string
	handlers map[string]Handler
	handling *run.Handling
	tracer   trace.Tracer // nil: nothing is traced
	results  chan result
	sizer    *run.Sizer
	free     chan struct{} // a token for each message that may be taken in hand
	calls    sync.WaitGroup
	stopping chan struct{}
	deadline time.Time // for the database to come back; set before stopping is closed

	mu     sync.Mutex
	inHand map[string]Delivery // by ID: their leases are renewed
}

// Run works until ctx is done. It then takes nothing more in hand, waits for the calls
// that are out, stores what came of them and returns nil. It returns an error only for
// a wrong configuration.
func (w *Worker) Run(ctx context.Context) error {
	s, err := w.shift()
	if err != nil {
		return err
	}
	stop, err := s.measure()
	if err != nil {
		return err
	}
	defer stop()
	var parts sync.WaitGroup
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRenewing()
	parts.Go(s.settle)
	parts.Go(func() { s.renew(renewing) })
	s.receive(ctx)
	s.deadline = time.Now().Add(stopTime)
	close(s.stopping)
	s.calls.Wait()
	s.drain()
	close(s.results)
	stopRenewing()
	parts.Wait()
	return nil
}

func (w *Worker) shift() (*shift, error) {
	if w.Concurrency == 0 {
		w.Concurrency = 64
	}
	if w.Lease == 0 {
		w.Lease = 3 * time.Second
	}
	s := &shift{Worker: w, tracer: w.Process.Tracer(w.DB.Service()), handlers: map[string]Handler{}, inHand: map[string]Delivery{},
		sizer: run.NewSizer(settleSize, w.DB.Alone()), stopping: make(chan struct{}), results: make(chan result, w.Concurrency), free: make(chan struct{}, w.Concurrency)}
	for range w.Concurrency {
		s.free <- struct{}{}
	}
	for _, h := range w.Handlers {
		if s.queue != "" && h.Queue != s.queue {
			return nil, fmt.Errorf("worker: handlers of two queues, %s and %s", s.queue, h.Queue)
		}
		if _, twice := s.handlers[h.Kind]; twice {
			return nil, fmt.Errorf("worker of %s: two handlers of %s", h.Queue, h.Kind)
		}
		s.queue, s.handlers[h.Kind] = h.Queue, h
	}
	if s.queue == "" {
		return nil, errors.New("worker: no handlers")
	}
	if err := w.Policy.Check(); err != nil {
		return nil, fmt.Errorf("worker of %s: %w", s.queue, err)
	}
	return s, nil
}

// receive takes messages in hand until ctx is done.
func (s *shift) receive(ctx context.Context) {
	hint, unwatch := s.DB.Watch(s.queue)
	defer unwatch()
	idle := run.NewIdlerWhile(s.DB.Hinted).AtMost(punctual)
	var pace run.Pacer
	troubled := false
	for {
		pace.Next()
		n := s.reserve(ctx)
		if n == 0 {
			return
		}
		got, err := s.Driver.Receive(ctx, s.queue, n)
		s.unreserve(n - len(got))
		if err != nil && ctx.Err() == nil && !troubled {
			slog.WarnContext(ctx, "receiving has stopped and is tried again", "queue", s.queue, "error", err)
		}
		troubled = err != nil
		for _, d := range got {
			s.begin(ctx, d)
		}
		s.strain(got)
		if len(got) > 0 {
			pace.Done(len(got), len(got) == settleSize)
		}
		switch {
		case len(got) > 0:
			idle.Reset()
		case err != nil:
			idle.Wait(ctx, nil)
		default:
			idle.Wait(ctx, hint)
		}
	}
}

// strain tells how long the messages waited that came at once, as they were sent. One that
// was put off waited for somebody else, or as it was told to: an outage of a minute would be
// taken for a minute's work that is behind.
func (s *shift) strain(got []Delivery) {
	var sent []time.Time
	for _, d := range got {
		if d.fresh() {
			sent = append(sent, d.Due)
		}
	}
	s.Strain.Handled(s.queue, sent...)
}

// reserve waits until a message can be taken in hand, and returns how many can; 0 when
// ctx is done.
func (s *shift) reserve(ctx context.Context) int {
	if ctx.Err() != nil {
		return 0
	}
	select {
	case <-s.free:
	case <-ctx.Done():
		return 0
	}
	n := 1
	for n < settleSize {
		select {
		case <-s.free:
			n++
		default:
			return n
		}
	}
	return n
}

func (s *shift) unreserve(n int) {
	for range n {
		s.free <- struct{}{}
	}
}

// drain waits until nothing is in hand.
func (s *shift) drain() {
	for range s.Concurrency {
		<-s.free
	}
}

// begin starts the call of a message.
func (s *shift) begin(ctx context.Context, d Delivery) {
	s.mu.Lock()
	s.inHand[d.ID] = d
	s.mu.Unlock()
	h, ok := s.handlers[d.Kind]
	r := s.traced(result{Delivery: d, handler: h, started: time.Now()})
	if ok {
		r.data, r.err = h.decode(d.Message)
	}
	switch {
	case !ok:
		r.err = s.unhandled(d.Kind)
		s.results <- r
	case d.Strikes >= suspected:
		s.calls.Go(func() { s.alone(ctx, r) })
	case h.call == nil || r.err != nil:
		s.results <- r
	default:
		s.calls.Go(func() { s.results <- s.call(ctx, r) })
	}
}

// unhandled is what becomes of a kind that has no handler: a later version of one that has
// waits for a newer binary, anything else is dead.
func (s *shift) unhandled(kind string) error {
	name, version := message.Versioned(kind)
	for known := range s.handlers {
		if n, v := message.Versioned(known); n == name && v < version {
			return failure.Wait(time.Minute, fmt.Errorf("%s is of a later version than this binary knows: it waits for a newer binary of %s", kind, s.DB.Service()))
		}
	}
	return failure.Permanent(fmt.Errorf("nobody handles %s in queue %s", kind, s.queue))
}

// alone handles a suspect while no other suspect of this process is handled. Its
// strike was counted when it was handed out.
func (s *shift) alone(ctx context.Context, r result) {
	if ended := r.Strikes - suspected; ended > s.Policy.WithDefaults().Attempts {
		r.err = failure.Permanent(fmt.Errorf("its worker was lost %d times while it handled this message alone", ended))
		s.results <- r
		return
	}
	s.Process.Alone(func() {
		if r.handler.call != nil && r.err == nil {
			r = s.call(ctx, r)
		}
		s.store([]result{r})
	})
	s.DB.Hint(s.queue) // the next suspect may come
}

// call runs the call of a message. A call that does not end in time is left behind.
func (s *shift) call(ctx context.Context, r result) (called result) {
	timeout := s.Policy.WithDefaults().Timeout
	ctx, calling := s.calling(context.WithoutCancel(ctx), r)
	defer func() { span.End(calling, called.err) }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := make(chan result, 1)
	go func(r result) {
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("the call panicked: %v", p)
			}
			done <- r
		}()
		r.err = errors.New("the call ended its goroutine")
		r.outcome, r.err = r.handler.call(ctx, r.data)
	}(r)
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
	}
	grace := time.NewTimer(time.Second) // for a call that heeds its context to say more
	defer grace.Stop()
	select {
	case r := <-done:
		return r
	case <-grace.C:
		r.err = fmt.Errorf("no answer within %v", timeout)
		return r
	}
}

// renew keeps the leases of what is in hand.
func (s *shift) renew(ctx context.Context) {
	tick := time.NewTicker(s.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		var old []Delivery
		for _, d := range s.inHand {
			old = append(old, d)
		}
		s.mu.Unlock()
		if len(old) == 0 {
			continue
		}
		if err := s.Driver.Renew(ctx, old); err != nil && !errors.Is(err, ErrLease) && ctx.Err() == nil {
			slog.WarnContext(ctx, "leases could not be renewed", "queue", s.queue, "messages", len(old), "error", err)
		}
	}
}

// done lets a message go.
func (s *shift) done(m message.Message) {
	s.mu.Lock()
	delete(s.inHand, m.ID)
	s.mu.Unlock()
	s.free <- struct{}{}
}
