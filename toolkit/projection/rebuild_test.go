package projection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// wrong makes the tables in use what no events come to.
func (b *pub) wrong() {
	b.Helper()
	b.update(b.db, func(tx *store.Tx) error { return tx.Exec(`UPDATE tab SET heard = heard + 1 WHERE id = 'key 1'`) })
}

// What was right stays as it is, what was wrong is right afterwards, and the digests say
// which it was; as often as one likes.
func TestRebuild(t *testing.T) {
	b := newPub(t)
	b.history(60)
	before := b.rows()
	for i := range 4 {
		if i%2 == 1 {
			b.wrong()
		}
		s := b.rebuilt(projection.Order{Who: fmt.Sprint("op ", i), Why: "a test"})
		equal, known := s.Equal()
		if s.State != projection.Done || !known || equal != (i%2 == 0) || s.Digest == "" || s.Rebuilder != fmt.Sprint("op ", i) || s.Rebuilt.IsZero() || s.Ended.IsZero() || s.Events != 180 {
			t.Errorf("rebuild %d: %+v", i, s)
		}
		if s.Rows["tab"] != 23 || s.Rows["total"] != 2 || s.Left != 0 {
			t.Errorf("rebuild %d: %+v", i, s)
		}
		if got := b.rows(); got != before {
			t.Errorf("rebuild %d has made\n%s\nof\n%s", i, got, before)
		}
		b.tidy()
	}
	b.history(3) // and it goes on from there
	if b.number(`SELECT n FROM total WHERE name = 'news'`) != 126 {
		t.Error("what came afterwards is not counted")
	}
}

// A comparison finds what is wrong, and mends nothing.
func TestCompare(t *testing.T) {
	b := newPub(t)
	b.history(40)
	if s := b.rebuilt(projection.Order{Who: "op", Compare: true}); s.State != projection.Done || s.Digest != s.Live || s.Exchanged || !s.Rebuilt.IsZero() {
		t.Errorf("right tables: %+v", s)
	}
	b.wrong()
	before := b.rows()
	if s := b.rebuilt(projection.Order{Who: "op", Compare: true}); s.State != projection.Done || s.Digest == s.Live || s.Exchanged {
		t.Errorf("wrong tables: %+v", s)
	}
	if b.rows() != before {
		t.Error("the tables have changed")
	}
	b.tidy()
}

// many says so much that no chunk holds it.
func (b *pub) many(n int) {
	b.Helper()
	keys := make([]string, 1000)
	for i := range n {
		for j := range keys {
			keys[j] = fmt.Sprint("key ", (i*7+j)%40)
		}
		b.say(keys...)
	}
	b.caughtUp()
}

