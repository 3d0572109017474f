package part

import (
	"context"
	"io/fs"
	"testing/fstest"
	"time"

	"github.com/tidewire/tidewire/bench/twin"
	"github.com/tidewire/tidewire/bench/watch"
)

// A Size says how much is measured.
type Size struct {
	Time     time.Duration // of what goes on for a while
	Messages int           // of what ends
}

const callers = 64

// A Part is measured on both sides, each in a directory of its own, as a number a second.
type Part struct {
	Name string
	Ours func(ctx context.Context, dir string, s Size) (watch.Rate, error)
	Twin func(ctx context.Context, dir string, s Size) (watch.Rate, error)
}

// All are the parts that are measured.
func All() []Part {
	return []Part{
		{"group commit: a row and a fact each, 64 callers", commits, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			return twin.Commits(ctx, dir, things(), callers, s.Time)
		}},
		{"reader: messages, a row each", messages, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			return twin.Messages(ctx, dir, things(), s.Messages)
		}},
		{"queue: empty jobs", jobs, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			return twin.Jobs(ctx, dir, s.Messages)
		}},
		{"saga: four empty steps over two services, 100 at a time", sagas, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			return twin.Sagas(ctx, dir, travellers, s.Time)
		}},
		{"accept alone: POST /api/orders, 64 clients", accept, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			door, end, err := twin.Door(ctx, dir)
			if err != nil {
				return watch.Rate{}, err
			}
			defer end()
			return post(ctx, door, s.Time)
		}},
		{"replay: events of orders, folded", replay, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			return twin.Replay(ctx, dir, s.Messages/len(life("")), func(key string) []twin.Line { return lines(life(key)) })
		}},
		{"load: a history of 20 events", load, func(ctx context.Context, dir string, s Size) (watch.Rate, error) {
			return twin.Load(ctx, dir, s.Messages/4, lines(dozens()))
		}},
	}
}

// things is the table that handlers write.
func things() fs.FS {
	return fstest.MapFS{"00001_thing.sql": {Data: []byte("-- +goose Up\nCREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);\n")}}
}
