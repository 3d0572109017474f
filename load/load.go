// Package load places orders over HTTP and follows each to its final state.
//
// It is a customer like any other and knows nothing of the platform but its door. What
// it reports is what a customer saw:
//
//   - An order is placed under an idempotency key of its own. When the answer is lost
//     or the server goes away, it is placed again under the same key until there is an
//     answer, or patience is over: then its outcome is unknown, never a guess.
//   - One poller follows all orders through the list of those that have ended. The time
//     to the final state ends when that list shows it, so it includes the poller's
//     pause (Report.PollMs).
//   - With a rate, an order's time begins when it was due to be placed, even if every
//     client was busy then.
//
// The ledger holds a line for each order, written when its fate is known; package audit
// compares it with what the platform stored.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// Errors that callers branch on.
var (
	// ErrOptions: the options make no sense. Nothing was sent.
	ErrOptions = errors.New("wrong options")
	// ErrUnreached: the server never answered.
	ErrUnreached = errors.New("the server was never reached")
	// ErrUnfinished: accepted orders have not reached a final state.
	ErrUnfinished = errors.New("orders are unfinished")
)

// Options say what to place, how fast and for how long.
type Options struct {
	URL      string        // of the customers' door; http://127.0.0.1:3000
	Orders   int           // how many to place; 1000 if For is zero too, else without limit
	For      time.Duration // how long to place orders; without limit
	Clients  int           // requests at a time; 64
	Rate     float64       // orders/s; 0: as fast as it goes
	Once     bool          // an order that is refused for the moment, with 503, counts as rejected; placed again
	Basket   Basket        // what to order
	Ledger   string        // file to append a line to for each order; none
	Progress io.Writer     // of a terminal, for a progress bar; none

	patience time.Duration // without any answer or any ended order; 1m
}

// A Basket is what is ordered. The products take turns, a piece of each at a time.
type Basket struct {
	User     string   // 1
	Products []string // 1 to 8
	Style    string   // of the order's flow; left to the server
	Mix      float64  // share of orders that must fail: declined, timeout_lost, out of stock in turn; 0
}

// complete returns o with its zero fields filled in.
func (o Options) complete() (Options, error) {
	if o.URL == "" {
		o.URL = "http://127.0.0.1:3000"
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	if o.Orders == 0 && o.For == 0 {
		o.Orders = 1000
	}
	if o.Clients == 0 {
		o.Clients = 64
	}
	if o.Basket.User == "" {
		o.Basket.User = "1"
	}
	if o.Basket.Products == nil {
		o.Basket.Products = strings.Fields("1 2 3 4 5 6 7 8")
	}
	if o.patience == 0 {
		o.patience = time.Minute
	}
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return o, fmt.Errorf("%w: url: %w", ErrOptions, err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return o, fmt.Errorf("%w: url is %q, must be like http://127.0.0.1:3000", ErrOptions, o.URL)
	case o.Orders < 0 || o.For < 0 || o.Clients < 0 || o.Rate < 0:
		return o, fmt.Errorf("%w: orders, for, clients and rate must not be negative", ErrOptions)
	case !(o.Basket.Mix >= 0 && o.Basket.Mix <= 1):
		return o, fmt.Errorf("%w: mix is %v, must be 0 to 1", ErrOptions, o.Basket.Mix)
	}
	return o, nil
}

// Run places the orders, waits until each has ended, and reports. It gives up placing
// after a minute without an answer, and waiting after a minute in which no order
// ended. When ctx ends it stops at once and reports what is known. The report is of
// use with ErrUnfinished too.
func Run(ctx context.Context, o Options) (Report, error) {
	o, err := o.complete()
	if err != nil {
		return Report{}, err
	}
	d := newDoor(o.URL, o.Clients)
	defer d.close()
	// The end of the list is found before anything is placed, so that nothing is missed.
	f := &follower{door: d}
	if err := d.reach(ctx, f, o.patience); err != nil {
		return Report{}, err
	}
	menu, err := newMenu(ctx, d, o)
	if err != nil {
		return Report{}, fmt.Errorf("create a product without stock: %w", err)
	}
	l, err := openLedger(o.Ledger)
	if err != nil {
		return Report{}, err
	}
	f.book = newBook(l, o.Clients)
	f.bar = newBar(o)
	placed := make(chan struct{})
	go func() {
		defer close(placed)
		(&clients{Options: o, door: d, menu: menu, book: f.book}).place(ctx)
	}()
	f.run(ctx, o.patience, placed)
	<-placed
	report, err := f.book.close(o)
	if err == nil && report.Unfinished > 0 {
		err = fmt.Errorf("%d %w", report.Unfinished, ErrUnfinished)
	}
	return report, err
}
