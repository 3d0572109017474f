package store

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// A Driver that commits changes together is a Grouping.
type Grouping interface {
	// Groups returns how many groups were committed, of how many changes, and how long
	// their commits took in all.
	Groups() (groups, changes int64, took time.Duration)
}

// gauges measure the changes of a database. The zero value measures nothing.
type gauges struct {
	update metric.Float64Histogram
	away   metric.Int64Counter
	// for requests, and for background work
	foreground, background metric.MeasurementOption
	service                metric.MeasurementOption
}

// Measure begins to measure db, before its first change: how long changes take, how many
// found no database, and the groups that a driver commits them in.
func (db *DB) Measure(m metric.Meter) error {
	service := attribute.String("service", db.service)
	g := gauges{service: metric.WithAttributes(service)}
	g.foreground = metric.WithAttributeSet(attribute.NewSet(service, attribute.String("line", "request")))
	g.background = metric.WithAttributeSet(attribute.NewSet(service, attribute.String("line", "background")))
	var err error
	if g.update, err = m.Float64Histogram("tidewire.database.update", metric.WithUnit("s"), metric.WithDescription("From asking for a change to its commit on disk, the wait for its turn included; only of changes that were stored.")); err != nil {
		return err
	}
	if g.away, err = m.Int64Counter("tidewire.database.away", metric.WithDescription("Changes that were not stored, or nobody knows, because the database was away.")); err != nil {
		return err
	}
	g.away.Add(context.Background(), 0, g.service)
	*db.gauges = g
	if driver, ok := db.driver.(Grouping); ok {
		return measureGroups(m, driver, g.service)
	}
	return nil
}

func measureGroups(m metric.Meter, driver Grouping, service metric.MeasurementOption) error {
	groups, err := m.Int64ObservableCounter("tidewire.database.groups", metric.WithDescription("Groups of changes that were committed, one fsync each."))
	if err != nil {
		return err
	}
	changes, err := m.Int64ObservableCounter("tidewire.database.changes", metric.WithDescription("Changes in those groups."))
	if err != nil {
		return err
	}
	commits, err := m.Float64ObservableCounter("tidewire.database.commit", metric.WithUnit("s"), metric.WithDescription("Time that the commits of those groups took."))
	if err != nil {
		return err
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		n, of, took := driver.Groups()
		o.ObserveInt64(groups, n, service)
		o.ObserveInt64(changes, of, service)
		o.ObserveFloat64(commits, took.Seconds(), service)
		return nil
	}, groups, changes, commits)
	return err
}

// start returns the time, if anything is measured.
func (g *gauges) start() (t time.Time) {
	if g.update != nil {
		t = time.Now()
	}
	return t
}

// updated records a change that is over.
func (g *gauges) updated(ctx context.Context, background bool, started time.Time, err error) {
	switch {
	case g.update == nil || started.IsZero():
	case Away(err):
		g.away.Add(ctx, 1, g.service)
	case err == nil && background:
		g.update.Record(ctx, time.Since(started).Seconds(), g.background)
	case err == nil:
		g.update.Record(ctx, time.Since(started).Seconds(), g.foreground)
	}
}
