package run

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Handling measures what becomes of messages, for one subscription or queue.
type Handling struct {
	results    map[string]metric.MeasurementOption
	all        metric.MeasurementOption
	handled    metric.Int64Counter
	waiting    metric.Float64Histogram
	processing metric.Float64Histogram
	total      metric.Float64Histogram
}

// Handling returns the instruments for messages with these attributes.
func (p *Process) Handling(attributes ...attribute.KeyValue) (*Handling, error) {
	m := p.Meters()
	h := &Handling{results: map[string]metric.MeasurementOption{}, all: metric.WithAttributeSet(attribute.NewSet(attributes...))}
	for _, result := range []string{"done", "retry", "dead", "waiting"} {
		set := attribute.NewSet(append(attributes[:len(attributes):len(attributes)], attribute.String("result", result))...)
		h.results[result] = metric.WithAttributeSet(set)
	}
	var err error
	if h.handled, err = m.Int64Counter("tidewire.messages", metric.WithDescription("Messages by what became of them: done, retry, dead, or waiting behind a parked key.")); err != nil {
		return nil, err
	}
	for _, i := range []struct {
		to         *metric.Float64Histogram
		name, text string
	}{
		{&h.waiting, "tidewire.message.waiting", "From being sent to being handled."},
		{&h.processing, "tidewire.message.processing", "In the handler and its commit, a batch as a whole."},
		{&h.total, "tidewire.message.total", "From being sent to being committed."},
	} {
		if *i.to, err = m.Float64Histogram(i.name, metric.WithUnit("s"), metric.WithDescription(i.text), seconds()); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Done records messages of one batch that were sent at times, and handled from started
// until now.
func (h *Handling) Done(ctx context.Context, started time.Time, sent ...time.Time) {
	now := time.Now()
	h.Count(ctx, "done", len(sent))
	h.processing.Record(ctx, now.Sub(started).Seconds(), h.all)
	for _, s := range sent {
		h.waiting.Record(ctx, max(0, started.Sub(s).Seconds()), h.all)
		h.total.Record(ctx, max(0, now.Sub(s).Seconds()), h.all)
	}
}

// Count records n messages with a result: done, retry, dead or waiting.
func (h *Handling) Count(ctx context.Context, result string, n int) {
	if n > 0 {
		h.handled.Add(ctx, int64(n), h.results[result])
	}
}

func seconds() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600)
}
