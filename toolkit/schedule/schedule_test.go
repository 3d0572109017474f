package schedule_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/schedule"
	"github.com/tidewire/tidewire/toolkit/store"
)

type reminder struct{}

func (reminder) Kind() string  { return "reminder" }
func (reminder) Queue() string { return "test_reminders" }

func TestScheduledWorkIsListedMovedAndCancelled(t *testing.T) {
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("test", d)
	defer db.Close()
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	update := func(change func(*store.Tx) error) error {
		_, err := db.Update(t.Context(), nil, change)
		return err
	}
	for i, id := range []string{"a", "b", "c"} {
		if err := update(func(tx *store.Tx) error {
			return tx.SendAs(id, start.Add(time.Duration(i)*time.Hour), "key", reminder{})
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*store.Tx) error
		fails  error
		want   string
	}{
		{"as sent", func(*store.Tx) error { return nil }, nil, "abc"},
		{"sent again later", func(tx *store.Tx) error { return tx.SendAs("a", start.Add(9*time.Hour), "key", reminder{}) }, nil, "bca"},
		{"moved", func(tx *store.Tx) error { return schedule.Move(tx, "c", start) }, nil, "cba"},
		{"cancelled", func(tx *store.Tx) error { return schedule.Cancel(tx, "b") }, nil, "ca"},
		{"cancelled again", func(tx *store.Tx) error { return schedule.Cancel(tx, "b") }, schedule.ErrNotWaiting, "ca"},
		{"taken back", func(tx *store.Tx) error { return tx.Unsend("a") }, nil, "c"},
	} {
		err := update(tt.change)
		got := ""
		entries, listErr := schedule.List(t.Context(), db, start.Add(-time.Second), 10)
		for _, e := range entries {
			got += e.ID
		}
		if !errors.Is(err, tt.fails) || listErr != nil || got != tt.want {
			t.Errorf("%s: %v, listed %q, %v; want %v, %q", tt.name, err, got, listErr, tt.fails, tt.want)
		}
	}
}
