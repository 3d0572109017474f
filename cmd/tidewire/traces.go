package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/zipkin" //lint:ignore SA1019 Zipkin has no other door, and its exporter still works
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// A tracing is where the spans of this process go: to a collector, some at a time. It
// never holds up an order: what the collector does not take in time is dropped, and
// counted.
type tracing struct {
	embedded.TracerProvider
	sample    float64
	spans     sdk.SpanProcessor
	mu        sync.Mutex
	providers map[string]trace.TracerProvider // by service: each is a service of its own to those who look
}

const (
	spansAtATime = 512             // in one request to the collector
	spansHeld    = 16 * 512        // until the collector has them; more are dropped
	spansPause   = time.Second     // between requests, at most
	collectTime  = 5 * time.Second // for one request
	collectLast  = 2 * time.Second // for what is left at the end
)

// newTracing returns nil if nobody collects traces.
func newTracing(c config.Traces, meter metric.Meter, log *slog.Logger) (*tracing, error) {
	if c.To == "" {
		return nil, nil
	}
	exporter, err := newExporter(c)
	if err != nil {
		return nil, err
	}
	out := &outbox{SpanExporter: exporter, log: log}
	if err := out.measure(meter); err != nil {
		return nil, err
	}
	out.SpanProcessor = sdk.NewBatchSpanProcessor(collector{out}, sdk.WithMaxQueueSize(2*spansHeld),
		sdk.WithMaxExportBatchSize(spansAtATime), sdk.WithBatchTimeout(spansPause), sdk.WithExportTimeout(collectTime))
	return &tracing{sample: c.Sample, spans: out, providers: map[string]trace.TracerProvider{}}, nil
}

func newExporter(c config.Traces) (sdk.SpanExporter, error) {
	kind, address := c.Collector()
	if kind == "zipkin" {
		return zipkin.New(address+"/api/v2/spans", zipkin.WithClient(&http.Client{Timeout: collectTime}))
	}
	return otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(address+"/v1/traces"), otlptracehttp.WithTimeout(collectTime),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false})) // a traffic jam is no reason to hold more
}

// Tracer returns the tracer of a service. The first step of a trace decides whether it is
// recorded, by the digits of its id, and all that follow do as it did.
func (t *tracing) Tracer(service string, opts ...trace.TracerOption) trace.Tracer {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.providers[service]
	if p == nil {
		p = sdk.NewTracerProvider(sdk.WithSpanProcessor(t.spans), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(t.sample))),
			sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", service), attribute.String("service.namespace", "tidewire"))))
		t.providers[service] = p
	}
	return p.Tracer("github.com/tidewire/tidewire", opts...)
}

// close sends what is left, for as long as there is time.
func (t *tracing) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), collectLast)
	defer cancel()
	err := t.spans.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // it was said that the collector is away
	}
	return err
}

// An outbox is what stands between spans and their collector, and knows how many it holds.
type outbox struct {
	sdk.SpanProcessor // of the spans that there is room for
	sdk.SpanExporter
	log  *slog.Logger
	held atomic.Int64
	away atomic.Bool

	exported, dropped, failed func(n int)
}

func (o *outbox) measure(m metric.Meter) error {
	spans, err := m.Int64Counter("tidewire.trace.spans", metric.WithDescription("Spans by what became of them: exported, dropped because too many were held, failed because the collector did not take them."))
	if err != nil {
		return err
	}
	count := func(result string) func(int) {
		set := metric.WithAttributeSet(attribute.NewSet(attribute.String("result", result)))
		spans.Add(context.Background(), 0, set)
		return func(n int) { spans.Add(context.Background(), int64(n), set) }
	}
	o.exported, o.dropped, o.failed = count("exported"), count("dropped"), count("failed")
	return nil
}

// OnEnd takes a span, or drops it.
func (o *outbox) OnEnd(s sdk.ReadOnlySpan) {
	if o.held.Add(1) > spansHeld {
		o.held.Add(-1)
		o.dropped(1)
		return
	}
	o.SpanProcessor.OnEnd(s)
}

// Shutdown sends what is held.
func (o *outbox) Shutdown(ctx context.Context) error { return o.SpanProcessor.Shutdown(ctx) }

// A collector is the far end of an outbox. Its failures are counted, and the first of a
// row is logged: nobody repeats them.
type collector struct{ *outbox }

// ExportSpans sends spans, once.
func (c collector) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	c.held.Add(-int64(len(spans)))
	switch {
	case err != nil:
		c.failed(len(spans))
		if !c.away.Swap(true) {
			c.log.Warn("traces cannot be sent: spans are dropped, and counted, until they can", "error", err)
		}
	default:
		c.exported(len(spans))
		if c.away.Swap(false) {
			c.log.Info("traces are sent again")
		}
	}
	return nil
}

// Shutdown closes the connection to the collector.
func (c collector) Shutdown(ctx context.Context) error { return c.SpanExporter.Shutdown(ctx) }
