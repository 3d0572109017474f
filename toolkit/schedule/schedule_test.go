package schedule_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/schedule"
	"github.com/tidewire/tidewire/toolkit/store"
)

type reminder struct{}

func (reminder) Kind() string  { return "reminder" }
func (reminder) Queue() string { return "test_reminders" }

// alarm is of another queue.
type alarm struct{}

func (alarm) Kind() string  { return "alarm" }
func (alarm) Queue() string { return "test_alarms" }

// TestOnPostgres runs these tests once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestScheduledWorkIsListedMovedAndCancelled": TestScheduledWorkIsListedMovedAndCancelled,
		"TestList":                         TestList,
		"TestOnlyWaitingWorkIsScheduled":   TestOnlyWaitingWorkIsScheduled,
		"TestAChangeUndoneMovesNothing":    TestAChangeUndoneMovesNothing,
		"TestPages":                        TestPages,
		"TestManyThatWaitCostNothing":      TestManyThatWaitCostNothing,
		"TestWhatIsDueIsDoneWithinASecond": TestWhatIsDueIsDoneWithinASecond,
	})
}

func open(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "test", nil)()
}

func update(t testing.TB, db *store.DB, change func(*store.Tx) error) {
	t.Helper()
	if _, err := db.Update(t.Context(), nil, change); err != nil {
		t.Fatal(err)
	}
}

func TestScheduledWorkIsListedMovedAndCancelled(t *testing.T) {
	db := open(t)
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, id := range []string{"a", "b", "c"} {
		update(t, db, func(tx *store.Tx) error {
			return tx.SendAs(id, start.Add(time.Duration(i)*time.Hour), "key", reminder{})
		})
	}
	move := func(id string, to time.Time) func(*store.Tx) error {
		return func(tx *store.Tx) error { _, err := schedule.Move(tx, id, to); return err }
	}
	cancel := func(id string) func(*store.Tx) error {
		return func(tx *store.Tx) error { _, err := schedule.Cancel(tx, id); return err }
	}
	for _, tt := range []struct {
		name   string
		change func(*store.Tx) error
		fails  error
		want   string
	}{
		{"as sent", func(*store.Tx) error { return nil }, nil, "abc"},
		{"sent again later", func(tx *store.Tx) error { return tx.SendAs("a", start.Add(9*time.Hour), "key", reminder{}) }, nil, "bca"},
		{"moved", move("c", start), nil, "cba"},
		{"moved far away", move("c", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)), nil, "bac"},
		{"moved to no time", move("c", time.Time{}), schedule.ErrTime, "bac"},
		{"moved beyond all times", move("c", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), schedule.ErrTime, "bac"},
		{"moved to before", move("c", start.Add(-time.Hour)), nil, "cba"},
		{"cancelled", cancel("b"), nil, "ca"},
		{"cancelled again", cancel("b"), schedule.ErrUnknown, "ca"},
		{"moved, and not there", move("b", start), schedule.ErrUnknown, "ca"},
		{"taken back", func(tx *store.Tx) error { return tx.Unsend("a") }, nil, "c"},
	} {
		_, err := db.Update(t.Context(), nil, tt.change)
		got := ""
		page, listErr := schedule.List(t.Context(), db, schedule.Filter{}, schedule.Place{}, 10)
		for _, e := range page.Entries {
			got += e.ID
		}
		if !errors.Is(err, tt.fails) || listErr != nil || got != tt.want {
			t.Errorf("%s: %v, listed %q, %v; want %v, %q", tt.name, err, got, listErr, tt.fails, tt.want)
		}
	}
}
