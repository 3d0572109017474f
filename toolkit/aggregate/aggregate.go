package aggregate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// An Event is a fact in the history of a key, and its place there.
type Event struct {
	store.Place
	Fact message.Kind
}

// An Aggregate says how the history of a key makes a state of it.
type Aggregate[S any] struct {
	Name string // of what it is, such as "order": in errors, and of its snapshots
	// Apply takes a state one event further, from the zero S on. It is pure; an error is
	// an event that cannot come there.
	Apply func(S, Event) (S, error)
	// Shapes are all events that such a history can have, in every shape that was ever
	// written. One is never taken away: it is in a journal somewhere.
	Shapes []Shape[S]
	// Format is raised with every change of S, or of what Apply makes of it: snapshots of
	// another one are passed over; 0.
	Format int64
	// Every is how many events may follow a snapshot before the next is written. S must
	// then be what JSON keeps of it; 0 writes none.
	Every int64
}

// A Root is the state of a key, and how far its history goes.
type Root[S any] struct {
	Key   string
	State S
	Last  store.Place // Version 0: there is no history

	id    string // of the last event, where a snapshot has it
	since int64  // events behind the snapshot that it was loaded from
}

// Check returns an error that names what is wrong with the definition.
func (a Aggregate[S]) Check() error {
	if a.Name == "" || a.Apply == nil || len(a.Shapes) == 0 {
		return errors.New("aggregate: one without Name, Apply or Shapes")
	}
	if a.Every < 0 {
		return fmt.Errorf("aggregate %s: a snapshot every %d events", a.Name, a.Every)
	}
	for i, s := range a.Shapes {
		if s.Kind == "" {
			return fmt.Errorf("aggregate %s: shape %d has no kind: make it with Is or Was", a.Name, i)
		}
		if first, _ := a.shape(s.Kind); first != i {
			return fmt.Errorf("aggregate %s: %s has two shapes: give what cannot be read as the other a kind of its own, such as %[2]s.2", a.Name, s.Kind)
		}
	}
	return nil
}

// Load returns what the history of key makes of it by now: what is committed, and what tx
// has said itself. Whoever decides from it holds the lock of key.
func (a Aggregate[S]) Load(tx *store.Tx, key string) (Root[S], error) {
	return a.LoadUntil(tx, key, forever())
}

// LoadUntil returns what key was at a time, that included.
func (a Aggregate[S]) LoadUntil(tx *store.Tx, key string, until time.Time) (Root[S], error) {
	if a.Every > 0 {
		r, found, err := a.remembered(tx, key, until)
		if err != nil {
			return r, err
		}
		if found {
			if err := a.replay(tx, &r, until, nil); !errors.Is(err, errOther) {
				return r, err
			}
		}
	}
	r := Root[S]{Key: key}
	err := a.replay(tx, &r, until, nil)
	return r, err
}

// Events returns the history of key until a time, that included, each event in its newest
// shape.
func (a Aggregate[S]) Events(tx *store.Tx, key string, until time.Time) (events []Event, err error) {
	err = a.replay(tx, &Root[S]{Key: key}, until, func(e Event) { events = append(events, e) })
	return events, err
}

// Fold returns the state whose history is events, all of them from the first on, in their
// newest shapes.
func (a Aggregate[S]) Fold(events []Event) (S, error) {
	var r Root[S]
	for _, e := range events {
		if err := a.take(&r, e); err != nil {
			var none S
			return none, err
		}
	}
	return r.State, nil
}

// Append says the next facts in the history of r, in the change in which r was loaded or
// in a later one, and returns what they make of it. If the history has gone on meanwhile,
// the change fails with store.ErrConflict.
func (a Aggregate[S]) Append(tx *store.Tx, r Root[S], facts ...message.Kind) (Root[S], error) {
	for _, f := range facts {
		if _, known := a.shape(f.Kind()); !known {
			return r, fmt.Errorf("aggregate %s: %s is none of its Shapes: nobody could read it again", a.Name, f.Kind())
		}
		place, err := tx.AppendAfter(r.Last, r.Key, f)
		if err != nil {
			return r, err
		}
		if err := a.take(&r, Event{Place: place, Fact: f}); err != nil {
			return r, err
		}
	}
	if len(facts) == 0 || a.Every == 0 || r.since < a.Every {
		return r, nil
	}
	said := tx.Said(r.Key)
	r.id = said[len(said)-1].ID
	return r, a.remember(tx, &r)
}

// patience is how long Change tries, where its context says nothing shorter.
const patience = 10 * time.Second

// Change loads key, has decide say what is to happen next, and appends that, unless
// somebody else was faster: then again, with what is there now. decide holds nothing up
// while it thinks, and may run many times. It fails with store.ErrConflict only if others
// were faster until ctx ended, or for ten seconds.
//
// Whoever writes more than the history loads and appends in a change of its own, under
// the lock of key.
func (a Aggregate[S]) Change(ctx context.Context, db *store.DB, key string, decide func(Root[S]) ([]message.Kind, error)) (r Root[S], err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err = db.View(ctx, func(tx *store.Tx) (err error) {
			r, err = a.Load(tx, key)
			return err
		})
		if err != nil {
			return r, err
		}
		facts, err := decide(r)
		if err != nil || len(facts) == 0 {
			return r, err
		}
		var next Root[S]
		_, err = db.Update(ctx, []string{key}, func(tx *store.Tx) (err error) {
			next, err = a.Append(tx, r, facts...)
			return err
		})
		switch {
		case err == nil:
			return next, nil
		case !errors.Is(err, store.ErrConflict) || ctx.Err() != nil:
			return r, err
		}
	}
}

// forever is later than every time of an event.
func forever() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }
