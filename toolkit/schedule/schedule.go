// Package schedule looks at the work of a service that is to be done later, and moves
// it or calls it off. Work is scheduled with Tx.SendAt, or with Tx.SendAs under an id.
//
// Scheduled work is a row of its queue that is not due yet: a million of them cost an
// idle process nothing. Deadlines, retries and whatever else waits for a time are this.
//
//	sent for later ──► waiting ──► due ──► out, under a lease ──► done
//	                   │  ▲ └ Cancel: gone                  └─ failed: waiting again, later
//	                   └──┘ Move: another time
//
// Work that has begun belongs to its worker, and dead work to an operator: both are
// neither listed nor touched here.
package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Errors that callers branch on.
var (
	// ErrUnknown: there is no work with this id, or it is done.
	ErrUnknown = errors.New("no work with this id is scheduled")
	// ErrNotWaiting: it has begun, or it is dead.
	ErrNotWaiting = errors.New("this work does not wait any more")
	// ErrTime: it cannot be due then.
	ErrTime = errors.New("work is due after the year 1970 and before the year 10000")
)

// An Entry is work that is to be done later.
type Entry struct {
	ID, Queue, Kind, Key string
	Due                  time.Time
}

// A Place is where an Entry stands in the list: those of one time are in the order of
// their ids. The zero Place is before all.
type Place struct {
	Due time.Time
	ID  string
}

// A Filter says which work is wanted. The zero value is all that waits.
type Filter struct {
	Queue, Kind, Key string
	After, Before    time.Time // due after, and before
}

// has reports whether f wants e. What SQL has already chosen by is not asked again.
func (f Filter) has(e Entry, lease string) bool {
	return lease == "" && (f.Kind == "" || f.Kind == e.Kind) && (f.Key == "" || f.Key == e.Key) && e.Due.After(f.After)
}

// looked is how many rows of one queue are read for one page. Kinds and keys have no index,
// which every job would pay for: who looks for a rare one reads the queue page by page.
const looked = 10_000

// A Page is part of the list, the next first.
type Page struct {
	Entries []Entry
	Next    Place // where the next page begins
	More    bool  // there may be one, even if this one is not full
}

// List returns at most most entries of db behind a place. It reads no more than a page's
// worth of each queue, however many wait.
func List(ctx context.Context, db *store.DB, f Filter, from Place, most int) (p Page, err error) {
	if most < 1 {
		return Page{}, nil
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		queues, err := f.queues(tx)
		if err != nil {
			return err
		}
		p = Page{}
		for _, queue := range queues {
			if err := p.read(tx, queue, f, from, most); err != nil {
				return err
			}
		}
		return nil
	})
	p.cut(most)
	return p, err
}

// queues are those with something in them, found one after the other in the index.
func (f Filter) queues(tx *store.Tx) (names []string, err error) {
	if f.Queue != "" {
		return []string{f.Queue}, nil
	}
	for name := ""; ; {
		found := false
		if found, err = tx.Row([]any{&name}, `SELECT queue FROM job WHERE queue > $1 ORDER BY queue LIMIT 1`, name); err != nil || !found {
			return names, err
		}
		names = append(names, name)
	}
}

// read adds what one queue has behind a place. If it has more, p ends there.
func (p *Page) read(tx *store.Tx, queue string, f Filter, from Place, most int) error {
	start := from.Due
	if f.After.After(start) {
		start = f.After
	}
	end := f.Before
	if end.IsZero() {
		end = latest()
	}
	rows, found := 0, 0
	var last Place
	full := errors.New("enough")
	err := tx.Rows(`SELECT id, kind, key, due, lease FROM job WHERE queue = $1 AND dead = 0 AND due >= $2 AND due < $3 AND (due > $4 OR id > $5) ORDER BY due, id LIMIT $6 + 0`,
		[]any{queue, start, end, from.Due, from.ID, looked}, func(scan func(...any) error) error {
			if found == most {
				return full
			}
			e, lease := Entry{Queue: queue}, ""
			if err := scan(&e.ID, &e.Kind, &e.Key, &e.Due, &lease); err != nil {
				return err
			}
			rows++
			last = Place{e.Due, e.ID}
			if f.has(e, lease) {
				found++
				p.Entries = append(p.Entries, e)
			}
			return nil
		})
	if errors.Is(err, full) {
		err = nil
	}
	if (rows == looked || found == most) && (!p.More || last.before(p.Next)) {
		p.More, p.Next = true, last
	}
	return err
}

func (a Place) before(b Place) bool {
	return a.Due.Before(b.Due) || a.Due.Equal(b.Due) && a.ID < b.ID
}

// cut sorts what the queues have, and leaves out what is behind a place up to which not all
// of them were read.
func (p *Page) cut(most int) {
	slices.SortFunc(p.Entries, func(a, b Entry) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	if p.More {
		p.Entries = slices.DeleteFunc(p.Entries, func(e Entry) bool { return p.Next.before(Place{e.Due, e.ID}) })
	}
	if len(p.Entries) > most {
		p.Entries = p.Entries[:most]
		last := p.Entries[most-1]
		p.More, p.Next = true, Place{last.Due, last.ID}
	}
}

// latest is later than any time that work can be due.
func latest() time.Time { return time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }

// Move gives waiting work another time, and returns it as it was. What is due then is done
// at once. It fails with ErrUnknown, ErrNotWaiting or ErrTime.
func Move(tx *store.Tx, id string, due time.Time) (Entry, error) {
	if due.Year() <= 1970 || !due.Before(latest()) {
		return Entry{}, fmt.Errorf("%w: not at %v", ErrTime, due)
	}
	return change(tx, id, func() (bool, error) {
		return tx.Row([]any{nil}, `UPDATE job SET due = $2 WHERE id = $1 AND lease = '' AND dead = 0 RETURNING id`, id, due)
	})
}

// Cancel calls waiting work off, and returns it as it was. It fails with ErrUnknown or
// ErrNotWaiting.
func Cancel(tx *store.Tx, id string) (Entry, error) {
	return change(tx, id, func() (bool, error) {
		return tx.Row([]any{nil}, `DELETE FROM job WHERE id = $1 AND lease = '' AND dead = 0 RETURNING id`, id)
	})
}

// change reads work before it is changed. A worker may take it in between: then the change
// finds nothing.
func change(tx *store.Tx, id string, do func() (bool, error)) (Entry, error) {
	e := Entry{ID: id}
	found, err := tx.Row([]any{&e.Queue, &e.Kind, &e.Key, &e.Due}, `SELECT queue, kind, key, due FROM job WHERE id = $1`, id)
	if err != nil {
		return e, err
	}
	if !found {
		return e, ErrUnknown
	}
	changed, err := do()
	if err == nil && !changed {
		err = ErrNotWaiting
	}
	return e, err
}
