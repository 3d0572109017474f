package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

type said struct{ N int }

func (said) Kind() string { return "said" }

// chore is work of the service under test, errand is work of another one.
type chore struct{ N int }

func (chore) Kind() string  { return "chore" }
func (chore) Queue() string { return "test_chores" }

type errand struct{ N int }

func (errand) Kind() string  { return "errand" }
func (errand) Queue() string { return "other_errands" }

// endless cannot be written as JSON.
type endless struct{ C chan int }

func (endless) Kind() string { return "endless" }

// onDisk is a real driver.
func onDisk(t *testing.T) store.Driver {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func open(t *testing.T) *store.DB {
	t.Helper()
	return store.Open("test", onDisk(t))
}

// update fails the test if change does.
func update(t *testing.T, db *store.DB, keys []string, change func(*store.Tx) error) store.Position {
	t.Helper()
	at, err := db.Update(t.Context(), keys, change)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// journal returns what was said, in order, with its places.
func journal(t *testing.T, db *store.DB) (all []message.Message, at []store.Position) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		all, at = nil, nil
		return tx.Rows(`SELECT partition, seq, id, kind, class, key, version, time, cause, trace, body FROM journal ORDER BY seq`, nil, func(scan func(...any) error) error {
			var m message.Message
			var p store.Position
			var class string
			err := scan(&p.Partition, &p.Seq, &m.ID, &m.Kind, &class, &m.Key, &m.Version, &m.Time, &m.Cause, &m.Trace, &m.Body)
			m.Class, p.ID = message.Class(class), m.ID
			all, at = append(all, m), append(at, p)
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	return all, at
}

// chores lists the waiting work as "id:body", the next first.
func chores(t *testing.T, db *store.DB) (list []string) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		list = nil
		return tx.Rows(`SELECT id, body FROM job ORDER BY due, id`, nil, func(scan func(...any) error) error {
			var id string
			var body []byte
			err := scan(&id, &body)
			list = append(list, fmt.Sprintf("%s:%s", id, body))
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// The position is where whoever asked finds its own: the last fact in the partition of
// the first key.
func TestUpdateReturnsThePositionOfItsFirstKey(t *testing.T) {
	if store.Partition("a") == store.Partition("b") {
		t.Fatal("the keys of this test share a partition")
	}
	say := func(keys ...string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			for i, k := range keys {
				if err := tx.Append(k, said{i}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name   string
		keys   []string
		change func(*store.Tx) error
		want   int // which of the facts of this change, from 1; 0 for none
	}{
		{"one", []string{"a"}, say("a"), 1},
		{"the last of several", []string{"a"}, say("a", "a", "b"), 2},
		{"the first key counts", []string{"b", "a"}, say("b", "a", "a"), 1},
		{"no key", nil, say("a"), 0},
		{"nothing said", []string{"a"}, say(), 0},
		{"only of others", []string{"a"}, say("b", "b"), 0},
		{"work is no fact", []string{"a"}, func(tx *store.Tx) error { return tx.Send("a", chore{}) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			update(t, db, nil, say("a", "b"))
			got := update(t, db, tt.keys, tt.change)
			want := store.Position{}
			if tt.want > 0 {
				_, at := journal(t, db)
				want = at[1+tt.want]
			}
			if got != want {
				t.Errorf("position %+v, want %+v", got, want)
			}
		})
	}
}

// An Update that fails says nothing and returns no position.
func TestUpdateThatFailsIsUndone(t *testing.T) {
	db, errOwn := open(t), errors.New("the change's own")
	hint, stop := db.Watch(store.Journal)
	defer stop()
	for name, end := range map[string]func(*store.Tx) error{
		"its own error":             func(*store.Tx) error { return errOwn },
		"what cannot be written":    func(tx *store.Tx) error { return tx.Append("a", endless{}) },
		"the same version twice":    func(tx *store.Tx) error { _, err := tx.AppendAfter(store.Place{}, "a", said{}); return err },
		"a statement of no meaning": func(tx *store.Tx) error { return tx.Exec(`NONSENSE`) },
	} {
		at, err := db.Update(t.Context(), []string{"a"}, func(tx *store.Tx) error {
			_, err := tx.AppendAfter(store.Place{}, "a", said{})
			return errors.Join(err, tx.Send("a", chore{}), end(tx))
		})
		if err == nil || at != (store.Position{}) {
			t.Errorf("%s: %+v, %v; want an error and no position", name, at, err)
		}
	}
	if facts, _ := journal(t, db); len(facts) != 0 || len(chores(t, db)) != 0 || given(hint) {
		t.Errorf("changes that failed left %d facts and %d chores, or a hint", len(facts), len(chores(t, db)))
	}
}

// A View says nothing and draws nothing, and says so.
func TestViewSaysNothing(t *testing.T) {
	db := open(t)
	for name, try := range map[string]func(*store.Tx) error{
		"Append":      func(tx *store.Tx) error { return tx.Append("a", said{}) },
		"AppendAfter": func(tx *store.Tx) error { _, err := tx.AppendAfter(store.Place{}, "a", said{}); return err },
		"Send":        func(tx *store.Tx) error { return tx.Send("a", chore{}) },
		"SendAs":      func(tx *store.Tx) error { return tx.SendAs("id", time.Time{}, "a", errand{}) },
		"Unsend":      func(tx *store.Tx) error { return tx.Unsend("id") },
		"Next":        func(tx *store.Tx) error { _, err := tx.Next(); return err },
	} {
		if err := db.View(t.Context(), try); err == nil {
			t.Errorf("%s in a View returned nil", name)
		}
	}
	if facts, _ := journal(t, db); len(facts) != 0 || len(chores(t, db)) != 0 {
		t.Errorf("Views said %d facts and %d chores", len(facts), len(chores(t, db)))
	}
}

// A key's partition is that of its 32-bit FNV-1a, for ever: these were computed apart.
func TestPartitionNeverChanges(t *testing.T) {
	for key, hash := range map[string]uint32{"": 0x811c9dc5, "a": 0xe40c292c, "b": 0xe70c2de5, "foobar": 0xbf9cf968} {
		if got, want := store.Partition(key), int(hash%16); got != want {
			t.Errorf("partition of %q is %d, want %d", key, got, want)
		}
	}
	seen := map[int]int{}
	for i := range 1600 {
		seen[store.Partition(fmt.Sprint("order-", i))]++
	}
	for p := range store.Partitions {
		if seen[p] < 50 || seen[p] > 200 {
			t.Errorf("partition %d has %d of 1600 keys, want about 100", p, seen[p])
		}
	}
}

func TestAwayIsTheDatabaseNotTheChange(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{store.ErrConflict, false},
		{store.ErrRevoked, false},
		{store.ErrPanic, false},
		{context.Canceled, false},
		{store.ErrUnavailable, true},
		{fmt.Errorf("charge: %w", store.ErrUnknown), true},
	} {
		if got := store.Away(tt.err); got != tt.want {
			t.Errorf("Away(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// record keeps the changes that a DB gives to its driver.
type record struct {
	store.Driver
	changes []store.Change
}

func (r *record) Update(ctx context.Context, c store.Change) error {
	r.changes = append(r.changes, c)
	return r.Driver.Update(ctx, c)
}

// Keys and the background reach the driver; Background leaves the DB itself in front.
func TestBackgroundAndKeysReachTheDriver(t *testing.T) {
	r := &record{Driver: onDisk(t)}
	db := store.Open("test", r)
	nothing := func(*store.Tx) error { return nil }
	update(t, db.Background(), []string{"b", "a"}, nothing)
	update(t, db, nil, nothing)
	if c := r.changes[0]; !c.Background || fmt.Sprint(c.Keys) != "[b a]" {
		t.Errorf("the driver got %+v, want keys b and a in the background", c)
	}
	if c := r.changes[1]; c.Background || len(c.Keys) != 0 {
		t.Errorf("the driver got %+v, want no keys, in front", c)
	}
	if db.Service() != "test" || db.Background().Service() != "test" {
		t.Errorf("the service is %q", db.Service())
	}
	if db.Alone() || !store.Open("test", r.Driver).Alone() {
		t.Error("Alone is not what the driver says")
	}
}
