package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// fill writes the histories from one to another, of one event to three.
func fill(t *testing.T, db *store.DB, from, to int) {
	t.Helper()
	for ; from < to; from += 50 {
		update(t, db, "", func(tx *store.Tx) error {
			for i := from; i < min(to, from+50); i++ {
				var last store.Place
				for v := range i%3 + 1 {
					var err error
					if last, err = tx.AppendAfter(last, keyed(i), put{v}); err != nil {
						return err
					}
				}
			}
			return tx.Append(keyed(from), labelled{"is of no history"})
		})
	}
}

// keyed is the key of a history: their order is not that of time.
func keyed(i int) string { return fmt.Sprintf("%03d-%d", (i*7919)%1000, i) }

// All histories are folded once each, however many there are.
func TestEachIsEveryLoad(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a, there := open(), shelves(0), 0
		for _, n := range []int{0, 1, 999, 1000, 1001, 2500} {
			fill(t, db, there, n)
			there = n
			all := map[string]aggregate.Root[shelf]{}
			err := a.Each(t.Context(), db, func(r aggregate.Root[shelf]) error {
				if _, twice := all[r.Key]; twice {
					return fmt.Errorf("%s comes twice", r.Key)
				}
				all[r.Key] = r
				return nil
			})
			if err != nil || len(all) != n {
				t.Fatalf("%d histories, want %d: %v", len(all), n, err)
			}
			for i := 0; i < n; i += 83 {
				key := keyed(i)
				if got, want := all[key], load(t, db, a, key); !same(got, want) {
					t.Errorf("%s is %+v, want %+v", key, got, want)
				}
			}
		}
	})
}

// What is said meanwhile does not tear a history: each is one that there was.
func TestEachBesideWriters(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db := open()
		fill(t, db, 0, 2100)
		a, done := shelves(0), make(chan struct{})
		var writers sync.WaitGroup
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				key := keyed(i % 2100)
				_, err := db.Update(context.Background(), []string{key}, func(tx *store.Tx) error {
					r, err := a.Load(tx, key)
					if err == nil {
						_, err = a.Append(tx, r, put{int(r.Last.Version)})
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		seen := map[string]bool{}
		err := a.Each(t.Context(), db, func(r aggregate.Root[shelf]) error {
			for i, n := range r.State.Items {
				if n != i {
					return fmt.Errorf("%s is %+v", r.Key, r.State)
				}
			}
			if seen[r.Key] || len(r.State.Items) != int(r.Last.Version) {
				return fmt.Errorf("%s came twice, or is %+v at %d", r.Key, r.State, r.Last.Version)
			}
			seen[r.Key] = true
			return nil
		})
		close(done)
		writers.Wait()
		if err != nil || len(seen) != 2100 {
			t.Errorf("%d histories, %v", len(seen), err)
		}
	})
}

// It ends with the first thing that goes wrong, and says what.
func TestEachEnds(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db := open()
		fill(t, db, 0, 1500)
		calls, enough := 0, errors.New("enough")
		if err := shelves(0).Each(t.Context(), db, func(aggregate.Root[shelf]) error { calls++; return enough }); !errors.Is(err, enough) || calls != 1 {
			t.Errorf("after %d calls: %v", calls, err)
		}
		narrow := shelves(0)
		narrow.Shapes = narrow.Shapes[1:]
		if err := narrow.Each(t.Context(), db, func(aggregate.Root[shelf]) error { return nil }); !errors.Is(err, aggregate.ErrNewer) || !strings.Contains(err.Error(), "event 1 is put") {
			t.Errorf("of an unknown event: %v", err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := shelves(0).Each(ended, db, func(aggregate.Root[shelf]) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
	})
}
