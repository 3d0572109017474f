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
