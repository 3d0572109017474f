package queue

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// traced begins the span of r, which ends with its verdict. From here on r is in the
// step that handles it: what it calls and says belongs to that span.
func (s *shift) traced(r result) result {
	if !span.Recorded(s.tracer, r.Trace) {
		return r
	}
	_, r.span = span.Start(context.Background(), s.tracer, r.Trace, "process "+r.Kind,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(r.started), trace.WithAttributes(
			attribute.String("messaging.system", "tidewire"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.destination.name", s.queue),
			attribute.String("messaging.consumer.group.name", s.DB.Service()),
			attribute.String("messaging.message.id", r.ID),
			span.Kind.String(r.Kind), span.Key.String(r.Key),
			span.Wait(r.Due, r.started), span.Attempt.Int(r.Past.Attempts+1)))
	r.Trace = span.Traceparent(r.span)
	return r
}

// step returns ctx for what is done about r.
func (s *shift) step(ctx context.Context, r result) context.Context {
	if r.span != nil {
		ctx = trace.ContextWithSpan(ctx, r.span)
	}
	return store.WithStep(ctx, store.Step{Trace: r.Trace, Service: s.DB.Service(), Kind: r.Kind, Key: r.Key})
}

// calling begins the span of the call of r, which is somebody else's time.
func (s *shift) calling(ctx context.Context, r result) (context.Context, trace.Span) {
	return span.Start(s.step(ctx, r), s.tracer, r.Trace, "call "+r.Kind, trace.WithSpanKind(trace.SpanKindClient))
}

// ended ends the span of r with its verdict, or with why there is none.
func (r result) ended(next failure.Next, left error) {
	if r.span == nil {
		return
	}
	cause := left
	switch {
	case left != nil:
		r.span.AddEvent("left without a verdict")
	case next.Dead:
		r.span.AddEvent("dead")
		cause = errors.New(next.Past.Cause())
	case !next.Done():
		r.span.AddEvent("retry", trace.WithAttributes(attribute.String("due", next.Retry.UTC().Format(time.RFC3339Nano))))
		cause = errors.New(next.Past.Cause())
	}
	span.End(r.span, cause)
}
