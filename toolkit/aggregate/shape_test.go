package aggregate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// written is an event as a binary of another time wrote it.
type written struct{ kind, body string }

func (w written) Kind() string                 { return w.kind }
func (w written) MarshalJSON() ([]byte, error) { return json.RawMessage(w.body).MarshalJSON() }

// stacked was put, first with how many, then with what each of them was.
type stacked struct {
	Count int `json:"count"`
}

func (stacked) Kind() string { return "stacked" }

type stacked2 struct {
	Numbers []int `json:"numbers"`
}

func (stacked2) Kind() string { return "stacked.2" }

var errOdd = errors.New("an odd number of things")

// aged is shelves with three steps behind it: stacked → stacked.2 → put, and labels that
// could be empty once and were then called after what was on the shelf.
func aged() aggregate.Aggregate[shelf] {
	a := shelves(0)
	a.Shapes = []aggregate.Shape[shelf]{
		aggregate.Is[shelf, put](),
		aggregate.Is[shelf, taken](),
		aggregate.Was(func(s shelf, e labelled) (message.Kind, error) {
			if e.Text == "" {
				e.Text = fmt.Sprintf("%d things", len(s.Items))
			}
			return e, nil
		}),
		aggregate.Was(func(_ shelf, e stacked) (message.Kind, error) {
			if e.Count%2 == 1 {
				return nil, errOdd
			}
			return stacked2{Numbers: []int{e.Count / 2, e.Count / 2}}, nil
		}),
		aggregate.Was(func(_ shelf, e stacked2) (message.Kind, error) {
			if len(e.Numbers) == 0 {
				return nil, nil
			}
			return put{e.Numbers[0] + e.Numbers[1]}, nil
		}),
	}
	return a
}

// past writes a history as others wrote it.
func past(t *testing.T, db *store.DB, key string, events ...message.Kind) {
	t.Helper()
	update(t, db, key, func(tx *store.Tx) error {
		last := store.Place{}
		for _, e := range events {
			var err error
			if last, err = tx.AppendAfter(last, key, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Whatever shape an event was written in, it is read as what would be written today.
func TestOldShapes(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), aged()
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		past(t, db, "k", put{1}, written{"stacked", `{"count":4}`}, written{"stacked.2", `{"numbers":[3,4]}`}, written{"labelled", `{}`}, labelled{"new"}, labelled{})
		view(t, db, func(tx *store.Tx) error {
			events, err := a.Events(tx, "k", time.Now().Add(time.Hour))
			var facts []message.Kind
			for _, e := range events {
				facts = append(facts, e.Fact)
			}
			if got, want := fmt.Sprintf("%#v", facts), fmt.Sprintf("%#v", []message.Kind{put{1}, put{4}, put{7}, labelled{"3 things"}, labelled{"new"}, labelled{"3 things"}}); got != want {
				t.Errorf("events are %s\nwant %s", got, want)
			}
			return err
		})
		if got := load(t, db, a, "k"); fmt.Sprint(got.State) != "{3 things [1 4 7]}" {
			t.Errorf("got %+v", got)
		}
	})
}

// What cannot be read is an error that says what and where, and no event is skipped.
func TestWhatCannotBeRead(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db := open()
		circle := aged()
		circle.Shapes[3] = aggregate.Was(func(_ shelf, e stacked) (message.Kind, error) { return stacked2{}, nil })
		circle.Shapes[4] = aggregate.Was(func(_ shelf, e stacked2) (message.Kind, error) { return stacked{}, nil })
		nowhere := aged()
		nowhere.Shapes = nowhere.Shapes[:4]
		for _, c := range []struct {
			name  string
			a     aggregate.Aggregate[shelf]
			event message.Kind
			is    error
			says  string
		}{
			{"a kind of a newer binary", aged(), written{"put.2", `{}`}, aggregate.ErrNewer, "put.2"},
			{"a kind of nobody", aged(), written{"burnt", `{}`}, aggregate.ErrNewer, "newer one wrote it"},
			{"an upcaster that fails", aged(), stacked{3}, errOdd, "upcast stacked"},
			{"an upcaster that makes nothing of it", aged(), stacked2{}, nil, "into nothing"},
			{"upcasters that go round", circle, stacked{2}, nil, "not written today"},
			{"an upcaster that leads nowhere", nowhere, stacked{2}, nil, "stacked.2, which is not written today"},
			{"a body that is no JSON object", aged(), written{"put", `[1]`}, nil, "decode put"},
			{"an event that cannot come", aged(), taken{}, errEmpty, ""},
		} {
			past(t, db, c.name, labelled{"first"}, c.event, put{1})
			err := db.View(t.Context(), func(tx *store.Tx) error {
				_, err := c.a.Load(tx, c.name)
				return err
			})
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v; want %v, and %q in it", c.name, err, c.is, c.says)
			}
			if c.is != errEmpty && (!strings.Contains(err.Error(), "event 2") || !strings.Contains(err.Error(), c.name)) {
				t.Errorf("%s: %v does not say where", c.name, err)
			}
			view(t, db, func(tx *store.Tx) error { // what was before it can be told
				events, err := c.a.Events(tx, c.name, time.UnixMicro(0))
				if len(events) != 0 {
					t.Errorf("%s: %d events before all time", c.name, len(events))
				}
				return err
			})
		}
		past(t, db, "gap", put{1}, put{2}, put{3})
		update(t, db, "gap", func(tx *store.Tx) error { return tx.Exec(`DELETE FROM journal WHERE key = 'gap' AND version = 2`) })
		err := db.View(t.Context(), func(tx *store.Tx) error {
			_, err := aged().Load(tx, "gap")
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "gap") {
			t.Errorf("an event that is missing: %v", err)
		}
	})
}

