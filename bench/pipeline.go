package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/load"
	"github.com/tidewire/tidewire/shop/contract"
)

// warmUp is how many orders go before those that count.
const warmUp = 500

// pipeline measures orders from the request to the final state, as many as go.
func (b *bench) pipeline(ctx context.Context) ([]figure, error) {
	return b.throughputs(ctx, "pipeline", choreographed(files))
}

// orchestrated is the pipeline where the order service conducts.
func (b *bench) orchestrated(ctx context.Context) ([]figure, error) {
	return b.throughputs(ctx, "orchestrated", way{files, contract.Orchestrated})
}

// throughputs measures both sides in turn.
func (b *bench) throughputs(ctx context.Context, row string, w way) ([]figure, error) {
	return b.inTurn(ctx, row, func(s side) ([]sample, error) { return b.throughput(ctx, s, w) })
}

// capable is how many orders a second ours can do in a way: what the last row has measured.
func (b *bench) capable(ctx context.Context, w way) (float64, error) {
	if b.capacity[w] == 0 {
		if _, err := b.throughput(ctx, ours, w); err != nil {
			return 0, err
		}
	}
	return b.capacity[w], nil
}

func (b *bench) throughput(ctx context.Context, s side, w way) (samples []sample, err error) {
	p, err := b.openWarm(ctx, s, w)
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
		b.capacity[w] = r.OrdersPerSecond
	}
	fmt.Fprintf(b.progress, "%s: %.0f orders/s\n", s, r.OrdersPerSecond)
	return after.since(before).samples(r), nil
}

const written = "written to disk by the services"

// samples are what orders have used.
func (u usages) samples(r load.Report) []sample {
	each := 1 / float64(r.Completed)
	all := u.server.cpu + u.simulator.cpu + u.client
	return []sample{
		{"orders, HTTP accept to completed", "1/s", r.OrdersPerSecond},
		{"CPU of the services", "µs/order", float64(u.server.cpu.Microseconds()) * each},
		{"CPU of services, simulator and client", "µs/order", float64(all.Microseconds()) * each},
		{written, "KB/order", float64(u.server.wrote) / 1e3 * each},
		{"memory of the services after it", "MB", float64(u.server.resided) / 1e6},
	}
}

// openWarm starts a side, and places a few orders.
func (b *bench) openWarm(ctx context.Context, s side, w way) (*shop, error) {
	p, err := b.open(ctx, s, w)
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

// usages are what the processes of a side have used, and this one as their client.
type usages struct {
	server, simulator usage
	client            time.Duration // of processors
}

func (p *shop) used() (u usages, err error) {
	var errs [2]error
	u.server, errs[0] = p.server.used()
	u.simulator, errs[1] = p.simulator.used()
	u.client = watch.Processors()
	return u, errors.Join(errs[:]...)
}

// since returns what was used between two looks. Memory is that of the later one.
func (u usages) since(before usages) usages {
	u.server.cpu -= before.server.cpu
	u.server.wrote -= before.server.wrote
	u.simulator.cpu -= before.simulator.cpu
	u.client -= before.client
	return u
}