func TestOneAtATime(t *testing.T) {
	b := newPub(t)
	r := b.rebuilder("one")
	if _, err := b.ask(r, projection.Order{Who: "ann"}); err != nil {
		t.Fatal(err)
	}
	var w sync.WaitGroup
	for range 4 {
		w.Go(func() {
			if s, err := b.ask(r, projection.Order{Who: "bob"}); !errors.Is(err, projection.ErrRunning) || s.Who != "ann" || !strings.Contains(err.Error(), "ann") {
				t.Errorf("got %v of %+v", err, s)
			}
		})
	}
	w.Wait()
	b.during(func() { b.ends(r) }, r.Run)
	if _, err := b.ask(r, projection.Order{Who: "bob"}); err != nil {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	b := newPub(t)
	b.history(10)
	r, before := b.rebuilder("one"), b.rows()
	cancel := func() (s projection.Status, err error) {
		_, err = b.db.Update(t.Context(), nil, func(tx *store.Tx) (err error) {
			s, err = r.Cancel(tx, projection.Order{Who: "bob", Why: "too slow"})
			return err
		})
		return s, err
	}
	if _, err := cancel(); !errors.Is(err, projection.ErrIdle) {
		t.Errorf("nothing to cancel: %v", err)
	}
	folding, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.poison = func(stream.Entry) error {
		once.Do(func() { close(folding); <-goOn })
		return nil
	}
	if _, err := b.ask(r, projection.Order{Who: "ann"}); err != nil {
		t.Fatal(err)
	}
	b.during(func() {
		<-folding
		if _, err := cancel(); err != nil {
			t.Error(err)
		}
		close(goOn)
		if s := b.ends(r); s.State != projection.Cancelled || s.Error != "cancelled by bob: too slow" {
			t.Errorf("got %+v", s)
		}
	}, r.Run)
	if b.rows() != before {
		t.Error("the tables have changed")
	}
	b.tidy()
}

// An event that cannot be folded fails the rebuild, says which it was, and the tables in use
// stay; a rebuild of another day goes well.
func TestPoison(t *testing.T) {
	for name, spoilt := range map[string]func(stream.Entry) error{
		"an error": func(e stream.Entry) error { return fmt.Errorf("event %s is spoilt", e.Message.ID) },
		"a panic":  func(e stream.Entry) error { panic("event " + e.Message.ID + " is spoilt") },
	} {
		b := newPub(t)
		b.history(30)
		before, n := b.rows(), 0
		var bad stream.Entry
		b.poison = func(e stream.Entry) error {
			if n++; n == 20 {
				bad = e
			}
			if e.Message.ID != bad.Message.ID {
				return nil
			}
			return spoilt(e)
		}
		s := b.rebuilt(projection.Order{Who: "op"})
		log := map[string]string{"own": "pub", "news": "other"}[bad.Kind]
		told := fmt.Sprintf("event %d of the log %s, %s of key %s, cannot be folded: ", bad.Seq, log, bad.Kind, bad.Key)
		if s.State != projection.Failed || !strings.Contains(s.Error, told) || !strings.Contains(s.Error, "event "+bad.Message.ID+" is spoilt") || s.Exchanged {
			t.Errorf("%s: got %+v, want an error about %s", name, s, told)
		}
		if b.rows() != before {
			t.Errorf("%s: the tables have changed", name)
		}
		b.tidy()
		b.poison = nil
		if s := b.rebuilt(projection.Order{Who: "op"}); s.State != projection.Done || s.Digest != s.Live {
			t.Errorf("%s: the next one: %+v", name, s)
		}
	}
}

// What was heard of a log that is gone would be lost: nothing is rebuilt.
func TestAnotherLog(t *testing.T) {
	b := newPub(t)
	b.history(10)
	before := b.rows()
	b.update(b.db, func(tx *store.Tx) error { return tx.Exec(`UPDATE position SET identity = 'gone' WHERE seq > 0`) })
	if s := b.rebuilt(projection.Order{Who: "op"}); s.State != projection.Failed || !strings.Contains(s.Error, "another log other") {
		t.Errorf("got %+v", s)
	}
	if b.rows() != before {
		t.Error("the tables have changed")
	}
	b.tidy()
}

// What no event says is as it was; where it was not, it is made.
func TestWhatNoEventSays(t *testing.T) {
	b := newPub(t)
	for range 12 {
		b.tell("long")
		b.tell("gone")
	}
	b.tell("short")
	b.update(b.db, func(tx *store.Tx) error { return tx.Exec(`DELETE FROM tab WHERE id = 'gone'`) })
	place := b.number(`SELECT place FROM tab WHERE id = 'long'`)
	s := b.rebuilt(projection.Order{Who: "op"})
	if s.State != projection.Done || s.Digest == s.Live {
		t.Errorf("got %+v", s)
	}
	if got := b.number(`SELECT place FROM tab WHERE id = 'long'`); got != place {
		t.Errorf("the place is %d, it was %d", got, place)
	}
	if b.number(`SELECT count(*) FROM tab WHERE id = 'long' AND named = 'name of long' OR id = 'gone' AND named = 'nobody' OR id = 'short' AND place IS NULL`) != 3 {
		t.Errorf("the rows are\n%s", b.rows())
	}
	if got := b.number(`SELECT place FROM tab WHERE id = 'gone'`); got <= place || b.number(`SELECT count(*) FROM journal WHERE seq = $1`, got) != 0 {
		t.Errorf("the place that was drawn is %d", got)
	}
}

// A partition that is not read any more ends where it stands, and keeps no other waiting.
func TestAStoppedPartitionHoldsNone(t *testing.T) {
	b := newPub(t)
	b.history(20)
	b.update(b.db, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE position SET owner = 'nobody', until = $1 WHERE partition = $2`, tx.Now.AddDate(1, 0, 0), store.Partition("key 1"))
	})
	stands := b.number(`SELECT seq FROM position WHERE partition = $1`, store.Partition("key 1"))
	for i := range 9 {
		keys := make([]string, 1000)
		for j := range keys {
			keys[j] = "key 1"
		}
		b.say(append(keys, fmt.Sprint("key ", i))...)
	}
	b.during(func() {
		b.eventually("the others are not read", func() bool {
			return b.db.Alone() || b.number(`SELECT heard FROM tab WHERE id = 'key 8'`) > 0
		})
	}, b.reader("reader").Run)
	if got := b.number(`SELECT seq FROM position WHERE partition = $1`, store.Partition("key 1")); got != stands && !b.db.Alone() {
		t.Errorf("it has read on, from %d to %d", stands, got)
	}
	before := b.rows()
	if s := b.rebuilt(projection.Order{Who: "op"}); s.State != projection.Done || s.Digest != s.Live {
		t.Errorf("got %+v", s)
	}
	if b.rows() != before {
		t.Errorf("made\n%s\nof\n%s", b.rows(), before)
	}
}

// While others write and read all the time, no reader meets tables that are empty, mixed or
// older than before.
func TestAtATimeOfWriting(t *testing.T) {
	b := newPub(t)
	b.history(20)
	b.many(5)
	r, reader := b.rebuilder("one"), b.reader("reader")
	first := b.number(`SELECT sum(n) FROM total`)
	b.during(func() {
		for i := range 6 {
			if _, err := b.ask(r, projection.Order{Who: "op", Compare: i%3 == 2}); err != nil {
				t.Fatal(err)
			}
			if s := b.ends(r); s.State != projection.Done || s.Digest != s.Live || s.Digest == "" {
				t.Errorf("rebuild %d: %+v", i, s)
			}
		}
	}, r.Run, reader.Run, b.writes("a"), b.writes("b"), b.watches(first, true), b.watches(first, false))
	b.caughtUp()
	if s := b.rebuilt(projection.Order{Who: "op", Compare: true}); s.Digest != s.Live {
		t.Errorf("in the end: %+v", s)
	}
	if last := b.number(`SELECT sum(n) FROM total`); last <= first {
		t.Errorf("nothing was written meanwhile: %d", last)
	}
}

// writes says things as long as it may.
func (b *pub) writes(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		for i := 0; ctx.Err() == nil; i++ {
			b.tell(fmt.Sprint("key ", i%31))
			b.say(fmt.Sprint("key ", i%37), fmt.Sprint(name, " ", i%200))
		}
		return nil
	}
}

// watches looks at the tables all the time, in one order or the other.
func (b *pub) watches(first int64, ahead bool) func(context.Context) error {
	sums := [2]string{`SELECT sum(own + heard) FROM tab`, `SELECT sum(n) FROM total`}
	if ahead {
		sums = [2]string{sums[1], sums[0]}
	}
	return func(ctx context.Context) error {
		last := first
		for ctx.Err() == nil {
			var got [2]int64
			err := b.db.View(ctx, func(tx *store.Tx) error {
				for i, q := range sums {
					if _, err := tx.Row([]any{&got[i]}, q); err != nil {
						return err
					}
				}
				return nil
			})
			switch {
			case ctx.Err() != nil:
			case err != nil:
				return err
			case got[0] != got[1] || got[0] < last:
				return fmt.Errorf("saw %d and %d, after %d", got[0], got[1], last)
			}
			last = got[0]
		}
		return nil
	}
}

// Of several instances one has a rebuild, and one that was stopped leaves it to the other.
func TestTwoInstances(t *testing.T) {
	b := newPub(t)
	if b.db.Alone() {
		return // no other process can have it open; who comes after one is in TestKilledAnywhere
	}
	b.history(20)
	b.many(5)
	before := b.rows()
	one, two := b.rebuilder("one"), b.rebuilder("two")
	two.DB, _ = b.open()
	for i := range 3 {
		if _, err := b.ask(one, projection.Order{Who: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if i == 1 {
			b.poison = func(stream.Entry) error { cancel(); return nil } // one is stopped in the midst of it
		}
		b.during(func() {
			if s := b.ends(two); s.State != projection.Done || s.Digest != s.Live || s.Who != fmt.Sprint(i) {
				t.Errorf("rebuild %d: %+v", i, s)
			}
		}, two.Run, func(outer context.Context) error {
			defer context.AfterFunc(outer, cancel)()
			err := one.Run(ctx)
			<-outer.Done()
			return err
		})
		b.poison = nil
		cancel()
	}
	if b.rows() != before {
		t.Error("the tables have changed")
	}
	b.tidy()
}

// An event that comes before what it is about, as the clocks of two databases differ, waits
// until that is folded.
func TestEarly(t *testing.T) {
	b := newPub(t)
	b.say("late")
	for i := range 5 {
		b.say(fmt.Sprint("key ", i))
	}
	b.many(5)
	for range 2 { // more than the first read takes
		b.update(b.db, func(tx *store.Tx) error {
			for i := range 4000 {
				if err := tx.Append(fmt.Sprint("own ", i%50), own{}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.tell("late")
	known, early, fold := false, 0, b.p.Fold
	b.p.Fold = func(rows *projection.Rows, entries []stream.Entry) error {
		for _, e := range entries {
			switch {
			case e.Key == "late" && e.Kind == "own":
				known = true
			case e.Key == "late" && !known && !rows.Whole():
				early++
				return projection.ErrEarly
			case e.Key == "late" && !known:
				t.Error("it is folded before what it is about")
			}
		}
		return fold(rows, entries)
	}
	if s := b.rebuilt(projection.Order{Who: "op"}); s.State != projection.Done || s.Events != 13_007 || early != 1 {
		t.Errorf("%d times early: %+v", early, s)
	}
}
