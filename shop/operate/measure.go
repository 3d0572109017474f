package operate

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// lookLimit is how long one database may take to answer for a measurement: the others are
// to be seen while it does not.
const lookLimit = time.Second

// Measure shows to a meter which databases answer, how long the longest due job of each
// queue has waited, and what sagas wait for. It looks once for each time that somebody asks for the metrics.
func (d *Desk) Measure(m metric.Meter) error {
	up, err := m.Int64ObservableGauge("tidewire.database.up", metric.WithDescription("1 if the database of a service answers, 0 if not."))
	if err != nil {
		return err
	}
	oldest, err := m.Float64ObservableGauge("tidewire.queue.oldest", metric.WithUnit("s"), metric.WithDescription("How long the longest due job of a queue has waited for a worker."))
	if err != nil {
		return err
	}
	expired, err := m.Int64ObservableGauge("tidewire.queue.expired", metric.WithDescription("Jobs of a queue whose worker was lost, and which nobody has taken up again."))
	if err != nil {
		return err
	}
	sagas, err := m.Int64ObservableGauge("tidewire.saga.waiting", metric.WithDescription("Sagas of a service that are running or undoing, by the step that they wait for."))
	if err != nil {
		return err
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		for _, db := range d.sorted() {
			depths, err := d.look(ctx, db)
			here := metric.WithAttributes(attribute.String("service", db.Service()))
			if err != nil {
				o.ObserveInt64(up, 0, here)
				continue
			}
			o.ObserveInt64(up, 1, here)
			for _, q := range depths {
				of := metric.WithAttributes(attribute.String("queue", q.Queue))
				o.ObserveFloat64(oldest, q.age(), of)
				o.ObserveInt64(expired, q.Expired, of)
			}
			if waiting, err := d.waitingSagas(ctx, db); err == nil {
				for _, w := range waiting {
					o.ObserveInt64(sagas, w.N, metric.WithAttributes(attribute.String("service", db.Service()), attribute.String("state", string(w.State)), attribute.String("step", w.Step)))
				}
			}
		}
		return nil
	}, up, oldest, expired, sagas)
	return err
}

// age is how long the longest due job has waited, in seconds.
func (q Depth) age() float64 {
	if q.Oldest.IsZero() {
		return 0
	}
	return max(0, time.Since(q.Oldest).Seconds())
}

// look reads the queues of one service.
func (d *Desk) look(ctx context.Context, db *store.DB) (depths []Depth, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	err = db.View(ctx, func(tx *store.Tx) error {
		depths, err = depthsOf(tx, time.Now())
		return err
	})
	return d.withEmpty(db, depths), err
}
