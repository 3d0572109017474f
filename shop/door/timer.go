package door

import (
	"context"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// A timer measures how long requests take, by route and status, under the names of
// https://opentelemetry.io/docs/specs/semconv/http/http-metrics/.
type timer struct {
	seconds metric.Float64Histogram
	sets    *sync.Map // of "status route" to the measurement's attributes
}

func newTimer(meter metric.Meter) timer {
	if meter == nil {
		return timer{}
	}
	h, err := meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from a request's header to its answer."),
		metric.WithExplicitBucketBoundaries(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	if err != nil {
		return timer{} // a name that is right once is right for ever
	}
	return timer{seconds: h, sets: &sync.Map{}}
}

func (t timer) record(ctx context.Context, route string, status int, d time.Duration) {
	if t.seconds == nil {
		return
	}
	type of struct {
		route  string
		status int
	}
	set, known := t.sets.Load(of{route, status})
	if !known {
		set, _ = t.sets.LoadOrStore(of{route, status}, metric.WithAttributeSet(attribute.NewSet(
			attribute.String("http.route", route), attribute.String("http.response.status_code", strconv.Itoa(status)))))
	}
	t.seconds.Record(ctx, d.Seconds(), set.(metric.MeasurementOption))
}
