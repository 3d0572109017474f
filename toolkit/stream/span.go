package stream

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// spans are those of the messages of one batch; nil if none of them is recorded, and a
// nil in it for each that is not.
type spans []trace.Span

// spans begins the spans of entries that are to be handled.
func (s *session) spans(entries []Entry, started time.Time) spans {
	if s.tracer == nil {
		return nil
	}
	var all spans
	for i, e := range entries {
		h, wanted := s.handler(e.Kind)
		if !wanted || !message.Sampled(e.Trace) || s.held[e.Partition].parked[e.Key] && !h.passes {
			continue
		}
		if all == nil {
			all = make(spans, len(entries))
		}
		all[i] = s.span(e, started, s.tries+1)
	}
	return all
}

func (s spans) of(i int) trace.Span {
	if s == nil {
		return nil
	}
	return s[i]
}

// end ends spans of messages whose effects are on disk.
func (s spans) end() {
	if s == nil {
		return
	}
	now := trace.WithTimestamp(time.Now())
	for _, one := range s {
		if one != nil {
			one.End(now)
		}
	}
}

// span begins the span of one attempt to handle a message; nil if it is not recorded.
func (s *session) span(e Entry, started time.Time, attempt int) trace.Span {
	if !span.Recorded(s.tracer, e.Trace) {
		return nil
	}
	_, begun := span.Start(context.Background(), s.tracer, e.Trace, "process "+e.Kind,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(started), trace.WithAttributes(
			attribute.String("messaging.system", "tidewire"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.destination.name", s.Name),
			attribute.String("messaging.destination.partition.id", strconv.Itoa(e.Partition)),
			attribute.String("messaging.consumer.group.name", s.DB.Service()),
			attribute.String("messaging.message.id", e.Message.ID),
			span.Kind.String(e.Kind), span.Key.String(e.Key),
			span.Wait(e.Time, started), span.Attempt.Int(attempt)))
	return begun
}

// step runs a handler as the step of its message: what it says and logs belongs to it.
func (s *session) step(ctx context.Context, tx *store.Tx, h Handler, m message.Message, begun trace.Span) error {
	if begun != nil {
		m.Trace = span.Traceparent(begun)
		ctx = trace.ContextWithSpan(ctx, begun)
	}
	ctx = store.WithStep(ctx, store.Step{Trace: m.Trace, Service: s.DB.Service(), Kind: m.Kind, Key: m.Key})
	return h.Handle(ctx, tx, m)
}

// verdict ends the span of an attempt that failed with what becomes of its message. If
// that could not be stored, the attempt happens again and the span is forgotten.
func (s *session) verdict(e Entry, next failure.Next, stored error) {
	failed := s.failed
	s.failed = nil
	if stored != nil || !span.Recorded(s.tracer, e.Trace) {
		return
	}
	if failed == nil { // it was not even tried: it has ended the process too often
		failed = s.span(e, time.Now(), next.Past.Attempts)
	}
	failed.SetAttributes(span.Attempt.Int(next.Past.Attempts))
	switch {
	case next.Dead:
		failed.AddEvent("dead")
	case next.Retry.IsZero():
		failed.AddEvent("retry at once")
	default:
		failed.AddEvent("retry", trace.WithAttributes(attribute.String("due", next.Retry.UTC().Format(time.RFC3339Nano))))
	}
	span.End(failed, errors.New(next.Past.Cause()))
}
