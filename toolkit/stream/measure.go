package stream

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measure makes the instruments of a session, and returns what ends them.
func (s *session) measure() (stop func(), err error) {
	labels := []attribute.KeyValue{attribute.String("subscription", s.DB.Service()), attribute.String("log", s.Name)}
	if s.handling, err = s.Process.Handling(labels...); err != nil {
		return nil, err
	}
	meter := s.Process.Meters()
	lag, err := meter.Int64ObservableGauge("tidewire.stream.lag", metric.WithDescription("Messages of the log that this subscription has still to read, in all instances."))
	if err != nil {
		return nil, err
	}
	age, err := meter.Float64ObservableGauge("tidewire.stream.lag.age", metric.WithUnit("s"), metric.WithDescription("How long ago the oldest message was said that this subscription has still to read."))
	if err != nil {
		return nil, err
	}
	parked, err := meter.Int64ObservableGauge("tidewire.stream.parked", metric.WithDescription("Messages that wait in the subscription's database, by state."))
	if err != nil {
		return nil, err
	}
	stopped, err := meter.Int64ObservableGauge("tidewire.stream.stopped", metric.WithDescription("Partitions of the log that this subscription does not read any more, in all instances, as it is not the log that was read."))
	if err != nil {
		return nil, err
	}
	set := metric.WithAttributes(labels...)
	reg, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		at, still, states, err := s.standing(ctx)
		if err != nil {
			return err
		}
		o.ObserveInt64(stopped, still, set) // even if the log does not answer
		n, err := s.Log.Behind(ctx, at)
		if err != nil {
			return err
		}
		oldest, err := s.age(ctx, at, n)
		if err != nil {
			return err
		}
		o.ObserveInt64(lag, n, set)
		o.ObserveFloat64(age, oldest.Seconds(), set)
		for _, state := range []string{stateRetry, stateWaiting, stateDead, stateReleased} {
			o.ObserveInt64(parked, states[state], set, metric.WithAttributes(attribute.String("state", state)))
		}
		return nil
	}, lag, age, parked, stopped)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}

// age returns how old the first of n messages is that follow positions.
func (s *session) age(ctx context.Context, at []store.Position, n int64) (time.Duration, error) {
	if n == 0 {
		return 0, nil
	}
	next, err := s.Log.Read(ctx, Query{From: at, Max: 1, Want: func(string) bool { return false }})
	if err != nil || len(next) == 0 {
		return 0, err
	}
	return max(0, time.Since(next[0].Time)), nil
}

// standing returns the stored positions of all partitions, how many of them are stopped,
// and the number of parked messages by state.
func (s *session) standing(ctx context.Context) (at []store.Position, still int64, states map[string]int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		at, still, states = nil, 0, map[string]int64{}
		err := tx.Rows(`SELECT partition, seq, stopped FROM position WHERE subscription = $1 AND log = $2`, []any{s.DB.Service(), s.Name}, func(scan func(...any) error) error {
			var p store.Position
			var why string
			err := scan(&p.Partition, &p.Seq, &why)
			at = append(at, p)
			if why != "" {
				still++
			}
			return err
		})
		if err != nil {
			return err
		}
		return tx.Rows(`SELECT state, count(*) FROM parked WHERE subscription = $1 AND log = $2 GROUP BY state`, []any{s.DB.Service(), s.Name}, func(scan func(...any) error) error {
			var state string
			var n int64
			err := scan(&state, &n)
			states[state] = n
			return err
		})
	})
	return at, still, states, err
}
