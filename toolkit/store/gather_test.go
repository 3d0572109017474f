package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// A basket and a sack gather words, and write them as a fact.
type basket struct{ words []string }

func (b *basket) Flush(tx *store.Tx) error { return tx.Append("basket", words{b.words}) }

type sack struct{ words []string }

func (s *sack) Flush(tx *store.Tx) error {
	if slices.Contains(s.words, "") {
		return errEmpty
	}
	return tx.Append("sack", words{s.words})
}

var errEmpty = errors.New("an empty word")

type words struct{ Words []string }

func (words) Kind() string { return "words" }

// Handlers of one transaction gather in one place for each type, which is written once,
// on a driver that runs changes more than once, too.
func TestGather(t *testing.T) {
	for name, driver := range map[string]func(store.Driver) store.Driver{
		"once":         func(d store.Driver) store.Driver { return d },
		"twice":        storetest.Twice,
		"as far as it": func(d store.Driver) store.Driver { return &far{Driver: d} },
	} {
		db := store.Open("test", driver(onDisk(t)))
		for range 2 { // the second change begins with nothing
			update(t, db, nil, func(tx *store.Tx) error {
				_, err := tx.Each([][]string{{"a"}, {"b"}, {"c"}}, func(tx *store.Tx, i int) error {
					b := store.Gather[basket](tx)
					b.words = append(b.words, []string{"x", "y", "z"}[i])
					if i == 1 {
						store.Gather[sack](tx).words = []string{"s"}
					}
					_, err := tx.Row([]any{nil}, `SELECT 1`)
					return err
				})
				return err
			})
		}
		var got []string
		facts, _ := journal(t, db)
		for _, f := range facts {
			got = append(got, f.Key+string(f.Body))
		}
		want := []string{`basket{"Words":["x","y","z"]}`, `sack{"Words":["s"]}`}
		if want = slices.Concat(want, want); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// What cannot be written undoes the change, and what is undone has gathered nothing.
func TestGatherIsPartOfTheChange(t *testing.T) {
	db := open(t)
	for name, change := range map[string]func(tx *store.Tx) error{
		"the change fails": func(tx *store.Tx) error {
			store.Gather[basket](tx).words = []string{"lost"}
			return errEmpty
		},
		"its Flush fails": func(tx *store.Tx) error {
			store.Gather[basket](tx).words = []string{"lost"}
			store.Gather[sack](tx).words = []string{""}
			return tx.Append("a", said{1})
		},
	} {
		if _, err := db.Update(t.Context(), nil, change); !errors.Is(err, errEmpty) {
			t.Errorf("%s: got %v, want %v", name, err, errEmpty)
		}
	}
	update(t, db, nil, func(tx *store.Tx) error { return tx.Append("a", said{2}) })
	if facts, _ := journal(t, db); len(facts) != 1 {
		t.Errorf("%d facts, want the last alone", len(facts))
	}
}
