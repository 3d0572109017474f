package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// A Handler answers one kind of question. It is made by On.
type Handler struct {
	Queue, Kind string

	answer func(context.Context, message.Message) (message.Kind, error)
}

// On answers questions of kind Q. The context ends with the question's deadline: what
// takes longer is of no use to anybody. An error is all that whoever asks is told.
func On[Q message.Work, A message.Kind](h func(context.Context, Q) (A, error)) Handler {
	var question Q
	return Handler{Queue: question.Queue(), Kind: question.Kind(), answer: func(ctx context.Context, m message.Message) (message.Kind, error) {
		of, err := message.Decode[Q](m)
		if err != nil {
			return nil, err
		}
		return h(ctx, of.Data)
	}}
}

// A Server answers the questions of one service. Fields that name no default are required.
type Server struct {
	Driver   Driver
	Service  string // its queues are named after it: service_work
	Handlers []Handler
	Process  *run.Process
	Workers  int // questions of one queue that are worked on at a time; 8
}

// A session is one run of a Server.
type session struct {
	*Server
	handlers map[string]Handler // by queue and kind
	tracer   trace.Tracer
	answered metric.Int64Counter
}

// Run answers until ctx is done. It then takes no more questions, answers those that it has
// and returns nil. It returns an error only for a wrong configuration, or a driver that
// cannot serve.
func (s *Server) Run(ctx context.Context) error {
	shift, err := s.session()
	if err != nil {
		return err
	}
	workers := s.Workers
	if workers == 0 {
		workers = 8
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, queue := range s.queues() {
		questions, stop, err := s.Driver.Serve(queue)
		if err != nil {
			return fmt.Errorf("serve %s: %w", queue, err)
		}
		defer stop()
		for range workers {
			all.Go(func() {
				for q := range questions {
					shift.handle(context.WithoutCancel(ctx), q)
				}
			})
		}
	}
	<-ctx.Done()
	return nil
}

func (s *Server) queues() []string {
	var names []string
	for _, h := range s.Handlers {
		names = append(names, h.Queue)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Server) session() (*session, error) {
	shift := &session{Server: s, handlers: map[string]Handler{}, tracer: s.Process.Tracer(s.Service)}
	for _, h := range s.Handlers {
		of := h.Queue + " " + h.Kind
		if _, twice := shift.handlers[of]; twice {
			return nil, fmt.Errorf("server of %s: two handlers of %s", h.Queue, h.Kind)
		}
		if !strings.HasPrefix(h.Queue, s.Service+"_") {
			return nil, fmt.Errorf("server of %s: the queue %s of %s is another service's", s.Service, h.Queue, h.Kind)
		}
		shift.handlers[of] = h
	}
	var err error
	shift.answered, err = s.Process.Meters().Int64Counter("tidewire.request.answered", metric.WithDescription("Questions that came, by what was done: answered, failed, expired (not worked on, its deadline had passed), lost (nobody was there to hear the reply)."))
	return shift, err
}

// handle answers one question.
func (s *session) handle(ctx context.Context, q Question) {
	did := "expired"
	if time.Now().Before(q.Deadline) {
		did = s.reply(ctx, q)
	}
	s.answered.Add(ctx, 1, metric.WithAttributes(attribute.String("queue", q.Queue), attribute.String("result", did)))
}

// reply works on a question and sends what came of it. It returns what it did.
func (s *session) reply(ctx context.Context, q Question) string {
	ctx, cancel := context.WithDeadline(ctx, q.Deadline)
	defer cancel()
	ctx, begun := span.Start(ctx, s.tracer, q.Trace, "answer "+q.Kind, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("messaging.destination.name", q.Queue), span.Kind.String(q.Kind), span.Wait(q.Time, time.Now())))
	ctx = store.WithStep(ctx, store.Step{Trace: store.TraceOf(ctx), Service: s.Service, Kind: q.Kind, Key: q.Key})
	r, err := s.work(ctx, q)
	span.End(begun, err)
	did := "answered"
	if err != nil {
		did, r.Failure = "failed", cmp.Or(err.Error(), "no reason was given")
	}
	// The reply may still be of use a moment after the deadline, to be counted as late.
	if err := s.Driver.Reply(context.WithoutCancel(ctx), q, r); err != nil {
		return "lost"
	}
	return did
}

// work runs the handler. Its panic is an error.
func (s *session) work(ctx context.Context, q Question) (r Reply, err error) {
	r.Deadline, r.Cause = q.Deadline, q.ID
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "answering a question panicked", "queue", q.Queue, "kind", q.Kind, "error", fmt.Sprint(p))
			err = errors.New("its handler panicked")
		}
	}()
	h, ok := s.handlers[q.Queue+" "+q.Kind]
	if !ok {
		return r, fmt.Errorf("nobody answers %s there", q.Kind)
	}
	answer, err := h.answer(ctx, q.Message)
	if err != nil {
		return r, err
	}
	r.Message, err = envelope(answer, q.ID, store.TraceOf(ctx))
	return r, err
}
