package search

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	patience = time.Second     // for an answer of the index
	rest     = 2 * time.Second // that one is given which does not answer
)

// A Finder asks an Index that a Feed fills.
type Finder struct {
	index Index
	log   stream.Log
	asked metric.Int64Counter

	mu    sync.Mutex
	until time.Time // when one that was away is asked again
}

// NewFinder returns what asks an index about the journal that it is filled from.
func NewFinder(index Index, log stream.Log, p *run.Process) (*Finder, error) {
	asked, err := p.Meters().Int64Counter("tidewire.search.asked", metric.WithDescription("Questions to the search engine by what came of them: answered, behind (it did not have the latest yet) or away; but for the first, the database was asked."))
	return &Finder{index: index, log: log, asked: asked}, err
}

// Find returns the places of what was found, in their order. It is ErrBehind or ErrAway if
// the caller must ask the database, which is known within a second, and at once while the
// index is known to be away.
func (f *Finder) Find(ctx context.Context, q Question) ([]int64, error) {
	if f.resting() {
		f.count(ctx, "away")
		return nil, ErrAway
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a, err := f.index.Find(limited, q)
	if err != nil {
		if ctx.Err() == nil {
			f.pause()
		}
		f.count(ctx, "away")
		return nil, errors.Join(ErrAway, err)
	}
	behind, err := f.behind(ctx, a.Marks)
	switch {
	case err != nil:
		return nil, err
	case behind:
		f.count(ctx, "behind")
		return nil, ErrBehind
	}
	f.count(ctx, "answered")
	return a.Places, nil
}

// behind reports whether the journal has more than the index had, or is another one.
func (f *Finder) behind(ctx context.Context, marks []Mark) (bool, error) {
	identity, err := f.log.Identity(ctx)
	if err != nil {
		return true, err
	}
	from := make([]store.Position, store.Partitions)
	for p := range from {
		from[p].Partition = p
	}
	for _, m := range marks {
		if m.Identity != identity {
			return true, nil
		}
		from[m.Partition] = store.Position{Partition: m.Partition, Seq: m.Seq, ID: m.ID}
	}
	n, err := f.log.Behind(ctx, from)
	return n > 0, err
}

func (f *Finder) count(ctx context.Context, result string) {
	f.asked.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

func (f *Finder) resting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.until)
}

func (f *Finder) pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Now().Add(rest)
}
