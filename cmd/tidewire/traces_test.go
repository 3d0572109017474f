package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	collectors "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A collecting server takes spans as OTLP says, or refuses them.
type collecting struct {
	mu      sync.Mutex
	refuse  bool
	asked   int
	spans   map[string]string // name to service
	entered chan struct{}     // nil: nobody waits for a request
	hold    chan struct{}     // nil: requests are answered at once
}

func (c *collecting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.hold != nil {
		select {
		case c.entered <- struct{}{}:
		default:
		}
		<-c.hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	text, err := io.ReadAll(r.Body)
	var in collectors.ExportTraceServiceRequest
	if err != nil || c.refuse || r.URL.Path != "/v1/traces" || proto.Unmarshal(text, &in) != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	for _, of := range in.ResourceSpans {
		service := ""
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans[s.Name] = service
			}
		}
	}
}

// counted returns the spans by what became of them.
func counted(t *testing.T, r *metric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	results := map[string]int64{}
	for _, p := range all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints {
		result, _ := p.Attributes.Value(attribute.Key("result"))
		results[result.AsString()] = p.Value
	}
	return results
}

// trace makes n spans.
func (t *tracing) trace(test *testing.T, service string, n int) {
	for range n {
		_, s := span.Root(test.Context(), t.Tracer(service), "", "work of "+service)
		s.End()
	}
}

func TestTracesReachACollector(t *testing.T) {
	c := &collecting{spans: map[string]string{}}
	server := httptest.NewServer(c)
	defer server.Close()
	reader := metric.NewManualReader()
	tr, err := newTracing(config.Traces{To: "otlp+" + server.URL, Sample: 1}, metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	tr.trace(t, "order", 3)
	tr.trace(t, "payment", 4)
	if err := tr.close(); err != nil {
		t.Fatal(err)
	}
	if c.spans["work of order"] != "order" || c.spans["work of payment"] != "payment" {
		t.Errorf("got %v, want a span of each service", c.spans)
	}
	if got := counted(t, reader); got["exported"] != 7 || got["dropped"]+got["failed"] != 0 {
		t.Errorf("counted %v, want 7 exported", got)
	}
}

// A collector that refuses is one line in the log, however often it does, and one when it
// is back.
func TestACollectorThatIsAwayIsSaidOnce(t *testing.T) {
	c := &collecting{spans: map[string]string{}, refuse: true}
	server := httptest.NewServer(c)
	defer server.Close()
	reader := metric.NewManualReader()
	var log bytes.Buffer
	tr, err := newTracing(config.Traces{To: "otlp+" + server.URL, Sample: 1}, metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		tr.trace(t, "order", 2)
		if err := tr.spans.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.mu.Lock()
	c.refuse = false
	c.mu.Unlock()
	tr.trace(t, "order", 1)
	if err := tr.close(); err != nil {
		t.Fatal(err)
	}
	if got := counted(t, reader); got["failed"] != 6 || got["exported"] != 1 || c.asked != 4 {
		t.Errorf("counted %v in %d requests, want 6 failed and 1 exported in 4: nothing is sent twice", got, c.asked)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "cannot be sent") || !strings.Contains(log.String(), "are sent again") {
		t.Errorf("got %d lines, want two:\n%s", n, &log)
	}
}

// A collector that does not answer holds up nobody: what there is no room for is dropped.
func TestACollectorThatHangsHoldsUpNobody(t *testing.T) {
	c := &collecting{spans: map[string]string{}, entered: make(chan struct{}, 1), hold: make(chan struct{})}
	server := httptest.NewServer(c)
	defer server.Close()
	reader := metric.NewManualReader()
	tr, err := newTracing(config.Traces{To: "otlp+" + server.URL, Sample: 1}, metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	tr.trace(t, "order", spansAtATime)
	<-c.entered
	started := time.Now()
	tr.trace(t, "order", spansHeld+1000)
	if took := time.Since(started); took > collectTime {
		t.Errorf("%d steps took %v", spansHeld+1000, took)
	}
	if got := counted(t, reader); got["dropped"] < 1000 || got["exported"] != 0 {
		t.Errorf("counted %v, want 1000 dropped at least", got)
	}
	close(c.hold)
	if err := tr.close(); err != nil {
		t.Error(err)
	}
}

// A share of the traces is recorded, each as a whole.
func TestSampling(t *testing.T) {
	tr, err := newTracing(config.Traces{To: "zipkin+http://127.0.0.1:1", Sample: 0.25}, metric.NewMeterProvider().Meter("test"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const all = 4000
	recorded := 0
	for range all {
		ctx, root := span.Root(t.Context(), tr.Tracer("order"), "", "root")
		_, child := span.Start(ctx, tr.Tracer("payment"), store.TraceOf(ctx), "child")
		if root.IsRecording() != child.IsRecording() || root.IsRecording() != message.Sampled(store.TraceOf(ctx)) {
			t.Fatalf("%s: its first step is recorded: %v, its second: %v", store.TraceOf(ctx), root.IsRecording(), child.IsRecording())
		}
		if root.IsRecording() {
			recorded++
		}
	}
	if recorded < all/5 || recorded > all*3/10 {
		t.Errorf("%d of %d traces are recorded, want about a quarter", recorded, all)
	}
	if tr, err := newTracing(config.Traces{Sample: 1}, nil, nil); tr != nil || err != nil {
		t.Errorf("without a collector: %v, %v; want nothing", tr, err)
	}
}
