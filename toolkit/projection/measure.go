package projection

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measure makes the gauge, and returns what ends it.
func (r *Rebuilder) measure() (stop func(), err error) {
	meter := r.Process.Meters()
	left, err := meter.Int64ObservableGauge("tidewire.projection.left", metric.WithDescription("Events that the rebuild of a projection has still to fold, about, in the instance that does it; 0 where none does."))
	if err != nil {
		return nil, err
	}
	set := metric.WithAttributes(attribute.String("projection", r.Name))
	reg, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(left, r.left.Load(), set)
		return nil
	}, left)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}

// tell notes what is left of a log. Sequences have few gaps.
func (s *session) tell(ctx context.Context, log string, limits []int64) {
	var at, end, all int64
	for p, position := range s.at[log].positions {
		if at = max(at, position.Seq); limits != nil {
			end = max(end, limits[p])
		}
	}
	if limits == nil {
		end, _ = s.DB.Settled(ctx) // a number for operators; who folds meets the error, too
	}
	s.lefts[log] = max(0, end-at)
	for _, n := range s.lefts {
		all += n
	}
	s.left.Store(all)
}
