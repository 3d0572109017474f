package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// Work for another service travels through the journal, as a Command that whoever
// follows it puts into its queue; it leaves no job here.
func TestWorkForAnotherServiceBecomesACommand(t *testing.T) {
	db := open(t)
	at := update(t, db, []string{"a"}, func(tx *store.Tx) error {
		return errors.Join(tx.Send("a", errand{7}), tx.Send("a", chore{8}), tx.Append("a", said{9}))
	})
	facts, places := journal(t, db)
	if len(facts) != 2 || at != places[1] {
		t.Fatalf("%d facts, position %+v; want 2 and the last", len(facts), at)
	}
	if m := facts[0]; m.Class != message.Command || m.Kind != "errand" || m.Key != "a" || string(m.Body) != `{"N":7}` || m.ID == "" || m.Version != 0 {
		t.Errorf("the errand is %+v", m)
	}
	if m := facts[1]; m.Class != message.Public {
		t.Errorf("a fact has class %s", m.Class)
	}
	if got := chores(t, db); len(got) != 1 {
		t.Errorf("jobs are %v, want only the chore", got)
	}
}

// SendAs replaces what waits under an id and Unsend takes it back, in the same
// transaction or in a later one.
func TestSendAsAndUnsend(t *testing.T) {
	as := func(id string, hours, n int) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			return tx.SendAs(id, tx.Now.Add(time.Duration(hours)*time.Hour), "a", chore{n})
		}
	}
	unsend := func(id string) func(*store.Tx) error {
		return func(tx *store.Tx) error { return tx.Unsend(id) }
	}
	type steps = []func(*store.Tx) error
	for _, tt := range []struct {
		name    string
		changes []steps // one transaction each
		want    []string
	}{
		{"sent", []steps{{as("x", 1, 1)}}, []string{`x:{"N":1}`}},
		{"replaced later", []steps{{as("x", 1, 1), as("y", 2, 2)}, {as("x", 3, 3)}}, []string{`y:{"N":2}`, `x:{"N":3}`}},
		{"replaced at once", []steps{{as("x", 1, 1), as("y", 2, 2), as("x", 3, 3)}}, []string{`y:{"N":2}`, `x:{"N":3}`}},
		{"taken back later", []steps{{as("x", 1, 1), as("y", 2, 2)}, {unsend("x")}}, []string{`y:{"N":2}`}},
		{"taken back at once", []steps{{as("x", 1, 1), as("y", 2, 2), unsend("x")}}, []string{`y:{"N":2}`}},
		{"taken back at once, with what waited before", []steps{{as("x", 1, 1)}, {as("x", 2, 2), unsend("x")}}, nil},
		{"taken back and sent again at once", []steps{{as("x", 1, 1)}, {unsend("x"), as("x", 2, 2)}}, []string{`x:{"N":2}`}},
		{"taken back, never sent", []steps{{unsend("x")}, {as("y", 1, 1)}}, []string{`y:{"N":1}`}},
		{"taken back twice", []steps{{as("x", 1, 1)}, {unsend("x"), unsend("x")}, {unsend("x")}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			for _, change := range tt.changes {
				update(t, db, nil, func(tx *store.Tx) error {
					for _, step := range change {
						if err := step(tx); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if got := chores(t, db); !slices.Equal(got, tt.want) {
				t.Errorf("waiting are %v, want %v", got, tt.want)
			}
		})
	}
}

// Work that is sent under the id of work that a worker has, or that is dead, is done
// all the same: else the worker's verdict on the old would take the new away.
func TestSendAsIsNotLostBehindTheOldWork(t *testing.T) {
	for name, state := range map[string]string{
		"begun": `UPDATE job SET lease = 'worker', strikes = 1`,
		"dead":  `UPDATE job SET dead = 1, past = 'causes'`,
	} {
		db := open(t)
		update(t, db, nil, func(tx *store.Tx) error { return tx.SendAs("x", tx.Now, "a", chore{1}) })
		update(t, db, nil, func(tx *store.Tx) error { return tx.Exec(state) })
		update(t, db, nil, func(tx *store.Tx) error { return tx.SendAs("x", tx.Now.Add(time.Hour), "a", chore{2}) })
		if err := db.View(t.Context(), func(tx *store.Tx) error {
			found, err := tx.Row([]any{nil}, `SELECT 1 FROM job WHERE id = 'x' AND lease = '' AND strikes = 0 AND dead = 0 AND past = ''`)
			if !found {
				t.Errorf("%s: what was sent does not wait to be handed out", name)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

// stopped is a driver whose clock says what the test wants.
type stopped struct {
	store.Driver
	now time.Time
}

func (s *stopped) Update(ctx context.Context, c store.Change) error {
	run := c.Run
	c.Run = func(conn store.Conn, _ time.Time) error { return run(conn, s.now) }
	return s.Driver.Update(ctx, c)
}

// The history of a key is in order by its times too, when the clock stands or goes back.
func TestTimesOfAHistoryIncrease(t *testing.T) {
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	d := &stopped{Driver: onDisk(t)}
	db := store.Open("test", d)
	var place store.Place
	for n, tt := range []struct{ now, want time.Time }{
		{noon, noon},
		{noon, noon.Add(time.Microsecond)},
		{noon.Add(-10 * time.Minute), noon.Add(2 * time.Microsecond)},
		{noon.Add(2 * time.Microsecond), noon.Add(3 * time.Microsecond)},
		{noon.Add(time.Second), noon.Add(time.Second)},
	} {
		d.now = tt.now
		update(t, db, []string{"a"}, func(tx *store.Tx) error {
			next, err := tx.AppendAfter(place, "a", said{n})
			place = next
			return err
		})
		if place.Version != int64(n+1) || !place.Time.Equal(tt.want) {
			t.Errorf("at %v: place %+v, want version %d at %v", tt.now, place, n+1, tt.want)
		}
	}
	update(t, db, []string{"a"}, func(tx *store.Tx) error {
		next := place
		for n := range 3 { // in one transaction the clock stands
			var err error
			if next, err = tx.AppendAfter(next, "a", said{n}); err != nil {
				return err
			}
		}
		return nil
	})
	facts, _ := journal(t, db)
	if len(facts) != 8 {
		t.Fatalf("%d facts, want 8", len(facts))
	}
	for i, m := range facts[1:] {
		if !m.Time.After(facts[i].Time) || m.Version != facts[i].Version+1 {
			t.Errorf("version %d of %v follows version %d of %v", m.Version, m.Time, facts[i].Version, facts[i].Time)
		}
	}
}

// Whoever says the next fact from an old place is refused, and learns nothing new.
func TestAppendAfterAnOldPlaceIsAConflict(t *testing.T) {
	db := open(t)
	say := func(tx *store.Tx) error { _, err := tx.AppendAfter(store.Place{}, "a", said{}); return err }
	update(t, db, []string{"a"}, say)
	if _, err := db.Update(t.Context(), []string{"a"}, say); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second version 1: %v, want ErrConflict", err)
	}
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		last := store.Place{Version: 4}
		if got, err := tx.AppendAfter(last, "a", said{}); err == nil || got != last {
			t.Errorf("in a View: place %+v, %v; want an error and the old place", got, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// What is said is caused by the message that is handled, and belongs to its trace; else
// to the trace of the request.
func TestTraceAndCauseTravel(t *testing.T) {
	db := open(t)
	request := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	handled := message.NewTrace("")
	sayAll := func(tx *store.Tx) error {
		return errors.Join(tx.Append("a", said{}), tx.Send("a", errand{}), tx.SendAs("id", tx.Now, "a", chore{}))
	}
	for _, tt := range []struct {
		name         string
		ctx          context.Context
		change       func(*store.Tx) error
		cause, trace string // "": a new one
	}{
		{"of nobody", t.Context(), sayAll, "", ""},
		{"of a request", store.WithTrace(t.Context(), request), sayAll, "", request},
		{"of a message", store.WithTrace(t.Context(), request), func(tx *store.Tx) error {
			return sayAll(tx.Handling(message.Message{ID: "m1", Trace: handled}))
		}, "m1", handled},
		{"of the second message in one transaction", t.Context(), func(tx *store.Tx) error {
			tx.Handling(message.Message{ID: "m1", Trace: request})
			return sayAll(tx.Handling(message.Message{ID: "m2", Trace: handled}))
		}, "m2", handled},
		{"of a request that sent nonsense", store.WithTrace(t.Context(), "nonsense"), sayAll, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, _ := journal(t, db)
			if _, err := db.Update(tt.ctx, nil, tt.change); err != nil {
				t.Fatal(err)
			}
			all, _ := journal(t, db)
			said := all[len(before):]
			var job message.Message
			if err := db.View(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Row([]any{&job.ID, &job.Cause, &job.Trace}, `SELECT id, cause, trace FROM job`)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for _, m := range append(said, job) {
				if m.Cause != tt.cause || !message.ValidTrace(m.Trace) || m.Trace != said[0].Trace {
					t.Errorf("%s has cause %q and traceparent %q, want %q and that of the others, %q", m.ID, m.Cause, m.Trace, tt.cause, said[0].Trace)
				}
				if tt.trace != "" && m.Trace != tt.trace {
					t.Errorf("%s is of the step %s, want %s", m.ID, m.Trace, tt.trace)
				}
				if tt.trace == "" && message.Sampled(m.Trace) {
					t.Errorf("%s is of a trace that is recorded, which nobody began: %s", m.ID, m.Trace)
				}
			}
			update(t, db, nil, func(tx *store.Tx) error { return tx.Unsend("id") })
		})
	}
	if got := store.TraceOf(t.Context()); got != "" {
		t.Errorf("a context without a trace has %q", got)
	}
}

// What is to happen then happens once for each change that is stored, however often it
// runs, and not for one that is not.
func TestThen(t *testing.T) {
	db := store.Open("test", storetest.Twice(onDisk(t)))
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{{"stored", nil, 1}, {"undone", errors.New("no"), 0}} {
		runs, calls := 0, 0
		_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			runs++
			tx.Then(func() { calls++ })
			return tt.err
		})
		if !errors.Is(err, tt.err) || runs == 0 || calls != tt.want {
			t.Errorf("%s: %v after %d runs and %d calls, want %d", tt.name, err, runs, calls, tt.want)
		}
	}
}

// A step is known to whoever has its context, and another trace changes nothing else of it.
func TestStepOf(t *testing.T) {
	want := store.Step{Trace: "a", Service: "stock", Kind: "Paid", Key: "k"}
	ctx := store.WithStep(t.Context(), want)
	if got := store.StepOf(ctx); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want.Trace = "b"
	if got := store.StepOf(store.WithTrace(ctx, "b")); got != want || store.TraceOf(ctx) != "a" {
		t.Errorf("got %+v, want %+v, and %q before", got, want, store.TraceOf(ctx))
	}
	if got := store.StepOf(t.Context()); got != (store.Step{}) {
		t.Errorf("a context without a step has %+v", got)
	}
}

// A change that the driver runs twice says everything once, and its position and hints
// are those of the run that stands.
func TestAChangeRunTwiceSaysEverythingOnce(t *testing.T) {
	db := store.Open("test", storetest.Twice(onDisk(t)))
	runs := 0
	at := update(t, db, []string{"a"}, func(tx *store.Tx) error {
		runs++
		_, err := tx.AppendAfter(store.Place{}, "a", said{1})
		return errors.Join(err, tx.Append("b", said{2}), tx.Send("a", errand{3}), tx.SendAs("x", tx.Now, "a", chore{4}), tx.SendAs("y", tx.Now, "a", chore{5}), tx.Unsend("y"))
	})
	facts, places := journal(t, db)
	if runs != 2 || len(facts) != 3 {
		t.Fatalf("%d runs said %d facts, want 2 and 3", runs, len(facts))
	}
	if at != places[2] {
		t.Errorf("position %+v, want that of the errand at %+v", at, places[2])
	}
	if got, want := fmt.Sprint(chores(t, db)), `[x:{"N":4}]`; got != want {
		t.Errorf("waiting are %s, want %s", got, want)
	}
}

// Row reads the first row and says whether there is one; it leaves dest alone if not.
func TestRow(t *testing.T) {
	db := open(t)
	for _, tt := range []struct {
		query string
		found bool
		want  int
	}{
		{`SELECT 1 UNION ALL SELECT 2 ORDER BY 1`, true, 1},
		{`SELECT 1 WHERE 1 = 2`, false, 7},
		{`SELECT NULL`, true, 0},
	} {
		got := 7
		if err := db.View(t.Context(), func(tx *store.Tx) error {
			found, err := tx.Row([]any{&got}, tt.query)
			if found != tt.found || got != tt.want {
				t.Errorf("%s: %d, %v; want %d, %v", tt.query, got, found, tt.want, tt.found)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

// What a change has said about a key is there for the handlers behind it, before the
// journal shows it.
func TestSaid(t *testing.T) {
	db := open(t)
	update(t, db, nil, func(tx *store.Tx) error {
		if got := tx.Said("a"); len(got) != 0 {
			t.Errorf("before anything was said: %v", got)
		}
		_, err := tx.AppendAfter(store.Place{Version: 4}, "a", said{1})
		err = errors.Join(err, tx.Append("b", said{2}), tx.Send("a", errand{3}), tx.Send("a", chore{4}), tx.Append("a", said{5}))
		got := tx.Said("a")
		if len(got) != 3 || got[0].Version != 5 || got[0].ID == "" || got[1].Class != message.Command || string(got[2].Body) != `{"N":5}` {
			t.Errorf("said about a: %+v", got)
		}
		return err
	})
	update(t, db, nil, func(tx *store.Tx) error {
		if got := tx.Said("a"); len(got) != 0 {
			t.Errorf("in the next change: %v", got)
		}
		return nil
	})
}

// Written are the places of what was appended, as the journal has them, one a partition.
func TestWritten(t *testing.T) {
	db := open(t)
	var written []store.Position
	update(t, db, []string{"a"}, func(tx *store.Tx) error {
		tx.Then(func() { written = tx.Written() })
		err := errors.Join(tx.Append("a", said{1}), tx.Append("b", said{2}), tx.Append("a", said{3}))
		if got := tx.Written(); len(got) != 0 {
			t.Errorf("before the commit: %v", got)
		}
		return err
	})
	_, places := journal(t, db)
	want := []store.Position{places[2], places[1]}
	slices.SortFunc(want, func(x, y store.Position) int { return x.Partition - y.Partition })
	if len(places) != 3 || !slices.Equal(written, want) {
		t.Errorf("written is %v, want %v", written, want)
	}
	update(t, db, []string{"a"}, func(tx *store.Tx) error {
		tx.Then(func() { written = tx.Written() })
		return tx.Send("a", chore{1})
	})
	if len(written) != 0 {
		t.Errorf("of a change that says nothing: %v", written)
	}
}
