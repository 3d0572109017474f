package twin

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

// Commits has callers commit for a while, each a row of the table thing and a fact, and
// returns how many a second were on disk. dir is for its database, with the tables of
// migrations.
func Commits(ctx context.Context, dir string, migrations fs.FS, callers int, d time.Duration) (watch.Rate, error) {
	db, err := openPart(ctx, dir, migrations)
	if err != nil {
		return watch.Rate{}, err
	}
	defer db.close()
	var done atomic.Int64
	var all sync.WaitGroup
	began := watch.Start()
	for caller := range callers {
		all.Go(func() {
			for n := 0; began.Running() < d && ctx.Err() == nil; n++ {
				key := fmt.Sprintf("%d-%d", caller, n)
				db.update(func(t *tx) {
					t.do(`INSERT INTO thing (id, n) VALUES (?, ?)`).text(key).int(int64(n)).run()
					t.append(envelope{key: key, trace: wire.NewTrace()}, 0, "Happened", []byte(`{"n":1}`))
				})
				done.Add(1)
			}
		})
	}
	all.Wait()
	return began.Rate(done.Load()), ctx.Err()
}

// Messages has n facts of one database handled in another, a row each, and returns how
// many a second were.
func Messages(ctx context.Context, dir string, migrations fs.FS, n int) (watch.Rate, error) {
	from, err := openPart(ctx, filepath.Join(dir, "from"), migrations)
	if err != nil {
		return watch.Rate{}, err
	}
	defer from.close()
	to, err := openPart(ctx, filepath.Join(dir, "to"), migrations)
	if err != nil {
		return watch.Rate{}, err
	}
	defer to.close()
	from.update(func(t *tx) {
		for i := range n {
			t.append(envelope{key: fmt.Sprint(i), trace: wire.NewTrace()}, 0, "Happened", []byte(`{"n":1}`))
		}
	})
	type happened struct {
		N int64 `json:"n"`
	}
	handled, done := 0, make(chan struct{})
	f := follower{from: from, to: to, log: "from", stop: done, handle: map[string]func(envelope) func(*tx){"Happened": func(e envelope) func(*tx) {
		h := wire.Decode[happened](e.body)
		return func(t *tx) {
			t.do(`INSERT INTO thing (id, n) VALUES (?, ?)`).text(e.key).int(h.N).run()
			if handled++; handled == n {
				close(done)
			}
		}
	}}}
	began := watch.Start()
	f.run() // until all are committed
	return began.Rate(int64(n)), nil
}

// Jobs has n jobs claimed and finished, without doing anything, and returns how many a
// second were.
func Jobs(ctx context.Context, dir string, n int) (watch.Rate, error) {
	db, err := openPart(ctx, dir, nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer db.close()
	db.update(func(t *tx) {
		for i := range n {
			t.send(envelope{key: fmt.Sprint(i), trace: wire.NewTrace()}, job{queue: "part_work", kind: "work", body: []byte(`{"n":1}`)})
		}
	})
	w := worker{in: db, queue: "part_work", call: func(envelope) func(*tx) { return func(*tx) {} }}
	began := watch.Start()
	for w.batch() {
	}
	return began.Rate(int64(n)), nil
}

// Door returns the customers' door of a choreographed twin in which nothing follows, and
// what ends it.
func Door(ctx context.Context, dir string) (door http.Handler, end func(), err error) {
	s, err := openShop(ctx, dir, contract.Choreographed)
	if err != nil {
		return nil, nil, err
	}
	return s.door(), func() {
		for _, db := range s.databases() {
			db.close()
		}
	}, nil
}

func openPart(ctx context.Context, dir string, migrations fs.FS) (*database, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "part.db")
	if err := create(ctx, path, migrations, nil); err != nil {
		return nil, err
	}
	return open(path)
}
