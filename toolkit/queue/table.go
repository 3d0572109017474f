package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Table is the Driver for queues that live in the service's own database, in the
// table job.
type Table struct {
	DB    *store.DB
	Lease time.Duration // how long a worker has a message without renewing; 3s
	// Skip is what the database adds to a SELECT that passes rows locked by others; "".
	Skip string
}

var _ Driver = Table{}

// suspected is how many leases a message loses before it is handled alone.
const suspected = 2

// Receive claims messages: their due time becomes the end of their lease.
func (t Table) Receive(ctx context.Context, queue string, most int) (got []Delivery, err error) {
	_, err = t.DB.Background().Update(ctx, nil, func(tx *store.Tx) error {
		var err error
		if got, err = t.claim(tx, queue, most, strikes+` < $3`); err != nil || len(got) == most {
			return err
		}
		suspects, err := t.suspect(tx, queue)
		got = append(got, suspects...)
		return err
	})
	return got, err
}

// suspect claims one suspect that is due, if none is out.
func (t Table) suspect(tx *store.Tx, queue string) ([]Delivery, error) {
	due, err := tx.Row([]any{nil}, `SELECT id FROM job WHERE queue = $1 AND dead = 0 AND due <= $2 AND `+strikes+` >= $3 LIMIT 1`, queue, tx.Now, suspected)
	if err != nil || !due {
		return nil, err
	}
	if err := tx.Lock("suspect of " + queue); err != nil {
		return nil, err
	}
	out, err := tx.Row([]any{nil}, `SELECT id FROM job WHERE queue = $1 AND dead = 0 AND due > $2 AND strikes >= $3 AND lease <> '' LIMIT 1`, queue, tx.Now, suspected)
	if err != nil || out {
		return nil, err
	}
	return t.claim(tx, queue, 1, strikes+` >= $3`)
}

// strikes counts the lease that a row still bears, when it is due: its worker was lost.
const strikes = `strikes + CASE WHEN lease <> '' THEN 1 ELSE 0 END`

// columns are what claimed scans.
const columns = `id, kind, key, time, cause, trace, body, due, ` + strikes + `, past`

// claim takes what is due. The strike of a suspect is stored before it is handled.
func (t Table) claim(tx *store.Tx, queue string, most int, which string) (got []Delivery, err error) {
	lease := uuid.NewString()
	err = tx.Rows(`SELECT `+columns+` FROM job
		WHERE queue = $1 AND dead = 0 AND due <= $2 AND `+which+` ORDER BY due LIMIT $4 + 0`+t.Skip, // a bare parameter there has SQLite prepare it anew for each number
		[]any{queue, tx.Now, suspected, most}, collect(&got, queue, lease))
	if err != nil || len(got) == 0 {
		return nil, err
	}
	return got, t.lend(tx, got, lease)
}

// collect returns what adds each row of columns to got.
func collect(got *[]Delivery, queue, lease string) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		d := Delivery{Queue: queue, Lease: lease, Message: message.Message{Class: message.Command}}
		var past string
		m := &d.Message
		err := scan(&m.ID, &m.Kind, &m.Key, &m.Time, &m.Cause, &m.Trace, &m.Body, &d.Due, &d.Strikes, &past)
		if err != nil {
			return err
		}
		d.Past, err = failure.ParseHistory(past)
		*got = append(*got, d)
		return err
	}
}

// lend marks rows as out under a lease.
func (t Table) lend(tx *store.Tx, got []Delivery, lease string) error {
	ids := make([]string, len(got))
	for i, d := range got {
		ids[i] = d.ID
	}
	return portions(`UPDATE job SET due = $1, lease = $2, strikes = `+strikes+` WHERE id IN (%s)`, ids, []any{tx.Now.Add(t.lease()), lease}, tx.Exec)
}

