package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// newLog returns a log for people on a terminal, for machines elsewhere, unless the
// configuration says what it is to be.
func newLog(out io.Writer, format, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "text" || format == "" && terminal(out) {
		return slog.New(knowing{slog.NewTextHandler(out, options)}), nil
	}
	return slog.New(knowing{slog.NewJSONHandler(out, options)}), nil
}

// terminal reports whether somebody watches out. A pipe or a file is read by a program,
// sooner or later.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A knowing handler adds to a record what its context knows of the step at hand, so that
// everything about one order is found by its trace: trace_id and span_id, and of which
// service, message and key it is. What the record says itself is not said again.
type knowing struct{ slog.Handler }

// Handle adds what the context knows.
func (k knowing) Handle(ctx context.Context, r slog.Record) error {
	step := store.StepOf(ctx)
	if step == (store.Step{}) {
		return k.Handler.Handle(ctx, r)
	}
	said := map[string]bool{}
	r.Attrs(func(a slog.Attr) bool { said[a.Key] = true; return true })
	span := ""
	if message.Sampled(step.Trace) { // else the span is somebody else's, or nobody's
		span = step.Trace[36:52]
	}
	for _, a := range []slog.Attr{slog.String("service", step.Service), slog.String("kind", step.Kind), slog.String("key", step.Key),
		slog.String("trace_id", message.TraceID(step.Trace)), slog.String("span_id", span)} {
		if !said[a.Key] && a.Value.String() != "" {
			r.AddAttrs(a)
		}
	}
	return k.Handler.Handle(ctx, r)
}

// WithAttrs keeps it knowing.
func (k knowing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return knowing{k.Handler.WithAttrs(attrs)}
}

// WithGroup keeps it knowing.
func (k knowing) WithGroup(name string) slog.Handler { return knowing{k.Handler.WithGroup(name)} }
