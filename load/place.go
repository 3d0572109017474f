package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// clients are the customers of a run: each places one order after the other, whatever
// becomes of those that it has placed.
type clients struct {
	Options
	door *door
	menu *menu
	book *book
	next atomic.Int64
	gone atomic.Bool // the server did not answer for as long as patience lasts
}

// place returns when there is nothing more to place. A client that runs out of patience
// stops all of them: the others would run out of it too, one order after the other.
func (c *clients) place(ctx context.Context) {
	var wg sync.WaitGroup
	start := time.Now()
	c.book.start(start)
	for slot := range c.Clients {
		wg.Go(func() {
			for !c.gone.Load() {
				n := c.next.Add(1) - 1
				due, ok := c.due(ctx, start, n)
				if !ok {
					return
				}
				c.order(ctx, slot, n, due)
			}
		})
	}
	wg.Wait()
}

// order places the n-th order.
func (c *clients) order(ctx context.Context, slot int, n int64, due time.Time) {
	key, dish := c.menu.order(n)
	p := &placed{key: key, product: dish.product, invoked: due}
	c.book.begin(slot, n)
	o := c.door.order(ctx, c.Options, p, dish)
	c.book.settle(slot, p, o)
	if o == unknown {
		c.gone.Store(true)
	}
}

// due waits until it is time for the n-th order, and returns that time. It reports
// false if there is no such order. The time does not depend on how the orders before it
// fared: else a slow server would be asked less, and look faster than it is.
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
func (d *door) order(ctx context.Context, how Options, p *placed, what dish) outcome {
	c := call{method: "POST", path: "/api/orders", key: p.key, once: how.Once, body: what.body}
	err := d.insist(ctx, how.patience, c, &p.order)
	p.answered = time.Now()
	var no *refusal
	switch {
	case err == nil && p.ID != "":
		return accepted
	case errors.As(err, &no) && c.settledBy(no):
		return rejected
	}
	return unknown
}
