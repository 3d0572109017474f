package store_test

import (
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// given takes a hint if one is there: hints come before Update returns.
func given(hint <-chan struct{}) bool {
	select {
	case <-hint:
		return true
	default:
		return false
	}
}

// A commit gives hints about what it said, and about work that is due now or within a
// second; about work that is due later it would only wake somebody for nothing.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		name          string
		change        func(*store.Tx) error
		journal, work bool
	}{
		{"nothing said", func(*store.Tx) error { return nil }, false, false},
		{"a fact", func(tx *store.Tx) error { return tx.Append("a", said{}) }, true, false},
		{"work now", func(tx *store.Tx) error { return tx.Send("a", chore{}) }, false, true},
		{"work long due", func(tx *store.Tx) error { return tx.SendAt(tx.Now.Add(-time.Hour), "a", chore{}) }, false, true},
		{"work due soon", func(tx *store.Tx) error { return tx.SendAt(tx.Now.Add(900*time.Millisecond), "a", chore{}) }, false, true},
		{"work due later", func(tx *store.Tx) error { return tx.SendAt(tx.Now.Add(time.Second), "a", chore{}) }, false, false},
		{"work for another service", func(tx *store.Tx) error { return tx.Send("a", errand{}) }, true, false},
		{"work taken back", func(tx *store.Tx) error {
			if err := tx.SendAs("id", tx.Now, "a", chore{}); err != nil {
				return err
			}
			return tx.Unsend("id")
		}, false, false},
		{"all at once", func(tx *store.Tx) error {
			for range 3 {
				if err := tx.Append("a", said{}); err != nil {
					return err
				}
				if err := tx.Send("a", chore{}); err != nil {
					return err
				}
			}
			return nil
		}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			journal, stop := db.Watch(store.Journal)
			defer stop()
			work, stop := db.Watch("test_chores")
			defer stop()
			other, stop := db.Watch("other_errands")
			defer stop()
			update(t, db, nil, tt.change)
			if j, w, o := given(journal), given(work), given(other); j != tt.journal || w != tt.work || o {
				t.Errorf("hints about the journal %v, the queue %v, another's queue %v; want %v, %v, false", j, w, o, tt.journal, tt.work)
			}
			if given(journal) || given(work) {
				t.Error("one commit gave two hints")
			}
		})
	}
}

// Whoever does not listen holds up nobody, finds one hint when it comes back, and does
// not take the hints of others.
func TestAFullHintBlocksNobody(t *testing.T) {
	db := open(t)
	deaf, stop := db.Watch(store.Journal)
	defer stop()
	keen, stop := db.Watch(store.Journal)
	defer stop()
	for i := range 5 {
		update(t, db, nil, func(tx *store.Tx) error { return tx.Append("a", said{i}) })
		if !given(keen) {
			t.Errorf("commit %d gave no hint to the one who listens", i)
		}
	}
	if !given(deaf) || given(deaf) {
		t.Error("the one who did not listen finds none or several hints, want one")
	}
}

// After stop no hint comes, and the others keep theirs; stopping twice does no harm.
func TestStopEndsHints(t *testing.T) {
	db := open(t)
	gone, stop := db.Watch("topic")
	stays, stopStays := db.Watch("topic")
	defer stopStays()
	stop()
	stop()
	db.Hint("topic")
	db.Hint("another topic that nobody watches")
	if given(gone) || !given(stays) {
		t.Error("the one who stopped got a hint, or the other did not")
	}
	db.Background().Hint("topic")
	if !given(stays) {
		t.Error("a DB in the background gives its hints elsewhere")
	}
}
