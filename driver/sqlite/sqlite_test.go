package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

type said struct{ N int }

func (said) Kind() string { return "said" }

func open(t testing.TB, path string) *store.DB {
	db, _ := openBoth(t, path)
	return db
}

func openBoth(t testing.TB, path string) (*store.DB, *sqlite.Driver) {
	t.Helper()
	d, err := sqlite.Open(context.Background(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("test", d)
	t.Cleanup(func() { db.Close() })
	return db, d
}

func TestCommitsSurviveReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("k", said{i}) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	log := sqlite.NewLog(openBoth(t, path))
	got, err := log.Read(t.Context(), stream.Query{From: []store.Position{{Partition: store.Partition("k")}}, Max: 1000, Want: func(string) bool { return true }})
	if err != nil || len(got) != 100 {
		t.Fatalf("read %d messages, %v; want 100", len(got), err)
	}
	if m, err := message.Decode[said](got[0].Message); err != nil || m.Key != "k" {
		t.Errorf("first message is %+v, %v", m, err)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path)
	if _, err := sqlite.Open(t.Context(), path, nil); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("second Open: %v; want ErrInUse", err)
	}
}

// A change that is revoked while it appends can be anywhere in a row or between two: what it
// still does must not reach what the writer has taken back, or anybody else.
func TestRevokedWhileItAppends(t *testing.T) {
	db, d := openBoth(t, filepath.Join(t.TempDir(), "a.db"))
	var wg sync.WaitGroup
	wg.Go(func() {
		msgs := slices.Repeat([]message.Message{{ID: "1", Kind: "said", Class: message.Public, Key: "slow", Body: []byte("{}")}}, 1000)
		if err := d.Update(t.Context(), store.Change{Run: func(c store.Conn, _ time.Time) error {
			for { // until it is stopped
				if _, err := c.Append(msgs); err != nil {
					return err
				}
			}
		}}); !errors.Is(err, store.ErrRevoked) {
			t.Errorf("a change without an end: %v, want ErrRevoked", err)
		}
	})
	for i := range 20 {
		wg.Go(func() {
			if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("k", said{i}) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db); n != 20 {
		t.Errorf("%d facts, want the 20 of those that were quick", n)
	}
}

func BenchmarkUpdate(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "a.db"))
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := db.Update(b.Context(), nil, func(tx *store.Tx) error { return tx.Append("k", said{1}) }); err != nil {
				b.Error(err)
			}
		}
	})
}
