package request

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// patience is how long Ask waits where its context has no deadline.
const patience = 5 * time.Second

// A Client asks on behalf of one service. It may be used concurrently.
type Client struct {
	driver  Driver
	service string
	process *run.Process
	address string
	stop    func()

	asked   metric.Int64Counter
	took    metric.Float64Histogram
	dropped metric.Int64Counter

	mu      sync.Mutex
	waiting map[string]chan<- Reply // by the question's ID
}

// NewClient returns a client for the questions of a service. Whoever made it closes it.
func NewClient(d Driver, service string, p *run.Process) (*Client, error) {
	c := &Client{driver: d, service: service, process: p, waiting: map[string]chan<- Reply{}}
	m := p.Meters()
	var err error
	if c.asked, err = m.Int64Counter("tidewire.request.asked", metric.WithDescription("Questions by what came of them: answered, failed, timeout, nobody (serves the queue), full, or cancelled by whoever asked.")); err != nil {
		return nil, err
	}
	if c.took, err = m.Float64Histogram("tidewire.request.wait", metric.WithUnit("s"), metric.WithDescription("From asking a question to its answer, or to giving up.")); err != nil {
		return nil, err
	}
	if c.dropped, err = m.Int64Counter("tidewire.request.dropped", metric.WithDescription("Replies that were dropped: late, after the deadline; unexpected, as nobody waits for them.")); err != nil {
		return nil, err
	}
	c.address, c.stop, err = d.Listen(c.hear)
	return c, err
}

// Close ends the client. What is still asked gets no answer.
func (c *Client) Close() { c.stop() }

// Ask asks a question of the queue that it names, and returns the answer. The deadline is
// that of ctx; 5 s where it has none. Errors are ErrNobody, ErrFull, ErrTimeout, ErrFailed,
// and that of ctx if whoever asks has been cancelled.
func Ask[A message.Kind, Q message.Work](ctx context.Context, c *Client, question Q) (answer A, err error) {
	started := time.Now()
	traced, asking := span.Start(ctx, c.process.Tracer(c.service), store.TraceOf(ctx), "ask "+question.Kind(), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("messaging.destination.name", question.Queue()), span.Kind.String(question.Kind())))
	answer, err = ask[A](traced, c, question)
	span.End(asking, err)
	of := attribute.String("queue", question.Queue())
	c.asked.Add(ctx, 1, metric.WithAttributes(of, attribute.String("result", result(err))))
	c.took.Record(ctx, time.Since(started).Seconds(), metric.WithAttributes(of))
	return answer, err
}

// result names what came of a question.
func result(err error) string {
	for _, r := range []struct {
		err  error
		name string
	}{{ErrNobody, "nobody"}, {ErrFull, "full"}, {ErrTimeout, "timeout"}, {context.Canceled, "cancelled"}} {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	if err != nil {
		return "failed"
	}
	return "answered"
}

func ask[A message.Kind, Q message.Work](ctx context.Context, c *Client, question Q) (answer A, err error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	m, err := envelope(question, "", store.TraceOf(ctx))
	if err != nil {
		return answer, err
	}
	q := Question{Message: m, Queue: question.Queue(), ReplyTo: c.address}
	q.Deadline, _ = ctx.Deadline()
	reply, err := c.exchange(ctx, q)
	switch {
	case err != nil:
		return answer, fmt.Errorf("ask %s of %s: %w", q.Kind, q.Queue, err)
	case reply.Failure != "":
		return answer, fmt.Errorf("ask %s of %s: %w: %s", q.Kind, q.Queue, ErrFailed, reply.Failure)
	case reply.Kind != answer.Kind():
		return answer, fmt.Errorf("ask %s of %s: %w: the answer is %s, not %s", q.Kind, q.Queue, ErrFailed, reply.Kind, answer.Kind())
	}
	of, err := message.Decode[A](reply.Message)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return of.Data, err
}

// envelope makes a message that is caused by another, or by none.
func envelope(data message.Kind, cause, traceparent string) (message.Message, error) {
	m, err := message.Encode("", data)
	if err != nil {
		return m, err
	}
	id, err := uuid.NewV7()
	m.ID, m.Time, m.Cause, m.Trace, m.Class = id.String(), time.Now(), cause, message.Trace(traceparent), message.Command
	return m, err
}

// exchange sends a question and waits for its reply.
func (c *Client) exchange(ctx context.Context, q Question) (Reply, error) {
	got := make(chan Reply, 1)
	c.expect(q.ID, got)
	defer c.giveUp(q.ID)
	if err := ctx.Err(); err != nil {
		return Reply{}, ended(err)
	}
	if err := c.driver.Send(ctx, q); err != nil {
		return Reply{}, err
	}
	select {
	case r := <-got:
		return r, nil
	case <-ctx.Done():
		return Reply{}, ended(ctx.Err())
	}
}

// ended makes the end of a deadline an ErrTimeout.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

func (c *Client) expect(id string, got chan<- Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[id] = got
}

func (c *Client) giveUp(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// claim returns who waits for the answer to a question, once.
func (c *Client) claim(id string) (chan<- Reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got, ok := c.waiting[id]
	delete(c.waiting, id)
	return got, ok
}

// hear gives a reply to whoever waits for it. One that comes with the deadline is late,
// whoever wakes first.
func (c *Client) hear(r Reply) {
	got, waited := c.claim(r.Cause)
	why := "unexpected"
	switch {
	case !time.Now().Before(r.Deadline):
		why = "late"
	case waited:
		got <- r // there is room: it is claimed once
		return
	}
	c.dropped.Add(context.Background(), 1, metric.WithAttributes(attribute.String("why", why)))
}
