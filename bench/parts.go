package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tidewire/tidewire/bench/part"
)

// parts measures parts of the toolkit alone, in this process.
func (b *bench) parts(ctx context.Context) ([]figure, error) {
	size := part.Size{Time: b.time / 2, Messages: 20000}
	if b.quick {
		size = part.Size{Time: time.Second, Messages: 10000}
	}
	return b.inTurn(ctx, "parts", func(s side) (all []sample, err error) {
		for _, p := range part.All() {
			dir, err := os.MkdirTemp(b.dir, "part-")
			if err != nil {
				return nil, err
			}
			measure := p.Ours
			if s == raw {
				measure = p.Twin
			}
			rate, err := measure(ctx, dir, size)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
			all = append(all, sample{p.Name, "1/s", rate.PerSecond}, sample{p.Name, "µs CPU", rate.Micros})
		}
		return all, nil
	})
}

// poison measures how long messages wait beside a key that fails for a minute, and beside
// the same messages when none of them fails.
func (b *bench) poison(ctx context.Context) (all []figure, err error) {
	const perSecond = 1000
	var p99 [2]float64
	for i, fails := range []bool{false, true} {
		dir, err := os.MkdirTemp(b.dir, "part-")
		if err != nil {
			return nil, err
		}
		wait, err := part.Beside(ctx, dir, fails, perSecond, 15*b.time)
		if err != nil {
			return nil, err
		}
		p99[i] = wait.Seconds() * 1000
	}
	return add(nil, "poison", ours, []sample{
		{"wait of other messages p99 at 1,000/s, none fails", "ms", p99[0]},
		{"wait of other messages p99 at 1,000/s, a tenth of one key that fails", "ms", p99[1]},
		{"the second beside the first", "×", p99[1] / p99[0]},
	}), nil
}
