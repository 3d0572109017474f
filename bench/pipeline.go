package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidewire/tidewire/load"
)

// warmUp is how many orders go before those that count.
const warmUp = 500

// pipeline measures orders from the request to the final state, as many as go.
func (b *bench) pipeline(ctx context.Context) ([]figure, error) {
	return b.inTurn("pipeline", func(s side) ([]sample, error) { return b.throughput(ctx, s) })
}

func (b *bench) throughput(ctx context.Context, s side) (samples []sample, err error) {
	p, err := b.openWarm(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	before, err := p.used()
	if err != nil {
		return nil, err
	}
	r, err := place(ctx, load.Options{URL: p.url, Orders: b.orders})
	if err != nil {
		return nil, err
	}
	after, err := p.used()
	if err != nil {
		return nil, err
	}
	if s == ours {
		b.capacity = r.OrdersPerSecond
	}
	fmt.Fprintf(b.progress, "pipeline, %s: %.0f orders/s\n", s, r.OrdersPerSecond)
	each := func(a, b float64) float64 { return (a - b) / float64(r.Completed) }
	return []sample{
		{"orders, HTTP accept to completed", "1/s", r.OrdersPerSecond},
		{"CPU of the services", "µs/order", each(after.server.cpu.Seconds(), before.server.cpu.Seconds()) * 1e6},
		{"CPU of the simulator", "µs/order", each(after.simulator.cpu.Seconds(), before.simulator.cpu.Seconds()) * 1e6},
		{"written to disk by the services", "KB/order", each(float64(after.server.wrote), float64(before.server.wrote)) / 1e3},
		{"memory of the services after it", "MB", float64(after.server.resided) / 1e6},
	}, nil
}

// openWarm starts a side, and places a few orders.
func (b *bench) openWarm(ctx context.Context, s side) (*shop, error) {
	p, err := b.open(ctx, s)
	if err != nil {
		return nil, err
	}
	if _, err := place(ctx, load.Options{URL: p.url, Orders: warmUp}); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// place runs the load generator. Every order must be completed.
func place(ctx context.Context, o load.Options) (load.Report, error) {
	r, err := load.Run(ctx, o)
	if err == nil && (r.Completed == 0 || r.Completed != r.Accepted || r.Rejected+r.Unknown > 0) {
		err = fmt.Errorf("of %d orders %d were completed, %d rejected, %d unknown", r.Accepted, r.Completed, r.Rejected, r.Unknown)
	}
	return r, err
}

// both is what the two processes of a side have used.
type both struct{ server, simulator usage }

func (p *shop) used() (u both, err error) {
	var other error
	u.server, err = p.server.used()
	u.simulator, other = p.simulator.used()
	return u, errors.Join(err, other)
}