// What no Shape reads is not written.
func TestAppendRefusesStrangers(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(0)
		_, err := db.Update(t.Context(), []string{"k"}, func(tx *store.Tx) error {
			_, err := a.Append(tx, aggregate.Root[shelf]{Key: "k"}, put{1}, written{"burnt", `{}`})
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "burnt") {
			t.Errorf("got %v", err)
		}
		if got := load(t, db, a, "k"); got.Last.Version != 0 {
			t.Errorf("stored is %+v", got)
		}
	})
}

// A message whose aggregate cannot be read is parked with the cause. Once a binary is there
// that can, it goes on.
func TestAMessageWaitsForWhoCanReadItsHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shelf.db")
	d, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("shelf", d)
	defer db.Close()
	past(t, db, "broken", stacked{2})
	past(t, db, "good", put{1})
	update(t, db, "orders", func(tx *store.Tx) error {
		return errors.Join(tx.Append("broken", labelled{"asked"}), tx.Append("good", labelled{"asked"}))
	})
	read := func(a aggregate.Aggregate[shelf], until string) {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		r := &stream.Reader{DB: db, Log: sqlite.NewLog(db, d), Name: "shelf", Process: &run.Process{Instance: "test"}, Policy: failure.Policy{Attempts: 1000, First: time.Millisecond, Max: time.Millisecond},
			Handlers: []stream.Handler{stream.On("shelf", func(_ context.Context, tx *store.Tx, m message.Of[labelled]) error {
				if m.Data.Text != "asked" {
					return nil
				}
				r, err := a.Load(tx, m.Key)
				if err == nil {
					_, err = a.Append(tx, r, labelled{"answered"})
				}
				return err
			})}}
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		hint, unwatch := db.Watch(store.Journal)
		defer unwatch()
		for there := false; !there && ctx.Err() == nil; {
			view(t, db, func(tx *store.Tx) (err error) {
				there, err = tx.Row([]any{nil}, until)
				return err
			})
			select {
			case <-hint:
			case <-time.After(10 * time.Millisecond):
			}
		}
		if ctx.Err() != nil {
			t.Errorf("never: %s", until)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	read(shelves(0), `SELECT 1 FROM parked WHERE key = 'broken' AND past LIKE '%stacked%newer%' AND EXISTS (SELECT 1 FROM journal WHERE key = 'good' AND version = 2)`)
	read(aged(), `SELECT 1 FROM journal WHERE key = 'broken' AND version = 2 AND NOT EXISTS (SELECT 1 FROM parked)`)
	if got := load(t, db, aged(), "broken"); fmt.Sprint(got.State) != "{answered [2]}" {
		t.Errorf("got %+v", got)
	}
}
