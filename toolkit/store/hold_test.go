package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

type told struct{ N int }

func (told) Kind() string { return "told" }

func pair(t *testing.T) (a, b *store.DB) {
	t.Helper()
	var dbs []*store.DB
	for _, name := range []string{"a", "b"} {
		d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), name+".db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		db := store.Open(name, d)
		t.Cleanup(func() { db.Close() })
		dbs = append(dbs, db)
	}
	return dbs[0], dbs[1]
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM journal`)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// Whatever is done in b after it was done in a is never seen in b alone.
func TestHoldIsOneMoment(t *testing.T) {
	a, b := pair(t)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				for _, db := range []*store.DB{a, b} { // first the cause, then the effect
					if _, err := db.Update(context.WithoutCancel(ctx), nil, func(tx *store.Tx) error { return tx.Append("k", told{}) }); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 50 {
		var causes, effects [2]int
		held, err := store.Hold(t.Context(), []*store.DB{a, b}, func() error {
			for i := range causes { // b first: without the hold it would be behind
				effects[i], causes[i] = count(t, b), count(t, a)
			}
			return nil
		})
		if err != nil || held <= 0 {
			t.Fatalf("held for %v, %v", held, err)
		}
		if causes[0] != causes[1] || effects[0] != effects[1] {
			t.Errorf("went on while they were held: %v, %v", causes, effects)
		}
		if d := causes[0] - effects[0]; d < 0 || d > 4 {
			t.Errorf("%d causes and %d effects", causes[0], effects[0])
		}
	}
	stop()
	wg.Wait()
}

func TestHoldFails(t *testing.T) {
	a, b := pair(t)
	broken := errors.New("broken")
	if _, err := store.Hold(t.Context(), []*store.DB{a, b}, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want what do says", err)
	}
	remote := store.Open("far", struct{ store.Driver }{}) // not Alone
	called := false
	do := func() error { called = true; return nil }
	if _, err := store.Hold(t.Context(), []*store.DB{a, remote}, do); !errors.Is(err, store.ErrNoCopy) || called {
		t.Errorf("a database of a server: got %v, called %v", err, called)
	}
	if _, err := remote.Snapshot(t.Context()); !errors.Is(err, store.ErrNoCopy) {
		t.Errorf("snapshot: got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Hold(t.Context(), []*store.DB{a, b}, do); !errors.Is(err, store.ErrUnavailable) || called {
		t.Errorf("one that is closed: got %v, called %v", err, called)
	}
	if _, err := a.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("k", told{}) }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A do that takes longer than a change may was not alone, and is told so.
func TestHoldIsBounded(t *testing.T) {
	a, b := pair(t)
	_, err := store.Hold(t.Context(), []*store.DB{a, b}, func() error {
		_, err := a.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("k", told{}) }) // once the hold is revoked
		return err
	})
	if !errors.Is(err, store.ErrRevoked) {
		t.Errorf("got %v, want ErrRevoked", err)
	}
	if n := count(t, a); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	start := time.Now()
	if _, err := store.Hold(t.Context(), []*store.DB{a, b}, func() error { return nil }); err != nil || time.Since(start) > time.Second {
		t.Errorf("the next: %v after %v", err, time.Since(start))
	}
}
