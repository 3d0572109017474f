package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"pgregory.net/rapid"
)

// A shelf is what is on it: the aggregate under test.
type shelf struct {
	Label string `json:"label"`
	Items []int  `json:"items"`
}

type put struct {
	N int `json:"n"`
}

func (put) Kind() string { return "put" }

type taken struct{}

func (taken) Kind() string { return "taken" }

type labelled struct {
	Text string `json:"text"`
}

func (labelled) Kind() string { return "labelled" }

var errEmpty = errors.New("nothing is on it")

// apply does not change what it was given: Items are shared with older states.
func apply(s shelf, e aggregate.Event) (shelf, error) {
	switch fact := e.Fact.(type) {
	case put:
		s.Items = append(s.Items[:len(s.Items):len(s.Items)], fact.N)
	case taken:
		if len(s.Items) == 0 {
			return s, errEmpty
		}
		s.Items = s.Items[: len(s.Items)-1 : len(s.Items)-1]
	case labelled:
		s.Label = fact.Text
	default:
		return s, fmt.Errorf("a shelf and %T", e.Fact)
	}
	return s, nil
}

func shelves(every int64) aggregate.Aggregate[shelf] {
	return aggregate.Aggregate[shelf]{Name: "shelf", Apply: apply, Every: every,
		Shapes: []aggregate.Shape[shelf]{aggregate.Is[shelf, put](), aggregate.Is[shelf, taken](), aggregate.Is[shelf, labelled]()}}
}

func update(t testing.TB, db *store.DB, key string, change func(*store.Tx) error) {
	t.Helper()
	if _, err := db.Update(context.Background(), []string{key}, change); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db *store.DB, read func(*store.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), read); err != nil {
		t.Fatal(err)
	}
}

// says loads key and appends facts, in one change.
func says(t testing.TB, db *store.DB, a aggregate.Aggregate[shelf], key string, facts ...message.Kind) (r aggregate.Root[shelf]) {
	t.Helper()
	update(t, db, key, func(tx *store.Tx) (err error) {
		if r, err = a.Load(tx, key); err == nil {
			r, err = a.Append(tx, r, facts...)
		}
		return err
	})
	return r
}

func load(t testing.TB, db *store.DB, a aggregate.Aggregate[shelf], key string) (r aggregate.Root[shelf]) {
	t.Helper()
	view(t, db, func(tx *store.Tx) (err error) {
		r, err = a.Load(tx, key)
		return err
	})
	return r
}

// same compares what a client sees of two roots.
func same(a, b aggregate.Root[shelf]) bool {
	return a.Key == b.Key && a.Last.Version == b.Last.Version && a.Last.Time.Equal(b.Last.Time) &&
		a.State.Label == b.State.Label && fmt.Sprint(a.State.Items) == fmt.Sprint(b.State.Items)
}

// Whatever is said, however it is cut into changes, with or without snapshots, which
// somebody deletes now and then: what is loaded is the fold of the events, at the end and
// at every moment before it.
func TestLoadIsTheFold(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, n := open(), 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			key := fmt.Sprintf("s%d", n)
			var model shelf
			var roots []aggregate.Root[shelf] // after each event
			for range rapid.IntRange(1, 6).Draw(rt, "changes") {
				a := shelves(rapid.Int64Range(0, 4).Draw(rt, "every"))
				if rapid.IntRange(0, 3).Draw(rt, "deletes") == 0 {
					update(t, db, key, func(tx *store.Tx) error { return tx.Exec(`DELETE FROM snapshot`) })
				}
				update(t, db, key, func(tx *store.Tx) error {
					for range rapid.IntRange(1, 3).Draw(rt, "handlers") {
						r, err := a.Load(tx, key)
						if err != nil {
							return err
						}
						if r.Last.Version != int64(len(roots)) || fmt.Sprint(r.State) != fmt.Sprint(model) {
							rt.Fatalf("loaded %+v at %d, want %+v at %d", r.State, r.Last.Version, model, len(roots))
						}
						for range rapid.IntRange(0, 3).Draw(rt, "facts") {
							f := drawn(rt, len(model.Items))
							if r, err = a.Append(tx, r, f); err != nil {
								return err
							}
							if model, err = apply(model, aggregate.Event{Fact: f}); err != nil {
								return err
							}
							roots = append(roots, r)
						}
					}
					return nil
				})
			}
			for _, every := range []int64{0, 1, 3} {
				checkMoments(rt, db, shelves(every), key, roots)
			}
		})
	})
}

