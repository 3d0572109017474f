package span_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const (
	sampled   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// recording returns a tracer that records a share of what begins with it.
func recording(share float64) (trace.Tracer, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	return sdk.NewTracerProvider(sdk.WithSpanProcessor(r), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(share)))).Tracer("test"), r
}

// A step is a child of what caused it if that is recorded; else it is in the same trace
// under the same span, so that nobody misses one that was never told.
func TestStart(t *testing.T) {
	tracer, recorder := recording(1)
	for _, tt := range []struct {
		name     string
		tracer   trace.Tracer
		parent   string
		recorded bool
	}{
		{"sampled", tracer, sampled, true},
		{"not sampled", tracer, unsampled, false},
		{"nobody records", nil, sampled, false},
		{"no trace", tracer, "", false},
		{"nonsense", tracer, "nonsense", false},
	} {
		before := len(recorder.Ended())
		ctx, s := span.Start(t.Context(), tt.tracer, tt.parent, "process")
		got := store.TraceOf(ctx)
		s.End()
		ended := recorder.Ended()[before:]
		if span.Recorded(tt.tracer, tt.parent) != tt.recorded || len(ended) == 1 != tt.recorded {
			t.Errorf("%s: %d spans recorded, want it: %v", tt.name, len(ended), tt.recorded)
			continue
		}
		if !tt.recorded {
			if got != tt.parent {
				t.Errorf("%s: the step is in %q, want %q as it was", tt.name, got, tt.parent)
			}
			continue
		}
		if p := ended[0].Parent(); p.SpanID().String() != tt.parent[36:52] || !p.IsRemote() || got[3:35] != tt.parent[3:35] {
			t.Errorf("%s: its parent is %v, and what it says is in %s", tt.name, p, got)
		}
		if id := ended[0].SpanContext().SpanID().String(); id != got[36:52] || trace.SpanFromContext(ctx) != s {
			t.Errorf("%s: its id is %s, and what it says is in %s", tt.name, id, got)
		}
	}
}

// Only the first step asks the sampler: whoever comes with a traceparent has decided.
func TestRoot(t *testing.T) {
	for _, tt := range []struct {
		name     string
		share    float64
		brought  string
		recorded bool
		same     bool // the trace that was brought
	}{
		{"first, of all", 1, "", true, false},
		{"first, of none", 0, "", false, false},
		{"brought, sampled", 0, sampled, true, true},
		{"brought, not sampled", 1, unsampled, false, true},
		{"nonsense", 1, "nonsense", true, false},
	} {
		tracer, recorder := recording(tt.share)
		ctx, s := span.Root(t.Context(), tracer, tt.brought, "GET /")
		s.End()
		got := store.TraceOf(ctx)
		if !message.ValidTrace(got) || message.Sampled(got) != tt.recorded || len(recorder.Ended()) == 1 != tt.recorded {
			t.Errorf("%s: in %q with %d spans, want it recorded: %v", tt.name, got, len(recorder.Ended()), tt.recorded)
		}
		if same := tt.same && got[3:35] == tt.brought[3:35]; same != tt.same {
			t.Errorf("%s: in %q, want the trace of %q", tt.name, got, tt.brought)
		}
	}
	ctx, _ := span.Root(t.Context(), nil, sampled, "GET /")
	if got := store.TraceOf(ctx); got != sampled {
		t.Errorf("where nobody records: %q, want what was brought", got)
	}
}

func TestEnd(t *testing.T) {
	tracer, recorder := recording(1)
	for _, err := range []error{nil, errors.New("no answer")} {
		_, s := span.Start(context.Background(), tracer, sampled, "call")
		span.End(s, err)
	}
	good, bad := recorder.Ended()[0].Status(), recorder.Ended()[1].Status()
	if good.Code != codes.Unset || bad.Code != codes.Error || bad.Description != "no answer" {
		t.Errorf("got %v and %v, want nothing and the error", good, bad)
	}
}

func TestWait(t *testing.T) {
	sent := time.UnixMicro(1_000_000)
	for after, want := range map[time.Duration]float64{2500 * time.Microsecond: 2.5, 0: 0, -time.Second: 0} {
		if got := span.Wait(sent, sent.Add(after)); got.Key != span.Waited || got.Value.AsFloat64() != want {
			t.Errorf("after %v: got %v, want %v", after, got, want)
		}
	}
}

// What nobody records costs next to nothing.
func BenchmarkStart(b *testing.B) {
	tracer, _ := recording(1)
	quiet := sdk.NewTracerProvider(sdk.WithSpanProcessor(sdk.NewBatchSpanProcessor(nowhere{}))).Tracer("test")
	for _, bb := range []struct {
		name   string
		tracer trace.Tracer
		parent string
	}{{"off", nil, sampled}, {"not sampled", tracer, unsampled}, {"sampled", quiet, sampled}} {
		b.Run(bb.name, func(b *testing.B) {
			ctx := store.WithTrace(b.Context(), bb.parent)
			b.ReportAllocs()
			for b.Loop() {
				_, s := span.Start(ctx, bb.tracer, bb.parent, "process")
				s.End()
			}
		})
	}
}

// nowhere is a collector that takes everything.
type nowhere struct{}

func (nowhere) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return nil }
func (nowhere) Shutdown(context.Context) error                        { return nil }
