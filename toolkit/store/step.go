package store

import "context"

// A Step is what is being done, as far as its context tells: a request, or a message that
// is handled.
type Step struct {
	Trace   string // W3C traceparent: what is said belongs to it
	Service string // "" for a request that has not reached one
	Kind    string // of the message; "" for a request
	Key     string // of the message
}

type stepKey struct{}

// WithStep returns a context of which StepOf returns s.
func WithStep(ctx context.Context, s Step) context.Context {
	return context.WithValue(ctx, stepKey{}, &s)
}

// StepOf returns what WithStep put into ctx; the zero Step if nobody did.
func StepOf(ctx context.Context) Step {
	if s, ok := ctx.Value(stepKey{}).(*Step); ok {
		return *s
	}
	return Step{}
}

// WithTrace returns a context whose updates belong to the trace of a traceparent.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	s := StepOf(ctx)
	s.Trace = traceparent
	return WithStep(ctx, s)
}

// TraceOf returns the traceparent of the step in ctx, or "".
func TraceOf(ctx context.Context) string {
	if s, ok := ctx.Value(stepKey{}).(*Step); ok {
		return s.Trace
	}
	return ""
}
