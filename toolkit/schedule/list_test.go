package schedule_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/schedule"
	"github.com/tidewire/tidewire/toolkit/store"
)

// bed is a service with a few reminders that are due an hour apart, and an alarm a minute
// after each.
func bed(t *testing.T, ids ...string) (*store.DB, time.Time) {
	t.Helper()
	db := open(t)
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	update(t, db, func(tx *store.Tx) error {
		for i, id := range ids {
			due := start.Add(time.Duration(i) * time.Hour)
			if err := errors.Join(tx.SendAs(id, due, "key "+id, reminder{}), tx.SendAs(id+"!", due.Add(time.Minute), "key "+id, alarm{})); err != nil {
				return err
			}
		}
		return nil
	})
	return db, start
}

// A list has what a filter wants behind a place, as many as are asked for, the next first,
// whatever queue it is in.
func TestList(t *testing.T) {
	db, start := bed(t, "a", "b", "c", "d")
	for _, tt := range []struct {
		name   string
		filter schedule.Filter
		from   schedule.Place
		most   int
		want   string
	}{
		{"all", schedule.Filter{}, schedule.Place{}, 10, "a a! b b! c c! d d!"},
		{"the first three", schedule.Filter{}, schedule.Place{}, 3, "a a! b"},
		{"none", schedule.Filter{}, schedule.Place{}, 0, ""},
		{"behind the first", schedule.Filter{}, schedule.Place{Due: start, ID: "a"}, 2, "a! b"},
		{"due after", schedule.Filter{After: start.Add(time.Hour)}, schedule.Place{}, 2, "b! c"},
		{"due before", schedule.Filter{Before: start.Add(time.Hour)}, schedule.Place{}, 10, "a a!"},
		{"between two", schedule.Filter{After: start.Add(90 * time.Minute), Before: start.Add(2*time.Hour + time.Second)}, schedule.Place{}, 10, "c"},
		{"of a queue", schedule.Filter{Queue: "test_alarms"}, schedule.Place{}, 3, "a! b! c!"},
		{"of a queue that is empty", schedule.Filter{Queue: "test_none"}, schedule.Place{}, 3, ""},
		{"of a kind", schedule.Filter{Kind: "alarm"}, schedule.Place{}, 2, "a! b!"},
		{"of a key", schedule.Filter{Key: "key c"}, schedule.Place{}, 10, "c c!"},
		{"of a key and a kind", schedule.Filter{Key: "key c", Kind: "alarm"}, schedule.Place{}, 10, "c!"},
		{"of nobody", schedule.Filter{Key: "key"}, schedule.Place{}, 10, ""},
		{"behind the last", schedule.Filter{}, schedule.Place{Due: start.Add(4 * time.Hour)}, 10, ""},
	} {
		page, err := schedule.List(t.Context(), db, tt.filter, tt.from, tt.most)
		var ids []string
		for _, e := range page.Entries {
			ids = append(ids, e.ID)
			due, queue, kind := start.Add(time.Duration(e.ID[0]-'a')*time.Hour), "test_reminders", "reminder"
			if len(e.ID) > 1 {
				due, queue, kind = due.Add(time.Minute), "test_alarms", "alarm"
			}
			if e.Key != "key "+e.ID[:1] || e.Queue != queue || e.Kind != kind || !e.Due.Equal(due) {
				t.Errorf("%s: listed %+v, due %v", tt.name, e, due)
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
	for name, tt := range map[string]struct {
		begin string
		want  error
	}{
		"begun": {`UPDATE job SET lease = 'worker'`, schedule.ErrNotWaiting},
		"dead":  {`UPDATE job SET dead = 1`, schedule.ErrNotWaiting},
		"gone":  {`DELETE FROM job`, schedule.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			db, start := bed(t, "a")
			update(t, db, func(tx *store.Tx) error { return tx.Exec(tt.begin) })
			if page, err := schedule.List(t.Context(), db, schedule.Filter{}, schedule.Place{}, 10); err != nil || len(page.Entries) != 0 || page.More {
				t.Errorf("listed %+v, %v; want nothing", page, err)
			}
			for verb, change := range map[string]func(*store.Tx) error{
				"move":   func(tx *store.Tx) error { _, err := schedule.Move(tx, "a", start); return err },
				"cancel": func(tx *store.Tx) error { _, err := schedule.Cancel(tx, "a"); return err },
			} {
				if _, err := db.Update(t.Context(), nil, change); !errors.Is(err, tt.want) {
					t.Errorf("%s: %v, want %v", verb, err, tt.want)
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
		_, moved := schedule.Move(tx, "a", start.Add(99*time.Hour))
		_, cancelled := schedule.Cancel(tx, "b")
		return errors.Join(moved, cancelled, errOwn)
	})
	page, listErr := schedule.List(t.Context(), db, schedule.Filter{Queue: "test_reminders"}, schedule.Place{}, 10)
	if !errors.Is(err, errOwn) || errors.Is(err, schedule.ErrNotWaiting) || listErr != nil || len(page.Entries) != 2 || !page.Entries[0].Due.Equal(start) {
		t.Errorf("after %v listed %+v, %v; want both as they were", err, page, listErr)
	}
}

// Whoever turns the pages sees each entry once, in its place, also where more are due at one
// time than a page holds, and where a filter passes by more than one page looks at.
func TestPages(t *testing.T) {
	db := open(t)
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	fill(t, db, "test_reminders", 12_000, start)
	var want []string
	update(t, db, func(tx *store.Tx) error {
		want = nil
		for i := range 300 {
			due := start.Add(time.Duration(rand.IntN(4)) * time.Hour) // many at one time
			id := fmt.Sprintf("%d-%03d", due.Unix(), i)
			want = append(want, id)
			if err := tx.SendAs(id, due, "rare", []message.Work{reminder{}, alarm{}}[i%2]); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(want)
	for _, tt := range []struct {
		filter schedule.Filter
		most   int
	}{{schedule.Filter{Key: "rare"}, 7}, {schedule.Filter{Key: "rare"}, 1000}, {schedule.Filter{}, 999}} {
		var got []string
		var from schedule.Place
		for pages := 0; ; pages++ {
			p, err := schedule.List(t.Context(), db, tt.filter, from, tt.most)
			if err != nil || len(p.Entries) > tt.most || pages > 400 {
				t.Fatalf("page %d has %d entries, %v", pages, len(p.Entries), err)
			}
			for _, e := range p.Entries {
				if e.Key == "rare" {
					got = append(got, e.ID)
				}
			}
			if !p.More {
				break
			}
			from = p.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %d entries, want %d in their order", tt.most, len(got), len(want))
		}
	}
}

// fill schedules n jobs of a queue, a second apart from start on, as Tx.SendAs would.
func fill(t testing.TB, db *store.DB, queue string, n int, start time.Time) {
	t.Helper()
	const together = 250 // far less than a second's, also under the race detector
	for first := 0; first < n; first += together {
		update(t, db, func(tx *store.Tx) error {
			for i := first; i < min(n, first+together); i++ {
				if err := tx.Insert("job (id, queue, kind, key, time, cause, trace, body, due)", "", fmt.Sprintf("%s-%d", queue, i), queue,
					"reminder", fmt.Sprint("key ", i), start, "", "", []byte("{}"), start.Add(time.Duration(i)*time.Second)); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
