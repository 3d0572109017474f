package stream_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// say appends a fact in a trace.
func (b *bench) say(t *testing.T, trace, key string, n int) {
	t.Helper()
	if _, err := b.source.Update(store.WithTrace(t.Context(), trace), nil, func(tx *store.Tx) error { return tx.Append(key, counted{n}) }); err != nil {
		t.Fatal(err)
	}
}

// Each attempt is a span under the one that said the message, with what became of it; what
// the attempt says names that span. A message of a trace that is not recorded has none.
func TestSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	failed := func(key string) (n int) { // attempts, as they were told
		for _, s := range recorder.Ended() {
			if s.Status().Code == codes.Error && slices.Contains(s.Attributes(), span.Key.String(key)) {
				n++
			}
		}
		return n
	}
	b := newBench(t, func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
		if step := store.StepOf(ctx); step.Key != m.Key || step.Service != "target" || step.Kind != "counted" || len(step.Trace) != 55 {
			t.Errorf("the handler of %s is in step %+v", m.Key, step)
		}
		if m.Key == "never" || m.Key == "later" && failed(m.Key) < 2 {
			return errors.New("not yet")
		}
		return errors.Join(do(tx, m.Key, m.Data.N), tx.Append(m.Key, ended{}))
	})
	b.reader.Process.Tracers = sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	b.say(t, caller, "once", 1)
	b.say(t, caller, "later", 2)
	b.say(t, caller, "never", 3)
	b.say(t, caller[:53]+"00", "quiet", 4)
	stop := b.start(t)
	await(t, "all are handled or dead", func() bool { return len(b.effects(t)) == 3 && failed("never") == 3 })
	stop()
	said := map[string]string{} // in which step, by key
	if err := b.target.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT key, trace FROM journal`, nil, func(scan func(...any) error) error {
			var key, trace string
			err := scan(&key, &trace)
			said[key] = trace
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	type attempt struct {
		key, event string
		n          int64
		failed     bool
	}
	var got []attempt
	for _, s := range recorder.Ended() {
		attrs := attribute.NewSet(s.Attributes()...)
		key, _ := attrs.Value(span.Key)
		n, _ := attrs.Value(span.Attempt)
		a := attempt{key: key.AsString(), n: n.AsInt64(), failed: s.Status().Code == codes.Error}
		for _, e := range s.Events() {
			a.event = e.Name
		}
		got = append(got, a)
		if s.Name() != "process counted" || s.Parent().SpanID().String() != caller[36:52] || !attrs.HasValue(span.Waited) {
			t.Errorf("%s under %s with %v", s.Name(), s.Parent().SpanID(), s.Attributes())
		}
		if id := s.SpanContext().SpanID().String(); !a.failed && said[a.key] != caller[:36]+id+"-01" {
			t.Errorf("%s was said in step %q, want that of span %s", a.key, said[a.key], id)
		}
	}
	if said["quiet"] != caller[:53]+"00" {
		t.Errorf("what is not recorded was said in step %q, want that of its message", said["quiet"])
	}
	want := []attempt{{"once", "", 1, false},
		{"later", "retry at once", 1, true}, {"later", "retry", 2, true}, {"later", "", 3, false},
		{"never", "retry at once", 1, true}, {"never", "retry", 2, true}, {"never", "dead", 3, true}}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no span of %+v; there are %+v", w, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d spans, want %d: %+v", len(got), len(want), got)
	}
}
