package aggregate_test

import (
	"fmt"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
)

// kept lists the snapshots of a key, as format@version.
func kept(t *testing.T, db *store.DB, key string) (all string) {
	t.Helper()
	view(t, db, func(tx *store.Tx) error {
		all = ""
		return tx.Rows(`SELECT format, version FROM snapshot WHERE key = $1 ORDER BY format`, []any{key}, func(scan func(...any) error) error {
			var format, version int64
			err := scan(&format, &version)
			all += fmt.Sprintf("%d@%d ", format, version)
			return err
		})
	})
	return all
}

// A snapshot is written when so many events have passed, also where the one before is gone.
func TestSnapshotsAreWrittenNowAndThen(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(3)
		for version, want := range []string{"", "", "0@3 ", "0@3 ", "0@3 ", "0@6 "} {
			says(t, db, a, "k", put{version})
			if got := kept(t, db, "k"); got != want {
				t.Errorf("after event %d: snapshots %q, want %q", version+1, got, want)
			}
		}
		update(t, db, "k", func(tx *store.Tx) error { return tx.Exec(`DELETE FROM snapshot`) })
		if r := says(t, db, a, "k", put{6}); r.Last.Version != 7 || kept(t, db, "k") != "0@7 " {
			t.Errorf("after all were deleted: at %d, snapshots %q", r.Last.Version, kept(t, db, "k"))
		}
		if r := says(t, db, a, "many", put{0}, put{1}, put{2}, put{3}, put{4}); r.Last.Version != 5 || kept(t, db, "many") != "0@5 " {
			t.Errorf("many events at once: at %d, snapshots %q", r.Last.Version, kept(t, db, "many"))
		}
		says(t, db, shelves(0), "none", put{0}, put{1}, put{2}, put{3})
		if got := kept(t, db, "none"); got != "" {
			t.Errorf("without Every: snapshots %q", got)
		}
	})
}

// A snapshot that is used saves the events before it: only so can one know that it is.
func TestASnapshotIsUsed(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(3)
		says(t, db, a, "k", put{1}, put{2}, put{3})
		says(t, db, a, "k", put{4})
		update(t, db, "k", func(tx *store.Tx) error {
			return tx.Exec(`UPDATE snapshot SET body = $1`, []byte(`{"label":"snapshot","items":[9]}`))
		})
		if got := load(t, db, a, "k"); fmt.Sprint(got.State) != "{snapshot [9 4]}" || got.Last.Version != 4 {
			t.Errorf("got %+v: the snapshot was passed over", got)
		}
		if got := load(t, db, shelves(0), "k"); fmt.Sprint(got.State) != "{ [1 2 3 4]}" {
			t.Errorf("without Every: got %+v", got)
		}
	})
}

// A snapshot that is not of this history, or of this format, is passed over, and nothing
// is lost by that.
func TestSnapshotsThatAreNotOurs(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(2)
		const lie = `body = '{"label":"a lie","items":[]}'`
		lies := map[string]string{
			"of a newer format":          `UPDATE snapshot SET format = 7, ` + lie,
			"of an older format":         `UPDATE snapshot SET format = -1, ` + lie,
			"of another aggregate":       `UPDATE snapshot SET aggregate = 'cellar', ` + lie,
			"beyond the history":         `UPDATE snapshot SET version = 9, ` + lie,
			"at another event":           `UPDATE snapshot SET version = 1, ` + lie,
			"of another history":         `UPDATE snapshot SET event = 'another', ` + lie,
			"of no event":                `UPDATE snapshot SET event = '', ` + lie,
			"that cannot be read":        `UPDATE snapshot SET body = '{"label":"a l'`,
			"of another type":            `UPDATE snapshot SET body = '[]'`,
			"that somebody deleted":      `DELETE FROM snapshot`,
			"as it was written (so not)": `UPDATE snapshot SET version = version`,
		}
		for name, spoil := range lies {
			key := "k " + name
			says(t, db, a, key, put{1}, put{2}, put{3})
			update(t, db, key, func(tx *store.Tx) error { return tx.Exec(spoil+` WHERE key = $1`, key) })
			if got := load(t, db, a, key); fmt.Sprint(got.State) != "{ [1 2 3]}" || got.Last.Version != 3 {
				t.Errorf("%s: %+v", name, got)
			}
			says(t, db, a, key, taken{}, taken{})
			if got := load(t, db, a, key); fmt.Sprint(got.State) != "{ [1]}" || got.Last.Version != 5 {
				t.Errorf("%s, later: %+v", name, got)
			}
		}
	})
}

// Two binaries run beside each other, then one of them is left: each has its own snapshots,
// the newer takes away what the older left, and never the other way round.
func TestTwoFormats(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, old, young := open(), shelves(1), shelves(1)
		old.Format, young.Format = 1, 2
		for i, step := range []struct {
			young bool
			want  string
		}{{false, "1@1 "}, {true, "2@2 "}, {false, "1@3 2@2 "}, {false, "1@4 2@2 "}, {true, "2@5 "}} {
			a := old
			if step.young {
				a = young
			}
			if r := says(t, db, a, "k", put{i}); len(r.State.Items) != i+1 {
				t.Fatalf("step %d: %+v", i, r)
			}
			if got := kept(t, db, "k"); got != step.want {
				t.Errorf("step %d: snapshots %q, want %q", i, got, step.want)
			}
		}
	})
}

// A journal that was restored to an earlier state and has gone on otherwise has other
// events at the places that a snapshot knows.
func TestAHistoryThatWentOnOtherwise(t *testing.T) {
	databases.Each(t, "shelf", nil, func(t *testing.T, open func() *store.DB) {
		db, a := open(), shelves(2)
		says(t, db, a, "k", put{1}, put{2})
		update(t, db, "k", func(tx *store.Tx) error { return tx.Exec(`DELETE FROM journal WHERE key = 'k' AND version > 1`) })
		if got := load(t, db, a, "k"); fmt.Sprint(got.State.Items) != "[1]" || got.Last.Version != 1 {
			t.Errorf("restored: %+v", got)
		}
		says(t, db, shelves(0), "k", put{7})
		if got := load(t, db, a, "k"); fmt.Sprint(got.State.Items) != "[1 7]" {
			t.Errorf("gone on: %+v", got)
		}
		says(t, db, a, "k", put{8})
		if got := load(t, db, a, "k"); fmt.Sprint(got.State.Items) != "[1 7 8]" || kept(t, db, "k") != "0@3 " {
			t.Errorf("written anew: %+v, %q", got, kept(t, db, "k"))
		}
	})
}
