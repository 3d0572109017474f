package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// place runs the clients until there is nothing more to place. A client that runs out
// of patience stops all of them.
func place(ctx context.Context, o Options, d *door, m *menu, b *book) {
	var (
		next  atomic.Int64
		gone  atomic.Bool
		wg    sync.WaitGroup
		start = time.Now()
	)
	b.start(start)
	for slot := range o.Clients {
		wg.Go(func() {
			for !gone.Load() {
				n := next.Add(1) - 1
				due, ok := o.due(ctx, start, n)
				if !ok {
					return
				}
				key, dish := m.order(n)
				p := &placed{key: key, product: dish.product, invoked: due}
				b.begin(slot, n)
				if !b.settle(slot, p, d.order(ctx, o.patience, p, dish)) {
					gone.Store(true)
				}
			}
		})
	}
	wg.Wait()
}

// due waits until it is time for the n-th order, and returns that time. It reports
// false if there is no such order.
func (o Options) due(ctx context.Context, start time.Time, n int64) (time.Time, bool) {
	due := time.Now()
	if o.Rate > 0 {
		due = start.Add(time.Duration(float64(n) / o.Rate * float64(time.Second)))
	}
	if o.Orders > 0 && n >= int64(o.Orders) || o.For > 0 && due.Sub(start) >= o.For {
		return due, false
	}
	if wait := time.Until(due); wait > 0 {
		return due, sleep(ctx, wait)
	}
	return due, ctx.Err() == nil
}

// outcome is what became of placing an order, as the ledger names it.
type outcome string

const (
	accepted outcome = "ok"
	rejected outcome = "rejected"
	unknown  outcome = "unknown" // no answer: it may be stored, or not
)

// order places an order, with the answer in p.
func (d *door) order(ctx context.Context, patience time.Duration, p *placed, what dish) outcome {
	err := d.insist(ctx, patience, call{method: "POST", path: "/api/orders", key: p.key, body: what.body}, &p.order)
	p.answered = time.Now()
	var no *refusal
	switch {
	case err == nil && p.ID != "":
		return accepted
	case errors.As(err, &no) && no.final():
		return rejected
	}
	return unknown
}
