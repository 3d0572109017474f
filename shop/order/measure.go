package order

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measures count orders, once each, when what became of them is on disk. The zero value
// counts nothing.
type measures struct {
	accepted metric.Int64Counter
	ended    metric.Int64Counter
	took     metric.Float64Histogram
}

// Measure shows the orders to a meter from now on: how many are accepted and how they end,
// how long that takes, and those that are open.
func (s *Service) Measure(m metric.Meter) error {
	var of measures
	var err error
	if of.accepted, err = m.Int64Counter("tidewire.orders.accepted", metric.WithDescription("Orders that were accepted.")); err != nil {
		return err
	}
	if of.ended, err = m.Int64Counter("tidewire.orders.ended", metric.WithDescription("Orders that ended, by outcome: completed, failed, cancelled; and the reason, if there is one.")); err != nil {
		return err
	}
	if of.took, err = m.Float64Histogram("tidewire.order", metric.WithUnit("s"), metric.WithDescription("From the acceptance of an order to its end, by outcome.")); err != nil {
		return err
	}
	// Those that have not happened are 0, and not absent: a rate can be had of the first.
	of.accepted.Add(context.Background(), 0)
	for _, state := range []State{Completed, Failed, Cancelled} {
		of.ended.Add(context.Background(), 0, metric.WithAttributes(attribute.String("outcome", string(state)), attribute.String("reason", "")))
	}
	s.measures = of
	return s.measureOpen(m)
}

// measureOpen shows the orders that have not ended. It reads no more rows than those.
func (s *Service) measureOpen(m metric.Meter) error {
	open, err := m.Int64ObservableGauge("tidewire.orders.open", metric.WithDescription("Orders that have not ended, by status: pending, confirmed."))
	if err != nil {
		return err
	}
	late, err := m.Float64ObservableGauge("tidewire.orders.late", metric.WithUnit("s"), metric.WithDescription("How long the first order has been pending after its deadline; 0 if there is none."))
	if err != nil {
		return err
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		count := map[State]int64{Pending: 0, Confirmed: 0}
		overdue := time.Duration(0)
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			return tx.Rows(`SELECT status, COUNT(*), MIN(deadline) FROM orders WHERE ended IS NULL GROUP BY status`, nil, func(scan func(...any) error) error {
				var state string
				var n int64
				var deadline time.Time
				err := scan(&state, &n, &deadline)
				if count[State(state)] = n; State(state) == Pending {
					overdue = max(0, time.Since(deadline))
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		for state, n := range count {
			o.ObserveInt64(open, n, metric.WithAttributes(attribute.String("status", string(state))))
		}
		o.ObserveFloat64(late, overdue.Seconds())
		return nil
	}, open, late)
	return err
}

// begun counts an order once it is accepted.
func (m measures) begun(tx *store.Tx) {
	if m.accepted != nil {
		tx.Then(func() { m.accepted.Add(context.Background(), 1) })
	}
}

// over counts an order once its end is on disk.
func (m measures) over(tx *store.Tx, o Order) {
	if m.ended == nil {
		return
	}
	outcome := attribute.String("outcome", string(o.State))
	took := o.Last.Time.Sub(o.Created).Seconds()
	tx.Then(func() {
		m.ended.Add(context.Background(), 1, metric.WithAttributes(outcome, attribute.String("reason", o.Reason)))
		m.took.Record(context.Background(), took, metric.WithAttributes(outcome))
	})
}