// Renew moves the end of leases.
func (t Table) Renew(ctx context.Context, deliveries []Delivery) error {
	left := 0
	_, err := t.DB.Update(ctx, nil, func(tx *store.Tx) error {
		left = len(deliveries)
		for lease, ids := range byLease(deliveries) {
			n, err := each(tx, `UPDATE job SET due = $2 WHERE lease = $1 AND id IN (%s) RETURNING id`, ids, lease, tx.Now.Add(t.lease()))
			if err != nil {
				return err
			}
			left -= n
		}
		return nil
	})
	if err == nil && left > 0 {
		err = ErrLease
	}
	return err
}

func byLease(deliveries []Delivery) map[string][]string {
	ids := map[string][]string{}
	for _, d := range deliveries {
		ids[d.Lease] = append(ids[d.Lease], d.ID)
	}
	return ids
}

// Settle deletes what is done, and puts back or marks dead the rest.
func (t Table) Settle(tx *store.Tx, verdicts []Verdict) error {
	var done []Delivery
	for _, v := range verdicts {
		if v.Next.Done() {
			done = append(done, v.Delivery)
			continue
		}
		ours, err := tx.Row([]any{nil}, `UPDATE job SET due = $3, dead = $4, past = $5, problem = $6, died = $7, redrives = $8, lease = '', strikes = 0
			WHERE id = $1 AND lease = $2 RETURNING id`, v.ID, v.Lease, v.Next.Retry, v.Next.Dead, v.Next.Past.String(), v.Next.Problem(), v.Next.Died(), v.Next.Past.Redrives)
		if err == nil && !ours {
			err = fmt.Errorf("%w: %s", ErrLease, v.ID)
		}
		if err != nil {
			return err
		}
	}
	for lease, ids := range byLease(done) {
		n, err := each(tx, `DELETE FROM job WHERE lease = $1 AND id IN (%s) RETURNING id`, ids, lease)
		if err == nil && n < len(ids) {
			err = fmt.Errorf("%w: %d of %d messages", ErrLease, len(ids)-n, len(ids))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each runs a query that returns a row for each of ids it finds, and counts them.
func each(tx *store.Tx, query string, ids []string, args ...any) (found int, err error) {
	err = portions(query, ids, args, func(query string, args ...any) error {
		return tx.Rows(query, args, func(func(...any) error) error { found++; return nil })
	})
	return found, err
}

// portions runs a query for ids, which stand at its %s, a portion at a time.
func portions(query string, ids []string, args []any, run func(query string, args ...any) error) error {
	slices.Sort(ids) // everybody locks rows in this order
	for portion := range slices.Chunk(ids, 64) {
		marks, all := "", args[:len(args):len(args)]
		for _, id := range padded(portion) {
			all = append(all, id)
			marks += fmt.Sprintf(", $%d", len(all))
		}
		if err := run(fmt.Sprintf(query, marks[2:]), all...); err != nil {
			return err
		}
	}
	return nil
}

// padded repeats the last id up to a power of two, so that few statements serve all
// numbers of ids.
func padded(ids []string) []string {
	for n := len(ids); n&(n-1) != 0; n++ {
		ids = append(ids[:n:n], ids[n-1])
	}
	return ids
}

// Confirm has nothing to do: Settle said it.
func (t Table) Confirm(context.Context, []Verdict) error { return nil }

// Depth counts rows.
func (t Table) Depth(ctx context.Context, queue string) (waiting, out, dead int64, err error) {
	err = t.DB.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&waiting, &out, &dead}, `SELECT count(*) FILTER (WHERE lease = ''), count(*) FILTER (WHERE lease <> ''), (SELECT count(*) FROM job WHERE queue = $1 AND dead = 1)
			FROM job WHERE queue = $1 AND dead = 0`, queue) // the dead, who may be many, are counted in an index
		return err
	})
	return waiting, out, dead, err
}

// Recover ends the leases that another process left behind, where no other process can
// be alive.
func (t Table) Recover(ctx context.Context) error {
	if !t.DB.Alone() {
		return nil
	}
	_, err := t.DB.Update(ctx, nil, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE job SET due = $1 WHERE lease <> '' AND dead = 0`, tx.Now)
	})
	return err
}

func (t Table) lease() time.Duration {
	if t.Lease == 0 {
		return 3 * time.Second
	}
	return t.Lease
}
