package schedule_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/schedule"
	"github.com/tidewire/tidewire/toolkit/store"
)

var waiting = flag.Int("waiting", 5_000, "jobs that wait while others are done; a million takes a minute to make")

// A statement is one that a transaction ran.
type statement struct {
	query string
	args  []any
}

// A witness keeps the statements of a database.
type witness struct {
	mu   sync.Mutex
	seen []statement
}

func (w *witness) saw(query string, args []any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, statement{query, slices.Clone(args)})
}

// take returns what was seen since it was called last.
func (w *witness) take() []statement {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.seen
	w.seen = nil
	return all
}

// work starts a worker for reminders until stop.
func work(t *testing.T, db *store.DB, h func(context.Context, *store.Tx, message.Of[reminder]) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		w := &queue.Worker{DB: db, Driver: queue.Table{DB: db}, Process: &run.Process{Instance: "test"}, Handlers: []queue.Handler{queue.On(h)}}
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return sync.OnceFunc(func() { cancel(); running.Wait() })
}

// However many wait, a worker that looks whether something is due reads an index at its
// beginning, and so does whoever lists what waits.
func TestManyThatWaitCostNothing(t *testing.T) {
	w := &witness{}
	db := databases.Watched(t, "test", w.saw)()
	fill(t, db, "test_reminders", *waiting, time.Now().Add(24*time.Hour))
	update(t, db, func(tx *store.Tx) error { return tx.Exec(`ANALYZE job`) })
	w.take()
	stop := work(t, db, func(context.Context, *store.Tx, message.Of[reminder]) error { t.Error("done a day early"); return nil })
	looks := []statement{}
	eventually(t, "five looks", func() bool { looks = append(looks, w.take()...); return len(looks) >= 10 })
	stop()
	w.take()
	if _, err := schedule.List(t.Context(), db, schedule.Filter{}, schedule.Place{Due: time.Now().Add(25 * time.Hour)}, 50); err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, s := range append(looks, w.take()...) {
		if explained[s.query] {
			continue
		}
		explained[s.query] = true
		plan := explain(t, db, s)
		if !strings.Contains(plan, "job_due") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN job") {
			t.Errorf("%s\nis answered by\n%s", s.query, plan)
		}
	}
	if len(explained) < 4 {
		t.Errorf("only %d statements were looked at", len(explained))
	}
}

// explain tells how a database answers a statement.
func explain(t *testing.T, db *store.DB, s statement) (plan string) {
	t.Helper()
	var line string
	prefix, into := "EXPLAIN ", []any{&line}
	if db.Alone() {
		prefix, into = "EXPLAIN QUERY PLAN ", []any{nil, nil, nil, &line}
	}
	err := db.View(t.Context(), func(tx *store.Tx) error {
		plan = ""
		return tx.Rows(prefix+s.query, s.args, func(scan func(...any) error) error {
			err := scan(into...)
			plan += line + "\n"
			return err
		})
	})
	if err != nil {
		t.Fatalf("%s: %v", s.query, err)
	}
	return plan
}

// While many wait and others come all the time, what is due is done then: never before, and
// as a rule within a second.
func TestWhatIsDueIsDoneWithinASecond(t *testing.T) {
	db := open(t)
	fill(t, db, "test_reminders", *waiting, time.Now().Add(24*time.Hour))
	const times = 100
	var mu sync.Mutex
	late := map[string]time.Duration{}
	due := map[string]time.Time{}
	update(t, db, func(tx *store.Tx) error {
		clear(due)
		for i := range times {
			id := fmt.Sprint("due-", i)
			due[id] = tx.Now.Add(300*time.Millisecond + time.Duration(i)*10*time.Millisecond)
			if err := tx.SendAs(id, due[id], "key", reminder{}); err != nil {
				return err
			}
		}
		return nil
	})
	stop := work(t, db, func(_ context.Context, tx *store.Tx, m message.Of[reminder]) error {
		mu.Lock()
		defer mu.Unlock()
		if at, ok := due[m.ID]; ok {
			late[m.ID] = tx.Now.Sub(at)
		}
		return nil
	})
	defer stop()
	eventually(t, "all that is due is done", func() bool {
		update(t, db, func(tx *store.Tx) error { // the load
			for range 20 {
				if err := tx.Send("load", reminder{}); err != nil {
					return err
				}
			}
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		return len(late) == times
	})
	mu.Lock()
	defer mu.Unlock()
	var all []time.Duration
	for id, d := range late {
		if d < 0 {
			t.Errorf("%s was done %v before it was due", id, -d)
		}
		all = append(all, d)
	}
	slices.Sort(all)
	if usual := all[times/2]; usual > time.Second {
		t.Errorf("half of them were done more than %v late", usual)
	}
	t.Logf("late by %v as a rule, %v at most", all[times/2], all[times-1])
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
