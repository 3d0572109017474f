// Package span tells where the time of an order went: one span of a trace for each step,
// such as a request or a message that is handled.
//
// A message bears the traceparent of the step that said it, and the span of whoever
// handles it is a child of that one. So a trace follows an order through every journal
// and queue, however long it waits in them, and over a restart.
//
// A trace is recorded as a whole or not at all: its first step decides, and the sampled
// flag of the traceparent tells all others. Where nothing is recorded, nothing is made:
// the traceparent of the step before is passed on as it is.
package span

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// The attributes of steps that handle a message, as far as
// https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ has none.
const (
	Kind    = attribute.Key("tidewire.message.kind")
	Key     = attribute.Key("tidewire.message.key")
	Waited  = attribute.Key("tidewire.waited_ms") // from being sent, or due, to being handled
	Attempt = attribute.Key("tidewire.attempt")   // 1 is the first
)

// Recorded reports whether a step under a traceparent is to be recorded by tracer, which
// may be nil.
func Recorded(tracer trace.Tracer, parent string) bool {
	return tracer != nil && message.Sampled(parent)
}

// Start begins the span of a step under a traceparent. The context that it returns is
// that of the step: what is said, asked and logged there belongs to the span. Unless the
// step is Recorded, the span is one that does nothing, and the context the caller's, in
// the trace of parent.
func Start(ctx context.Context, tracer trace.Tracer, parent, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !Recorded(tracer, parent) {
		return in(ctx, parent), noop.Span{}
	}
	ctx, s := tracer.Start(trace.ContextWithRemoteSpanContext(ctx, contextOf(parent)), name, opts...)
	return in(ctx, Traceparent(s)), s
}

// Root begins the span of what comes from outside, under the traceparent that it brought
// or as the first of a trace. It is the one place where a sampler decides.
func Root(ctx context.Context, tracer trace.Tracer, brought, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	if tracer == nil {
		return in(ctx, message.Trace(brought)), noop.Span{}
	}
	if message.ValidTrace(brought) {
		ctx = trace.ContextWithRemoteSpanContext(ctx, contextOf(brought))
	}
	ctx, s := tracer.Start(ctx, name, opts...)
	return in(ctx, Traceparent(s)), s
}

// in returns ctx in the step of a traceparent.
func in(ctx context.Context, traceparent string) context.Context {
	if store.TraceOf(ctx) == traceparent {
		return ctx
	}
	return store.WithTrace(ctx, traceparent)
}

// Traceparent is the traceparent of what a span causes.
func Traceparent(s trace.Span) string {
	c := s.SpanContext()
	if c.IsSampled() {
		return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-01"
	}
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-00"
}

// contextOf reads a valid traceparent.
func contextOf(traceparent string) trace.SpanContext {
	id, _ := trace.TraceIDFromHex(traceparent[3:35]) // it is valid
	span, _ := trace.SpanIDFromHex(traceparent[36:52])
	c := trace.SpanContextConfig{TraceID: id, SpanID: span, Remote: true}
	if message.Sampled(traceparent) {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(c)
}

// Wait is the attribute of a message that was sent at a time, and is handled from another
// on. Clocks of two machines may disagree: it is never less than nothing.
func Wait(sent, started time.Time) attribute.KeyValue {
	return Waited.Float64(max(0, float64(started.Sub(sent).Microseconds())/1000))
}

// End ends the span of a step that failed with err, or went well if err is nil.
func End(s trace.Span, err error) {
	if err != nil {
		s.SetStatus(codes.Error, err.Error())
	}
	s.End()
}
