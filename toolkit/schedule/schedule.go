// Package schedule looks at the work of a service that is to be done later, and moves
// it or calls it off. Work is scheduled with Tx.SendAt, or with Tx.SendAs under an id.
//
// Scheduled work is a row of its queue that is not due yet: a million of them cost an
// idle process nothing.
package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// ErrNotWaiting: there is no such work, or it has begun.
var ErrNotWaiting = errors.New("no work with this id is waiting")

// An Entry is work that is to be done later.
type Entry struct {
	ID, Queue, Kind, Key string
	Due                  time.Time
}

// List returns at most most entries of db that are due after a time, the next first.
func List(ctx context.Context, db *store.DB, after time.Time, most int) (entries []Entry, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		entries = nil
		return tx.Rows(`SELECT id, queue, kind, key, due FROM job WHERE dead = 0 AND lease = '' AND due > $1 ORDER BY due, id LIMIT $2`,
			[]any{after, most}, func(scan func(...any) error) error {
				var e Entry
				err := scan(&e.ID, &e.Queue, &e.Kind, &e.Key, &e.Due)
				entries = append(entries, e)
				return err
			})
	})
	return entries, err
}

// Move gives waiting work another time. It fails with ErrNotWaiting.
func Move(tx *store.Tx, id string, due time.Time) error {
	return waiting(tx.Row([]any{nil}, `UPDATE job SET due = $2 WHERE id = $1 AND lease = '' AND dead = 0 RETURNING id`, id, due))
}

// Cancel calls waiting work off. It fails with ErrNotWaiting.
func Cancel(tx *store.Tx, id string) error {
	return waiting(tx.Row([]any{nil}, `DELETE FROM job WHERE id = $1 AND lease = '' AND dead = 0 RETURNING id`, id))
}

func waiting(found bool, err error) error {
	if err == nil && !found {
		err = ErrNotWaiting
	}
	return err
}
