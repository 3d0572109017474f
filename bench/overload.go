package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/load"
)

// overload measures what becomes of twice as many orders as can be done: a share must be
// refused, and quickly, so that what was accepted is done as well as ever. Nothing is
// placed again.
func (b *bench) overload(ctx context.Context) (_ []figure, err error) {
	w := b.alone(files)
	capable, err := b.capable(ctx, w)
	if err != nil {
		return nil, err
	}
	p, err := b.openWarm(ctx, ours, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var all []figure
	for _, times := range []float64{0.5, 2} {
		rate := times * capable
		r, err := load.Run(ctx, load.Options{URL: p.url, Rate: rate, For: 5 * b.time, Clients: 400, Once: true})
		if err != nil {
			return nil, err
		}
		if r.Completed != r.Accepted || r.Unknown > 0 {
			return nil, fmt.Errorf("of %d accepted orders %d were completed, and of %d nothing is known", r.Accepted, r.Completed, r.Unknown)
		}
		used, err := p.used()
		if err != nil {
			return nil, err
		}
		at := fmt.Sprintf(" at %.1f of what can be done", times)
		all = add(all, "overload", ours, []sample{
			{"orders offered" + at, "1/s", rate},
			{"orders completed" + at, "1/s", r.OrdersPerSecond},
			{"refused with 503" + at, "%", 100 * float64(r.Rejected) / float64(r.Rejected+r.Accepted)},
			{"accept p50" + at, "ms", r.Accept.P50},
			{"accept p99" + at, "ms", r.Accept.P99},
			{"accept to completed p50" + at, "ms", r.EndToEnd.P50},
			{"accept to completed p99" + at, "ms", r.EndToEnd.P99},
			{"memory of the services" + at, "MB", float64(used.server.resided) / 1e6},
		})
	}
	return all, nil
}

// hot measures orders of one product, whose stock is one row, beside orders of eight.
func (b *bench) hot(ctx context.Context) (all []figure, err error) {
	engines := []engine{files}
	if b.options.postgres != "" {
		engines = append(engines, postgres)
	}
	for _, on := range engines {
		name := map[engine]string{files: "SQLite", postgres: "PostgreSQL"}[on]
		for _, goods := range []struct {
			what     string
			products []string
		}{{"eight products", nil}, {"one product", []string{"1"}}} {
			p, err := b.openWarm(ctx, ours, b.alone(on))
			if err != nil {
				return nil, err
			}
			r, err := place(ctx, load.Options{URL: p.url, Orders: b.orders, Basket: load.Basket{Products: goods.products}})
			if err := errors.Join(err, p.close()); err != nil {
				return nil, err
			}
			all = add(all, "hot key", ours, []sample{{fmt.Sprintf("orders of %s, %s", goods.what, name), "1/s", r.OrdersPerSecond}})
		}
	}
	return all, nil
}

// catchUp measures how fast a service makes up for the time it was stopped: what all the
// others have said meanwhile.
func (b *bench) catchUp(ctx context.Context) (_ []figure, err error) {
	p, err := b.openWith(ctx, ours, b.alone(files), "user", "product", "order", "payment", "inventory", "shipping")
	if err != nil {
		return nil, err
	}
	if _, err := place(ctx, load.Options{URL: p.url, Orders: b.orders}); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if err := p.server.stop(); err != nil {
		return nil, errors.Join(err, p.simulator.stop())
	}
	if err := b.serve(ctx, p, ours); err != nil {
		return nil, errors.Join(err, p.simulator.stop())
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for began := time.Now(); ; {
		var counted struct {
			TotalOrders, Completed int
		}
		if err := get(ctx, p.url+"/api/analytics", &counted); err != nil {
			return nil, err
		}
		if counted.Completed >= b.orders {
			took := time.Since(began)
			rate := float64(b.orders) / took.Seconds()
			return add(nil, "catch-up", ours, []sample{
				{fmt.Sprintf("orders that analytics and notification had missed (%d)", b.orders), "1/s", rate},
				{"so long for an hour at 300 orders/s", "s", 3600 * 300 / rate},
			}), nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// get reads a document of the customers' door.
func get(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	err = json.NewDecoder(resp.Body).Decode(into)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
