package schedule_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/schedule"
	"github.com/tidewire/tidewire/toolkit/store"
)

// bed is a service with a few reminders that are due an hour apart.
func bed(t *testing.T, ids ...string) (*store.DB, time.Time) {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("test", d)
	t.Cleanup(func() { db.Close() })
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		for i, id := range ids {
			if err := tx.SendAs(id, start.Add(time.Duration(i)*time.Hour), "key "+id, reminder{}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return db, start
}

// A list has what is due after a time, as many as are asked for, the next first.
func TestList(t *testing.T) {
	db, start := bed(t, "a", "b", "c", "d")
	for _, tt := range []struct {
		name  string
		after time.Time
		most  int
		want  string
	}{
		{"all", time.Time{}, 10, "a b c d"},
		{"the first two", time.Time{}, 2, "a b"},
		{"none", time.Time{}, 0, ""},
		{"behind the first", start, 10, "b c d"},
		{"between two", start.Add(90 * time.Minute), 1, "c"},
		{"behind the last", start.Add(3 * time.Hour), 10, ""},
	} {
		entries, err := schedule.List(t.Context(), db, tt.after, tt.most)
		var ids []string
		for _, e := range entries {
			ids = append(ids, e.ID)
			if want := start.Add(time.Duration(e.ID[0]-'a') * time.Hour); e.Key != "key "+e.ID || e.Queue != "test_reminders" || e.Kind != "reminder" || !e.Due.Equal(want) {
				t.Errorf("%s: listed %+v, due %v", tt.name, e, want)
			}
		}
		if got := strings.Join(ids, " "); err != nil || got != tt.want {
			t.Errorf("%s: listed %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// Work that has begun or is dead belongs to a worker or an operator: a schedule neither
// shows nor touches it.
func TestOnlyWaitingWorkIsScheduled(t *testing.T) {
	for name, begin := range map[string]string{
		"begun": `UPDATE job SET lease = 'worker' WHERE id = 'a'`,
		"dead":  `UPDATE job SET dead = 1 WHERE id = 'a'`,
		"gone":  `DELETE FROM job WHERE id = 'a'`,
	} {
		t.Run(name, func(t *testing.T) {
			db, start := bed(t, "a")
			if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(begin) }); err != nil {
				t.Fatal(err)
			}
			if entries, err := schedule.List(t.Context(), db, time.Time{}, 10); err != nil || len(entries) != 0 {
				t.Errorf("listed %+v, %v; want nothing", entries, err)
			}
			for verb, change := range map[string]func(*store.Tx) error{
				"move":   func(tx *store.Tx) error { return schedule.Move(tx, "a", start) },
				"cancel": func(tx *store.Tx) error { return schedule.Cancel(tx, "a") },
			} {
				if _, err := db.Update(t.Context(), nil, change); !errors.Is(err, schedule.ErrNotWaiting) {
					t.Errorf("%s: %v, want ErrNotWaiting", verb, err)
				}
			}
		})
	}
}

// What is moved or called off in a change that fails stays where it was.
func TestAChangeUndoneMovesNothing(t *testing.T) {
	db, start := bed(t, "a", "b")
	errOwn := errors.New("the change's own")
	_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		return errors.Join(schedule.Move(tx, "a", start.Add(99*time.Hour)), schedule.Cancel(tx, "b"), errOwn)
	})
	entries, listErr := schedule.List(t.Context(), db, time.Time{}, 10)
	if !errors.Is(err, errOwn) || errors.Is(err, schedule.ErrNotWaiting) || listErr != nil || len(entries) != 2 || !entries[0].Due.Equal(start) {
		t.Errorf("after %v listed %+v, %v; want both as they were", err, entries, listErr)
	}
}
