// Package run starts the long-lived parts of a program together, and stops them
// together.
package run

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
)

// A Process is what all readers and workers of one process share.
type Process struct {
	Instance string               // unique among all processes that ever ran
	Meter    metric.Meter         // nil: nothing is measured
	Tracers  trace.TracerProvider // of each service by its name; nil: nothing is traced

	alone sync.Mutex
}

// Alone runs f while no other f of this process runs: if the process dies meanwhile,
// it is known what it died of.
func (p *Process) Alone(f func()) {
	p.alone.Lock()
	defer p.alone.Unlock()
	f()
}

// Meters returns the process's meter, or one that measures nothing.
func (p *Process) Meters() metric.Meter {
	if p.Meter == nil {
		return noop.Meter{}
	}
	return p.Meter
}

// Tracer returns the tracer of a service; nil if nothing is traced.
func (p *Process) Tracer(service string) trace.Tracer {
	if p.Tracers == nil {
		return nil
	}
	return p.Tracers.Tracer(service)
}

// All runs every part until ctx ends or one of them fails, then stops the others, waits
// for all of them, and returns what failed. A part blocks, and returns nil once its
// context has ended.
func All(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() {
			defer cancel()
			errs[i] = part(ctx)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
