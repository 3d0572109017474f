package stream

import (
	"context"

	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measure makes the instruments of a forwarding, and returns what ends them.
func (f *forwarding) measure() (stop func(), err error) {
	meter := f.Process.Meters()
	f.labels = metric.WithAttributes(attribute.String("log", f.log), attribute.String("to", f.To))
	if f.sent, err = meter.Int64Counter("tidewire.relay.sent", metric.WithDescription("Messages of a journal that were forwarded, by where to.")); err != nil {
		return nil, err
	}
	if f.failed, err = meter.Int64Counter("tidewire.relay.errors", metric.WithDescription("Batches of a journal that could not be forwarded, or were not confirmed, and are tried again.")); err != nil {
		return nil, err
	}
	lag, err := meter.Int64ObservableGauge("tidewire.relay.lag", metric.WithDescription("Messages of the journal that are still to be forwarded, in all instances."))
	if err != nil {
		return nil, err
	}
	stopped, err := meter.Int64ObservableGauge("tidewire.relay.stopped", metric.WithDescription("Partitions of the journal that are not forwarded any more, in all instances."))
	if err != nil {
		return nil, err
	}
	reg, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		var at []store.Position
		still := int64(0)
		err := f.DB.View(ctx, func(tx *store.Tx) error {
			at, still = nil, 0
			return tx.Rows(`SELECT partition, seq, stopped FROM position WHERE subscription = $1 AND log = $2`, []any{f.subscription, f.log}, func(scan func(...any) error) error {
				var p store.Position
				var why string
				err := scan(&p.Partition, &p.Seq, &why)
				at = append(at, p)
				if why != "" {
					still++
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		o.ObserveInt64(stopped, still, f.labels)
		n, err := f.Log.Behind(ctx, at)
		if err != nil {
			return err
		}
		o.ObserveInt64(lag, n, f.labels)
		return nil
	}, lag, stopped)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}
