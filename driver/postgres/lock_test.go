package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// TestKeysExclude: read, decide, write, by many at once and through two drivers, as two
// processes would. Keys come in any order, some twice.
func TestKeysExclude(t *testing.T) {
	one, schema := open(t)
	two := openAt(t, serverURL(), schema)
	change(t, one, func(c store.Conn) error { return c.Exec(`INSERT INTO count (key, n) VALUES ('a', 100), ('b', 100)`) })
	var taken atomic.Int64
	var w sync.WaitGroup
	for n := range 20 {
		d, keys := one, []string{"a", "b", "a"}
		if n%2 == 0 {
			d, keys = two, []string{"b", "a"}
		}
		w.Go(func() {
			for range 15 {
				took := false
				err := d.Update(soon(t), store.Change{Keys: keys, Run: func(c store.Conn, _ time.Time) error {
					var left int64
					if err := c.Query(`SELECT n FROM count WHERE key = 'a'`, nil, into(&left)); err != nil {
						return err
					}
					if took = left > 0; !took {
						return nil
					}
					return c.Exec(`UPDATE count SET n = $1`, left-1)
				}})
				if err != nil {
					t.Error(err)
				} else if took {
					taken.Add(1)
				}
			}
		})
	}
	w.Wait()
	if got := taken.Load(); got != 100 {
		t.Errorf("took %d of 100", got)
	}
}

// TestDeadlockRunsAgain: two changes lock each other's rows. Both are committed in the
// end, each once.
func TestDeadlockRunsAgain(t *testing.T) {
	for _, how := range []string{"rows", "locks"} {
		t.Run(how, func(t *testing.T) {
			d, _ := open(t)
			change(t, d, func(c store.Conn) error { return c.Exec(`INSERT INTO count (key, n) VALUES ('a', 0), ('b', 0)`) })
			both := make(chan struct{})
			var arrived, runs atomic.Int64
			meet := func() { // once each has its first, and not in later runs
				if arrived.Add(1) == 2 {
					close(both)
				}
				<-both
			}
			var w sync.WaitGroup
			for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
				w.Go(func() {
					err := d.Update(soon(t), store.Change{Run: func(c store.Conn, _ time.Time) error {
						runs.Add(1)
						for i, key := range order {
							if err := take(c, how, key); err != nil {
								return fmt.Errorf("mine: %w", err)
							}
							if i == 0 {
								meet()
							}
						}
						return nil
					}})
					if err != nil {
						t.Error(err)
					}
				})
			}
			w.Wait()
			if got := number(t, d, `SELECT sum(n) FROM count`); got != 4 || runs.Load() < 3 {
				t.Errorf("got %d after %d runs, want 4 after 3 or more", got, runs.Load())
			}
		})
	}
}

func take(c store.Conn, how, key string) error {
	if how == "locks" {
		if err := c.Lock(key); err != nil {
			return err
		}
	}
	return c.Query(`UPDATE count SET n = n + 1 WHERE key = $1 RETURNING n`, []any{key}, none)
}

// TestBackgroundWaits: with all places taken, those who wait in front go first.
func TestBackgroundWaits(t *testing.T) {
	schema := newSchema(t)
	d := openAt(t, with(serverURL(), "pool_max_conns=5"), schema) // one place for changes
	release, begun := make(chan struct{}), make(chan struct{})
	var w sync.WaitGroup
	w.Go(func() {
		change(t, d, func(c store.Conn) error { close(begun); <-release; return nil })
	})
	<-begun
	var order []string
	var mu sync.Mutex
	queue := func(name string, background bool) {
		w.Go(func() {
			err := d.Update(soon(t), store.Change{Background: background, Run: func(c store.Conn, _ time.Time) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
				return nil
			}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	queue("background", true)
	for n := range 3 {
		queue(fmt.Sprint("front", n), false)
	}
	ctx, cancel := context.WithTimeout(soon(t), 100*time.Millisecond) // by then all of them wait
	defer cancel()
	if err := d.Update(ctx, store.Change{Run: func(store.Conn, time.Time) error { return nil }}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one that stops waiting: got %v", err)
	}
	close(release)
	w.Wait()
	if len(order) != 4 || order[3] != "background" {
		t.Errorf("ran in the order %v", order)
	}
}

// TestClockNeverStepsBack, and a change that waited for a lock is later than the one
// that held it.
func TestClockNeverStepsBack(t *testing.T) {
	d, _ := open(t)
	var latest time.Time // the lock of the key guards it
	var w sync.WaitGroup
	for range 8 {
		w.Go(func() {
			for range 20 {
				err := d.Update(soon(t), store.Change{Keys: []string{"k"}, Run: func(_ store.Conn, now time.Time) error {
					if now.Before(latest) {
						t.Errorf("%v after %v", now, latest)
					}
					latest = now
					return nil
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	w.Wait()
}
