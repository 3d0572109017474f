package run_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tidewire/tidewire/toolkit/run"
)

// measured returns what a reader collects, by the name of the instrument.
func measured(t *testing.T, r *metric.ManualReader) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	named := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			named[m.Name] = m
		}
	}
	return named
}

// A Handling counts each message under what became of it, and measures in seconds how
// long it waited, was worked on, and took in all.
func TestHandling(t *testing.T) {
	reader := metric.NewManualReader()
	p := &run.Process{Meter: metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")}
	h, err := p.Handling(attribute.String("queue", "test_parcels"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		sent := time.Now()
		<-time.After(2 * time.Second)
		started := time.Now()
		<-time.After(3 * time.Second)
		h.Done(t.Context(), started, sent, sent, started.Add(time.Hour)) // the last by a clock that is ahead
	})
	h.Count(t.Context(), "retry", 4)
	h.Count(t.Context(), "retry", 1)
	h.Count(t.Context(), "dead", 0)

	got := measured(t, reader)
	want := map[string]int64{"done": 3, "retry": 5}
	sum, ok := got["tidewire.messages"].Data.(metricdata.Sum[int64])
	if !ok || len(sum.DataPoints) != len(want) || !sum.IsMonotonic {
		t.Fatalf("tidewire.messages is %+v, want a sum with %d results", got["tidewire.messages"].Data, len(want))
	}
	for _, point := range sum.DataPoints {
		result, _ := point.Attributes.Value("result")
		queue, _ := point.Attributes.Value("queue")
		if point.Value != want[result.AsString()] || queue.AsString() != "test_parcels" {
			t.Errorf("%d messages are %s in queue %q, want %d in test_parcels", point.Value, result.AsString(), queue.AsString(), want[result.AsString()])
		}
	}
	for name, want := range map[string]struct {
		count uint64
		sum   float64
	}{
		"tidewire.message.waiting":    {3, 2 + 2 + 0},
		"tidewire.message.processing": {1, 3},
		"tidewire.message.total":      {3, 5 + 5 + 0},
	} {
		m := got[name]
		histogram, ok := m.Data.(metricdata.Histogram[float64])
		if !ok || len(histogram.DataPoints) != 1 || m.Unit != "s" {
			t.Errorf("%s is %+v in %q, want one histogram in seconds", name, m.Data, m.Unit)
			continue
		}
		point := histogram.DataPoints[0]
		if point.Count != want.count || point.Sum != want.sum || point.Attributes.HasValue("result") {
			t.Errorf("%s: %d values, in all %vs, with %v; want %d, %vs and no result", name, point.Count, point.Sum, point.Attributes, want.count, want.sum)
		}
	}
}

// Two queues of one process share the instruments, and are counted apart.
func TestHandlingsOfOneProcessAreApart(t *testing.T) {
	reader := metric.NewManualReader()
	p := &run.Process{Meter: metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")}
	for queue, n := range map[string]int{"left": 1, "right": 2} {
		h, err := p.Handling(attribute.String("queue", queue))
		if err != nil {
			t.Fatal(err)
		}
		h.Count(t.Context(), "waiting", n)
	}
	counts := map[string]int64{}
	for _, point := range measured(t, reader)["tidewire.messages"].Data.(metricdata.Sum[int64]).DataPoints {
		queue, _ := point.Attributes.Value("queue")
		counts[queue.AsString()] = point.Value
	}
	if counts["left"] != 1 || counts["right"] != 2 {
		t.Errorf("counted %v, want left 1 and right 2", counts)
	}
}

// A process without a meter measures nothing, and works.
func TestNoMeterMeasuresNothing(t *testing.T) {
	h, err := new(run.Process).Handling(attribute.String("queue", "q"))
	if err != nil {
		t.Fatal(err)
	}
	h.Done(t.Context(), time.Now(), time.Now())
	h.Count(t.Context(), "dead", 1)
}
