package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Window is the part of a queue that somebody looks at.
type Window struct {
	After time.Time // due after; the zero time is before all
	Now   time.Time // by the clock of the database
	Most  int
}

// Due returns the messages of a queue that could be handed out, the longest due first. It is
// for a driver that has a server hand them out: only Take gives them to a worker. Suspects
// are left out.
func (t Table) Due(ctx context.Context, queue string, w Window) (due []Delivery, err error) {
	err = t.DB.View(ctx, func(tx *store.Tx) error {
		due = nil
		return tx.Rows(`SELECT `+columns+` FROM job WHERE queue = $1 AND dead = 0 AND due > $2 AND due <= $3 AND `+strikes+` < $4 ORDER BY due LIMIT $5 + 0`,
			[]any{queue, w.After, w.Now, suspected, w.Most}, collect(&due, queue, ""))
	})
	return due, err
}

// Suspects reports whether suspects of a queue are due at now.
func (t Table) Suspects(ctx context.Context, queue string, now time.Time) (due bool, err error) {
	err = t.DB.View(ctx, func(tx *store.Tx) error {
		due, err = tx.Row([]any{nil}, `SELECT id FROM job WHERE queue = $1 AND dead = 0 AND due <= $2 AND `+strikes+` >= $3 LIMIT 1`, queue, now, suspected)
		return err
	})
	return due, err
}

// Take hands out those of the messages with these ids that Receive could. What it does not
// return is done, is with somebody else, waits for its time, or is a suspect: whoever was told
// of it need do nothing.
func (t Table) Take(tx *store.Tx, queue string, ids []string) (got []Delivery, err error) {
	lease := uuid.NewString()
	query := `SELECT ` + columns + ` FROM job WHERE queue = $1 AND dead = 0 AND due <= $2 AND ` + strikes + ` < $3 AND id IN (%s)` + t.Skip
	err = portions(query, slices.Compact(slices.Sorted(slices.Values(ids))), []any{queue, tx.Now, suspected}, func(query string, args ...any) error {
		return tx.Rows(query, args, collect(&got, queue, lease))
	})
	if err != nil || len(got) == 0 {
		return nil, err
	}
	slices.SortStableFunc(got, func(a, b Delivery) int { return a.Due.Compare(b.Due) })
	return got, t.lend(tx, got, lease)
}

// TakeSuspect hands out one suspect that is due, if none is out.
func (t Table) TakeSuspect(tx *store.Tx, queue string) ([]Delivery, error) {
	return t.suspect(tx, queue)
}

// Adopt puts a message into a queue that was not sent with Tx.Send, due now. An id that the
// queue has already for another message is replaced by a new one.
func (t Table) Adopt(tx *store.Tx, queue string, d Delivery) (id string, err error) {
	const insert = `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING RETURNING id`
	for id = d.ID; ; id = uuid.NewString() {
		done, err := tx.Row([]any{nil}, insert, id, queue, d.Kind, d.Key, d.Time, d.Cause, d.Trace, d.Body, tx.Now)
		if err != nil {
			return "", fmt.Errorf("take in message %s: %w", d.ID, err)
		}
		if done {
			return id, nil
		}
	}
}