// drawn is some fact that can come when n things are on the shelf.
func drawn(rt *rapid.T, n int) message.Kind {
	kinds := []message.Kind{put{rapid.IntRange(0, 9).Draw(rt, "n")}, labelled{rapid.StringMatching(`[a-z"\\é]{0,3}`).Draw(rt, "label")}}
	if n > 0 {
		kinds = append(kinds, taken{})
	}
	return rapid.SampledFrom(kinds).Draw(rt, "fact")
}

// checkMoments compares every moment of a history with what it was then.
func checkMoments(t *rapid.T, db *store.DB, a aggregate.Aggregate[shelf], key string, roots []aggregate.Root[shelf]) {
	err := db.View(context.Background(), func(tx *store.Tx) error {
		for i, want := range roots {
			for _, at := range []time.Time{want.Last.Time, later(roots, i)} {
				got, err := a.LoadUntil(tx, key, at)
				if err != nil {
					return err
				}
				if !same(got, want) {
					t.Fatalf("every %d, until %v: %+v, want %+v", a.Every, at, got, want)
				}
			}
			events, err := a.Events(tx, key, want.Last.Time)
			if err != nil {
				return err
			}
			folded, err := a.Fold(events)
			if err != nil || len(events) != i+1 || fmt.Sprint(folded) != fmt.Sprint(want.State) {
				t.Fatalf("%d events until %v fold to %+v, %v; want %+v", len(events), want.Last.Time, folded, err, want.State)
			}
		}
		if len(roots) == 0 {
			return nil
		}
		before, err := a.LoadUntil(tx, key, roots[0].Last.Time.Add(-time.Microsecond))
		if err == nil && (before.Last.Version != 0 || !reflect.DeepEqual(before.State, shelf{})) {
			t.Fatalf("before the first event: %+v", before)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// later is the last moment before the event that follows i.
func later(roots []aggregate.Root[shelf], i int) time.Time {
	if i+1 < len(roots) {
		return roots[i+1].Last.Time.Add(-time.Microsecond)
	}
	return roots[i].Last.Time.Add(time.Hour)
}

// Two messages about one key in a batch: the second decides on what the first one said,
// whether they take turns or not, and whether a snapshot was written between them.
func TestABatchSeesItself(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db := open()
		for _, every := range []int64{0, 1, 2, 3} {
			a := shelves(every)
			key := fmt.Sprint("batch-", every)
			keys := [][]string{{key}, {"other"}, {key}, {key, "other"}, {key}}
			update(t, db, key, func(tx *store.Tx) error {
				if err := tx.Lock("other"); err != nil {
					return err
				}
				_, err := tx.Each(keys, func(tx *store.Tx, i int) error {
					r, err := a.Load(tx, keys[i][0])
					if err == nil {
						_, err = a.Append(tx, r, put{len(r.State.Items)})
					}
					return err
				})
				return err
			})
			if got := load(t, db, a, key); fmt.Sprint(got.State.Items) != "[0 1 2 3]" || got.Last.Version != 4 {
				t.Errorf("every %d: %+v", every, got)
			}
		}
	})
}

// A root that was loaded before somebody else appended is refused, in a later change and
// in the same one.
func TestConflict(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(1)
		old := says(t, db, a, "k", put{1})
		says(t, db, a, "k", put{2})
		_, err := db.Update(t.Context(), []string{"k"}, func(tx *store.Tx) error {
			_, err := a.Append(tx, old, put{3})
			return err
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("behind somebody else: %v", err)
		}
		_, err = db.Update(t.Context(), []string{"k"}, func(tx *store.Tx) error {
			r, err := a.Load(tx, "k")
			if err != nil {
				return err
			}
			_, first := a.Append(tx, r, put{3})
			_, again := a.Append(tx, r, put{4})
			return errors.Join(first, again)
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("twice behind one event: %v", err)
		}
		if got := load(t, db, a, "k"); fmt.Sprint(got.State.Items) != "[1 2]" {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// Change decides again whenever somebody was faster, on what there is by then.
func TestChangeDecidesAgain(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(2)
		asked := 0
		got, err := a.Change(t.Context(), db, "k", func(r aggregate.Root[shelf]) ([]message.Kind, error) {
			if asked++; asked <= 3 {
				says(t, db, a, "k", put{asked})
			}
			return []message.Kind{put{10 * len(r.State.Items)}}, nil
		})
		if err != nil || asked != 4 || fmt.Sprint(got.State.Items) != "[1 2 3 30]" || got.Last.Version != 4 {
			t.Errorf("asked %d times: %+v, %v", asked, got, err)
		}
		if there := load(t, db, a, "k"); !same(there, got) {
			t.Errorf("stored is %+v, want %+v", there, got)
		}
	})
}

// Many who change one thing at once all come through, one after the other.
func TestManyChangers(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(5)
		const many, each = 6, 5
		var all sync.WaitGroup
		for range many {
			all.Go(func() {
				for range each {
					_, err := a.Change(context.Background(), db, "k", func(r aggregate.Root[shelf]) ([]message.Kind, error) {
						return []message.Kind{put{len(r.State.Items)}}, nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		got := load(t, db, a, "k")
		for i, n := range got.State.Items {
			if n != i {
				t.Fatalf("thing %d was put when %d were there: %v", i, n, got.State.Items)
			}
		}
		if len(got.State.Items) != many*each {
			t.Errorf("%d things, want %d", len(got.State.Items), many*each)
		}
	})
}

// What ends Change: an error of decide, nothing to say, an event that cannot come, and
// time.
func TestChangeEnds(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(0)
		refused := errors.New("no")
		facts := func(facts []message.Kind, err error) func(aggregate.Root[shelf]) ([]message.Kind, error) {
			return func(aggregate.Root[shelf]) ([]message.Kind, error) { return facts, err }
		}
		for _, c := range []struct {
			name   string
			decide func(aggregate.Root[shelf]) ([]message.Kind, error)
			want   error
		}{
			{"refused", facts([]message.Kind{put{1}}, refused), refused},
			{"nothing", facts(nil, nil), nil},
			{"impossible", facts([]message.Kind{taken{}}, nil), errEmpty},
			{"impossible at last", facts([]message.Kind{put{1}, taken{}, taken{}}, nil), errEmpty},
		} {
			if _, err := a.Change(t.Context(), db, "k", c.decide); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := a.Change(ctx, db, "k", func(aggregate.Root[shelf]) ([]message.Kind, error) {
			cancel()
			return []message.Kind{put{1}}, nil
		})
		if err == nil {
			t.Error("a change of a context that has ended was made")
		}
		if got := load(t, db, a, "k"); got.Last.Version != 0 {
			t.Errorf("stored is %+v", got)
		}
	})
}

func TestCheck(t *testing.T) {
	good := shelves(3)
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*aggregate.Aggregate[shelf]){
		"no name":         func(a *aggregate.Aggregate[shelf]) { a.Name = "" },
		"no Apply":        func(a *aggregate.Aggregate[shelf]) { a.Apply = nil },
		"no shapes":       func(a *aggregate.Aggregate[shelf]) { a.Shapes = nil },
		"an empty shape":  func(a *aggregate.Aggregate[shelf]) { a.Shapes = append(a.Shapes, aggregate.Shape[shelf]{}) },
		"a shape twice":   func(a *aggregate.Aggregate[shelf]) { a.Shapes = append(a.Shapes, aggregate.Is[shelf, put]()) },
		"backwards every": func(a *aggregate.Aggregate[shelf]) { a.Every = -1 },
	} {
		a := shelves(3)
		spoil(&a)
		if a.Check() == nil {
			t.Errorf("%s: nothing was said", name)
		}
	}
}
