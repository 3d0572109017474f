package main

import (
	"context"
	"os"
	"time"

	"github.com/tidewire/tidewire/bench/part"
)

// parts measures parts of the toolkit alone, both sides in this process.
func (b *bench) parts(ctx context.Context) (figures []figure, err error) {
	size := part.Size{Time: b.time / 2, Messages: 30000}
	if b.quick {
		size = part.Size{Time: time.Second, Messages: 10000}
	}
	for _, p := range part.All() {
		more, err := b.inTurn(ctx, "parts", func(s side) ([]sample, error) {
			dir, err := os.MkdirTemp(b.dir, "part-")
			if err != nil {
				return nil, err
			}
			measure := p.Ours
			if s == raw {
				measure = p.Twin
			}
			rate, err := measure(ctx, dir, size)
			return []sample{{p.Name, "1/s", rate.PerSecond}, {p.Name, "µs CPU", rate.Micros}}, err
		})
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	return figures, nil
}
