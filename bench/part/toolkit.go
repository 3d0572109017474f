package part

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// happened is a fact.
type happened struct {
	N int64 `json:"n"`
}

// Kind is the name of the message.
func (happened) Kind() string { return "Happened" }

// work is a job.
type work struct {
	N int64 `json:"n"`
}

// Kind is the name of the message.
func (work) Kind() string { return "work" }

// Queue is where it waits.
func (work) Queue() string { return "part_work" }

func open(ctx context.Context, dir, name string, migrations fs.FS) (*store.DB, error) {
	db, _, err := openLog(ctx, dir, name, migrations)
	return db, err
}

func openLog(ctx context.Context, dir, name string, migrations fs.FS) (*store.DB, stream.Log, error) {
	d, err := sqlite.Open(ctx, filepath.Join(dir, name+".db"), migrations)
	if err != nil {
		return nil, nil, err
	}
	db := store.Open(name, d)
	return db, sqlite.NewLog(db, d), nil
}

func insert(tx *store.Tx, key string, n int64) error {
	return tx.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, key, n)
}

// commits has callers commit for a while.
func commits(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	db, err := open(ctx, dir, "part", things())
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var done atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, callers)
	began := watch.Start()
	for caller := range callers {
		all.Go(func() {
			for n := 0; began.Running() < s.Time; n++ {
				key := fmt.Sprintf("%d-%d", caller, n)
				_, err := db.Update(ctx, []string{key}, func(tx *store.Tx) error {
					if err := insert(tx, key, int64(n)); err != nil {
						return err
					}
					return tx.Append(key, happened{N: 1})
				})
				if err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	close(failed)
	return began.Rate(done.Load()), <-failed
}

// messages has a reader handle facts of another database.
func messages(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	from, log, err := openLog(ctx, dir, "from", nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := open(ctx, dir, "to", things())
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	err = inChunks(ctx, from, s.Messages, func(tx *store.Tx, n int) error { return tx.Append(fmt.Sprint(n), happened{N: 1}) })
	if err != nil {
		return watch.Rate{}, err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var handled atomic.Int64 // a handler may run twice, which shows below
	r := &stream.Reader{DB: to, Log: log, Name: "from", Process: &run.Process{Instance: "part"}, Handlers: []stream.Handler{
		stream.On("from", func(_ context.Context, tx *store.Tx, m message.Of[happened]) error {
			if handled.Add(1) == int64(s.Messages) {
				stop() // after this batch
			}
			return insert(tx, m.Key, m.Data.N)
		})}}
	return timed(s.Messages, func() error { return r.Run(reading) }, to, `SELECT count(*) FROM thing`)
}

// jobs has a worker do nothing.
func jobs(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	db, err := open(ctx, dir, "part", nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = inChunks(ctx, db, s.Messages, func(tx *store.Tx, n int) error { return tx.Send(fmt.Sprint(n), work{N: 1}) })
	if err != nil {
		return watch.Rate{}, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	var handled atomic.Int64
	w := &queue.Worker{DB: db, Driver: queue.Table{DB: db}, Process: &run.Process{Instance: "part"}, Handlers: []queue.Handler{
		queue.Do(func(context.Context, message.Of[work]) (int, error) { return 0, nil },
			func(context.Context, *store.Tx, message.Of[work], int) error {
				if handled.Add(1) == int64(s.Messages) {
					stop()
				}
				return nil
			})}}
	return timed(s.Messages, func() error { return w.Run(working) }, db, fmt.Sprintf(`SELECT %d - count(*) FROM job`, s.Messages))
}

// timed runs what is to do n things, and returns how many a second it did. count is a
// query for how many are done.
func timed(n int, run func() error, db *store.DB, count string) (watch.Rate, error) {
	began := watch.Start()
	if err := run(); err != nil {
		return watch.Rate{}, err
	}
	rate := began.Rate(int64(n))
	var done int64
	err := db.View(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&done}, count)
		return err
	})
	if err == nil && done != int64(n) {
		err = fmt.Errorf("%d of %d are done", done, n)
	}
	return rate, err
}

// inChunks runs n changes, many in one commit but none too long.
func inChunks(ctx context.Context, db *store.DB, n int, change func(*store.Tx, int) error) error {
	const chunk = 1000
	for from := 0; from < n; from += chunk {
		_, err := db.Update(ctx, nil, func(tx *store.Tx) error {
			for i := from; i < min(from+chunk, n); i++ {
				if err := change(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
