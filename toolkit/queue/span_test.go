package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// Each attempt at a job is a span under the one that sent it, and its call is a span
// under that. The call and the record know which step they are in.
func TestSpans(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sent    string // traceparent
		fails   error  // of the call
		events  []string
		results []codes.Code // of each attempt
	}{
		{"done", caller, nil, []string{""}, []codes.Code{codes.Unset}},
		{"dead at once", caller, failure.Permanent(errors.New("never")), []string{"dead"}, []codes.Code{codes.Error}},
		{"tried again", caller, errors.New("away"), []string{"retry", "retry", "dead"}, []codes.Code{codes.Error, codes.Error, codes.Error}},
		{"not recorded", caller[:53] + "00", nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			recorder := tracetest.NewSpanRecorder()
			if _, err := db.Update(store.WithTrace(t.Context(), tt.sent), nil, func(tx *store.Tx) error { return tx.Send("k", parcel{1}) }); err != nil {
				t.Fatal(err)
			}
			w := worker(db, queue.Do(func(ctx context.Context, m message.Of[parcel]) (string, error) {
				if step := store.StepOf(ctx); step.Key != "k" || step.Service != "test" || step.Trace[:36] != caller[:36] {
					t.Errorf("the call is in step %+v", step)
				}
				return store.TraceOf(ctx), tt.fails
			}, func(ctx context.Context, tx *store.Tx, m message.Of[parcel], called string) error {
				return errors.Join(tx.Append("k", parcel{2}), posted(ctx, tx, m, called))
			}))
			w.Process.Tracers = sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
			stop := start(t, w)
			await(t, "settled", func() bool { return count(t, db, `SELECT count(*) FROM job WHERE dead = 0`) == 0 })
			stop()
			var calls, attempts []sdk.ReadOnlySpan
			for _, s := range recorder.Ended() {
				if s.SpanKind() == trace.SpanKindClient {
					calls = append(calls, s)
				} else {
					attempts = append(attempts, s)
				}
			}
			if len(attempts) != len(tt.results) || len(calls) != len(attempts) {
				t.Fatalf("%d attempts and %d calls, want %d of each", len(attempts), len(calls), len(tt.results))
			}
			for i, a := range attempts {
				attrs := attribute.NewSet(a.Attributes()...)
				n, _ := attrs.Value(span.Attempt)
				event := ""
				for _, e := range a.Events() {
					event = e.Name
				}
				if a.Name() != "process parcel" || a.Parent().SpanID().String() != caller[36:52] || n.AsInt64() != int64(i+1) || !attrs.HasValue(span.Waited) {
					t.Errorf("attempt %d is %s under %s with %v", i+1, a.Name(), a.Parent().SpanID(), a.Attributes())
				}
				if a.Status().Code != tt.results[i] || event != tt.events[i] {
					t.Errorf("attempt %d ended %v with event %q, want %v with %q", i+1, a.Status().Code, event, tt.results[i], tt.events[i])
				}
				if c := calls[i]; c.Name() != "call parcel" || c.Parent().SpanID() != a.SpanContext().SpanID() || c.Status().Code != tt.results[i] {
					t.Errorf("call %d is %s under %s and ended %v", i+1, c.Name(), c.Parent().SpanID(), c.Status().Code)
				}
			}
			if tt.fails != nil {
				return
			}
			var called, said string
			if err := db.View(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Row([]any{&called}, `SELECT outcome FROM posted`)
				_, err2 := tx.Row([]any{&said}, `SELECT trace FROM journal`)
				return errors.Join(err, err2)
			}); err != nil {
				t.Fatal(err)
			}
			wantCalled, wantSaid := tt.sent, tt.sent
			if len(attempts) > 0 {
				wantCalled, wantSaid = span.Traceparent(spanOf(calls[0])), span.Traceparent(spanOf(attempts[0]))
			}
			if called != wantCalled || said != wantSaid {
				t.Errorf("called in %s and said in %s, want %s and %s", called, said, wantCalled, wantSaid)
			}
		})
	}
}

// spanOf is a span of which only the context is known.
func spanOf(s sdk.ReadOnlySpan) trace.Span {
	return trace.SpanFromContext(trace.ContextWithSpanContext(context.Background(), s.SpanContext()))
}
