package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measure shows what only the platform as a whole knows; nil measures nothing. The rest
// is measured where it happens, and described in docs/metrics.md.
func (p *platform) measure(c config.Config, meter metric.Meter, more ...func(metric.Meter) error) error {
	if meter == nil {
		return nil
	}
	var errs []error
	for _, db := range p.databases {
		errs = append(errs, db.Measure(meter))
	}
	errs = append(errs, p.desk.Measure(meter), build(meter), disk(meter, c.Data), lag(meter, p.server))
	if c.Database == "" {
		errs = append(errs, files(meter, c.Data))
	}
	for _, measure := range more {
		errs = append(errs, measure(meter))
	}
	return errors.Join(errs...)
}

// build says which program this is, as labels of a number that is always 1.
func build(meter metric.Meter) error {
	v := thisVersion()
	set := metric.WithAttributes(attribute.String("version", v.Version), attribute.String("commit", v.Commit), attribute.String("go", v.Go))
	_, err := meter.Int64ObservableGauge("tidewire.build.info", metric.WithDescription("Always 1: the version, commit and Go version of the program are its labels."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, set)
			return nil
		}))
	return err
}

// disk measures the room where everything is stored.
func disk(meter metric.Meter, dir string) error {
	_, err := meter.Int64ObservableGauge("tidewire.disk.free", metric.WithUnit("By"), metric.WithDescription("Room on the disk of the data directory."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			bytes, err := free(dir)
			if err == nil {
				o.Observe(int64(bytes))
			}
			return err
		}))
	return err
}

// files measures the databases in dir and their write-ahead logs. One that only grows has
// a reader that never ends.
func files(meter metric.Meter, dir string) error {
	_, err := meter.Int64ObservableGauge("tidewire.database.size", metric.WithUnit("By"), metric.WithDescription("Size of a database's file, and of its write-ahead log."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for service := range schemas() {
				for file, suffix := range map[string]string{"database": ".db", "wal": ".db-wal"} {
					info, err := os.Stat(filepath.Join(dir, service+suffix))
					switch {
					case err == nil:
						o.Observe(info.Size(), metric.WithAttributes(attribute.String("service", service), attribute.String("file", file)))
					case !errors.Is(err, fs.ErrNotExist):
						return err
					}
				}
			}
			return nil
		}))
	return err
}
