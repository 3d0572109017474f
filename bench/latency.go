package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidewire/tidewire/load"
)

// aloneRate is so low that each order has the platform for itself.
const aloneRate = 10

// latency measures how long orders take when half as many come as the platform can do,
// and when they come one by one. The twin gets the same load. What the client sees of an
// end includes the pause of its poller.
func (b *bench) latency(ctx context.Context) ([]figure, error) {
	w := choreographed(files)
	capable, err := b.capable(ctx, w)
	if err != nil {
		return nil, err
	}
	rate := capable / 2
	return b.inTurn(ctx, "latency", func(s side) ([]sample, error) {
		p, err := b.openWarm(ctx, s, w)
		if err != nil {
			return nil, err
		}
		half, err := place(ctx, load.Options{URL: p.url, Rate: rate, For: b.time})
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		alone, err := place(ctx, load.Options{URL: p.url, Rate: aloneRate, For: b.time, Clients: 1})
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		at := fmt.Sprintf(" at %.0f orders/s", rate)
		return []sample{
			{"accept p50" + at, "ms", half.Accept.P50},
			{"accept p99" + at, "ms", half.Accept.P99},
			{"accept to completed p50" + at, "ms", half.EndToEnd.P50},
			{"accept to completed p99" + at, "ms", half.EndToEnd.P99},
			{"one order alone, accept p50", "ms", alone.Accept.P50},
			{"one order alone, accept to completed p50", "ms", alone.EndToEnd.P50},
			{"one order alone, accept to completed, the longest", "ms", alone.EndToEnd.Max},
		}, p.close()
	})
}
