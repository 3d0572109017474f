// Package searchtest checks that a search.Index keeps its contract, on the real server.
package searchtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Harness makes indices.
type Harness struct {
	// New returns an index that nobody else has, twice, as two processes have it.
	New func(t *testing.T) (here, there search.Index)
}

// Run checks the index.
func Run(t *testing.T, h Harness) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, here, there search.Index)
	}{
		{"A new one is empty", empty},
		{"What is stored is found by everybody at once", found},
		{"Answers come in order and in pages", pages},
		{"A late version changes nothing", late},
		{"A mark is moved only from where it is", moved},
		{"A reset leaves nothing", reset},
		{"All at once", crowd},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here, there := h.New(t)
			if _, err := here.Marks(t.Context()); err != nil {
				t.Fatal(err)
			}
			tt.run(t, here, there)
		})
	}
}

// mark is one of the first partition.
func mark(seq, before int64) search.Mark {
	return search.Mark{Partition: 1, Seq: seq, ID: fmt.Sprint("m", seq), Class: "public", Identity: "journal", Before: stream.Chain{Fact: before}}
}

func put(t *testing.T, x search.Index, m search.Mark, all ...search.Document) {
	t.Helper()
	if err := x.Put(t.Context(), all, []search.Mark{m}, map[int]int64{m.Partition: m.Before.Last()}); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, x search.Index, q search.Question, places ...int64) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	a, err := x.Find(t.Context(), q)
	if err != nil || !slices.Equal(a.Places, places) {
		t.Errorf("%+v: found %v, %v, want %v", q, a.Places, err, places)
	}
}

func words(all ...string) search.Question { return search.Question{Words: all} }

func empty(t *testing.T, here, there search.Index) {
	want(t, there, words())
	want(t, here, words("a"))
	if marks, err := there.Marks(t.Context()); err != nil || len(marks) != 0 {
		t.Errorf("marks %v, %v", marks, err)
	}
}

func found(t *testing.T, here, there search.Index) {
	put(t, here, mark(7, 0),
		search.Document{ID: "a", Place: 1, Version: 1, Words: "red laptop 15", Group: "it"},
		search.Document{ID: "b", Place: 2, Version: 1, Words: "blue lap tray", Group: "home, kitchen"},
		search.Document{ID: "c", Place: 3, Version: 1, Words: "本 straße", Group: "it"},
		search.Document{ID: "d", Place: 4, Version: 1})
	want(t, there, words("lap"), 1, 2)
	want(t, there, words("lap", "red"), 1)
	want(t, there, words("laptop"), 1)
	want(t, there, words("laptops"))
	want(t, there, words("ap"))
	want(t, there, words("本", "stra"), 3)
	want(t, there, words("1"), 1)
	want(t, there, words("*"))
	want(t, there, words(), 1, 2, 3, 4)
	want(t, there, search.Question{Words: []string{"lap"}, Group: "home, kitchen"}, 2)
	want(t, there, search.Question{Group: "it"}, 1, 3)
	want(t, there, search.Question{Group: "home"})
	a, err := there.Find(t.Context(), search.Question{Words: []string{"nothing"}, Limit: 1})
	if err != nil || len(a.Marks) != 1 || a.Marks[0] != mark(7, 0) {
		t.Errorf("marks beside an answer: %+v, %v", a.Marks, err)
	}
	if marks, err := there.Marks(t.Context()); err != nil || len(marks) != 1 || marks[0] != mark(7, 0) {
		t.Errorf("marks: %+v, %v", marks, err)
	}
}

func pages(t *testing.T, here, there search.Index) {
	var all []search.Document
	for i := range int64(300) {
		all = append(all, search.Document{ID: fmt.Sprint(i), Place: 300 - i, Version: 1, Words: "word"})
	}
	put(t, here, mark(1, 0), all...)
	var got []int64
	for after := int64(0); ; {
		a, err := there.Find(t.Context(), search.Question{Words: []string{"w"}, After: after, Limit: 70})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Places) == 0 {
			break
		}
		got = append(got, a.Places...)
		after = got[len(got)-1]
	}
	if len(got) != 300 || !slices.IsSorted(got) || got[0] != 1 {
		t.Errorf("got %v", got)
	}
}

func late(t *testing.T, here, there search.Index) {
	put(t, here, mark(1, 0), search.Document{ID: "a", Place: 1, Version: 3, Words: "three"})
	put(t, there, mark(2, 1), search.Document{ID: "a", Place: 1, Version: 2, Words: "two"}, search.Document{ID: "b", Place: 2, Version: 1, Words: "other"})
	want(t, here, words("two"))
	want(t, here, words("three"), 1)
	want(t, here, words("other"), 2)
	put(t, here, mark(3, 2), search.Document{ID: "a", Place: 1, Version: 3, Words: "again"})
	want(t, there, words("again"), 1)
}

func moved(t *testing.T, here, there search.Index) {
	put(t, here, mark(5, 0), search.Document{ID: "a", Place: 1, Version: 1, Words: "one"})
	for _, before := range []int64{0, 4, 6} {
		err := there.Put(t.Context(), []search.Document{{ID: "b", Place: 2, Version: 1, Words: "two"}}, []search.Mark{mark(9, before)}, map[int]int64{1: before})
		if !errors.Is(err, search.ErrMoved) {
			t.Errorf("from %d: got %v, want ErrMoved", before, err)
		}
	}
	want(t, here, words("two"))
	put(t, there, mark(9, 5), search.Document{ID: "b", Place: 2, Version: 1, Words: "two"})
	want(t, here, words("two"), 2)
}

func reset(t *testing.T, here, there search.Index) {
	put(t, here, mark(5, 0), search.Document{ID: "a", Place: 1, Version: 7, Words: "one"})
	if err := there.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	empty(t, here, there)
	put(t, here, mark(2, 0), search.Document{ID: "a", Place: 1, Version: 1, Words: "anew"})
	want(t, there, words("anew"), 1)
}

// crowd has two move the same mark: for each step one of them can, and nothing is between.
func crowd(t *testing.T, here, there search.Index) {
	const steps = 10
	var won atomic.Int64
	var all sync.WaitGroup
	for _, x := range []search.Index{here, there} {
		all.Go(func() {
			for seq := int64(1); seq <= steps; {
				err := x.Put(t.Context(), []search.Document{{ID: fmt.Sprint(seq), Place: seq, Version: 1, Words: "w"}}, []search.Mark{mark(seq, seq-1)}, map[int]int64{1: seq - 1})
				switch {
				case err == nil:
					won.Add(1)
					seq++
				case errors.Is(err, search.ErrMoved):
					seq++
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if won.Load() != steps {
		t.Errorf("%d steps were done, want each once: %d", won.Load(), steps)
	}
	want(t, here, words("w"), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
}
