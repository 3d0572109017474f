package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
)

// Questions carries questions and replies, in queues that are gone with those who read them:
// nothing of it is stored.
type Questions struct {
	server  *Server
	waiting int
	post    *post
	ctx     context.Context // of those who serve and listen
	cancel  context.CancelFunc
	parts   sync.WaitGroup
}

var _ request.Driver = (*Questions)(nil)

// begun is how long Serve and Listen wait for the server: without it they go on by themselves.
const begun = 2 * time.Second

// Questions returns the driver with room for so many questions that wait for one server of a
// queue, 256 for 0, and as many that it has been handed. Whoever made it closes it.
func (s *Server) Questions(waiting int) *Questions {
	if waiting == 0 {
		waiting = 256
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Questions{server: s, waiting: waiting, post: newPost(s), ctx: ctx, cancel: cancel}
}

// Close ends all that serves and listens.
func (q *Questions) Close() {
	q.cancel()
	q.parts.Wait()
	q.post.close()
}

// A reading is a queue that is read until stop, and read again after its channel has ended.
type reading struct {
	server  *Server
	at      string
	own     bool // of this connection alone
	limit   int  // that wait, and that were handed out; 0: none
	deliver func(amqp.Delivery) (more bool)
	off     func()        // closes left
	left    chan struct{} // nothing more is handed over
	done    chan struct{}
}

// read begins a reading, and waits a while for it to be under way. When stop returns, nothing
// more is handed over.
func (q *Questions) read(r *reading) (stop func(), err error) {
	ctx, cancel := context.WithCancel(q.ctx)
	r.server, r.left, r.done = q.server, make(chan struct{}), make(chan struct{})
	r.off = sync.OnceFunc(func() { close(r.left) })
	first := make(chan error, 1)
	q.parts.Go(func() { defer close(r.done); defer r.off(); r.run(ctx, q.ctx, first) })
	late := time.NewTimer(begun)
	defer late.Stop()
	select {
	case err = <-first:
	case <-late.C:
	}
	if errors.Is(err, errCertain) {
		cancel()
		return nil, err
	}
	return func() { cancel(); <-r.left }, nil
}

// run reads until ctx is done, then what was handed over before that, unless all ends.
func (r *reading) run(ctx, all context.Context, first chan<- error) {
	var t trouble
	for idle := run.NewIdler(true); ctx.Err() == nil; {
		err := r.session(ctx, all, func() { t.is(nil); idle.Reset(); told(first, nil) })
		if err == nil || ctx.Err() != nil {
			return
		}
		told(first, err)
		if t.is(err) && !errors.Is(err, errAway) { // the link tells that
			slog.WarnContext(ctx, "questions cannot be carried by RabbitMQ now, and are tried again", "queue", r.at, "error", err)
		}
		idle.Wait(ctx, nil)
	}
	told(first, nil)
}

// told gives the first word to whoever waits for it.
func told(first chan<- error, err error) {
	select {
	case first <- err:
	default:
	}
}

// session reads on one channel. It returns nil after the end of ctx.
func (r *reading) session(ctx, all context.Context, under func()) error {
	ch, err := r.server.in.channel()
	if err != nil {
		return err
	}
	defer r.server.in.abandon(ch)
	args := amqp.Table{}
	if r.limit > 0 {
		args = amqp.Table{"x-max-length": int64(r.limit), "x-overflow": "reject-publish"}
		if err := ch.Qos(r.limit, 0, false); err != nil {
			return err
		}
	}
	if _, err := ch.QueueDeclare(r.at, false, true, r.own, false, args); err != nil {
		return r.server.refused(r.at, err)
	}
	ended := ch.NotifyClose(make(chan *amqp.Error, 1))
	deliveries, err := ch.ConsumeWithContext(all, r.at, r.at, false, r.own, false, false, nil)
	if err != nil {
		return r.server.refused(r.at, err)
	}
	under()
	// Whoever stops may read what was handed over before it only after that.
	defer context.AfterFunc(ctx, func() {
		if ch.Cancel(r.at, false) == nil { // deliveries end behind what was handed over
			r.server.unused(r.at)
		}
		r.off()
	})()
	for d := range deliveries {
		if !r.deliver(d) {
			return nil
		}
		_ = d.Ack(false) // else it comes again: whoever asked hears once
	}
	if ctx.Err() != nil {
		<-r.left
		return nil
	}
	return over(ended)
}

// unused deletes a queue that nobody reads any more. Where somebody does, the server says so
// and keeps it.
func (s *Server) unused(name string) {
	_ = s.in.once(func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(name, true, false, false)
		return err
	})
}

// Listen hears replies in a queue of its own.
func (q *Questions) Listen(hear func(request.Reply)) (address string, stop func(), err error) {
	address = q.server.prefix + "tidewire.replies." + uuid.NewString()
	var mu sync.Mutex // nothing is heard after stop
	deaf := false
	r := &reading{at: address, own: true, deliver: func(d amqp.Delivery) bool {
		mu.Lock()
		defer mu.Unlock()
		if !deaf {
			hear(heard(d))
		}
		return true
	}}
	end, err := q.read(r)
	if err != nil {
		return "", nil, err
	}
	return address, func() {
		mu.Lock()
		deaf = true
		mu.Unlock()
		end()
		<-r.done
	}, nil
}

// Serve reads questions. What the queue still holds when the last who serves it stops is
// lost, and its askers' time runs out.
func (q *Questions) Serve(queue string) (<-chan request.Question, func(), error) {
	questions := make(chan request.Question)
	r := &reading{at: q.server.prefix + queue, limit: q.waiting, deliver: func(d amqp.Delivery) bool {
		select {
		case questions <- asked(queue, d):
			return true
		case <-q.ctx.Done():
			return false
		}
	}}
	end, err := q.read(r)
	if err != nil {
		return nil, nil, err
	}
	q.parts.Go(func() { <-r.done; close(questions) })
	return questions, end, nil
}

// Send puts a question into its queue. The server drops it at its deadline.
func (q *Questions) Send(ctx context.Context, question request.Question) error {
	m := asking(question)
	err := q.post.send(ctx, q.server.prefix+question.Queue, m)
	switch {
	case errors.Is(err, errReturned):
		return request.ErrNobody
	case errors.Is(err, errNacked):
		return request.ErrFull
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", request.ErrTimeout, ctx.Err())
	case err != nil:
		return fmt.Errorf("%w: %w", request.ErrNobody, err) // it cannot be reached
	}
	return nil
}

// Reply sends a reply to where the question says.
func (q *Questions) Reply(ctx context.Context, question request.Question, r request.Reply) error {
	if question.ReplyTo == "" {
		return request.ErrNobody
	}
	err := q.post.send(ctx, question.ReplyTo, replying(question, r))
	if errors.Is(err, errReturned) {
		return request.ErrNobody
	}
	return err
}

// left is how long a message may wait, in ms.
func left(deadline time.Time) string {
	return strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)
}
