package timeline

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	patience = 3 * time.Second // for one journal
	stride   = 100_000         // sequences in one View, which lasts five seconds at most
	margin   = time.Minute     // clocks may have been so far apart
)

// A part is what one service has.
type part struct {
	moments []Moment
	waiting []Waiting
	until   time.Time // the journal was not read further; zero: it was
}

// beginning returns when the history of a key begins. Only histories are found by an index.
func beginning(ctx context.Context, key string, sources []Source) (began time.Time, err error) {
	for _, s := range sources {
		var first time.Time
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Row([]any{&first}, `SELECT time FROM journal WHERE key = $1 AND version IS NOT NULL ORDER BY version LIMIT 1`, key)
			return err
		})
		if err != nil {
			return began, err
		}
		if !first.IsZero() && (began.IsZero() || first.Before(began)) {
			began = first
		}
	}
	if began.IsZero() {
		return began, ErrUnknown
	}
	return began, nil
}

// read returns what a service has about a key since a time.
func read(ctx context.Context, db *store.DB, key string, since time.Time) (p part, err error) {
	var at, last int64
	err = db.View(ctx, func(tx *store.Tx) error {
		if err := p.wait(tx, db.Service(), key); err != nil {
			return err
		}
		if _, err := tx.Row([]any{&last}, `SELECT seq FROM journal WHERE partition = $1 ORDER BY seq DESC LIMIT 1`, store.Partition(key)); err != nil {
			return err
		}
		at, err = place(tx, store.Partition(key), last, since)
		return err
	})
	for started := time.Now(); err == nil && at < last; at += stride {
		if time.Since(started) > patience {
			p.until, err = timeAt(ctx, db, store.Partition(key), at)
			return p, err
		}
		err = db.View(ctx, func(tx *store.Tx) error { return p.tell(tx, db.Service(), key, at) })
	}
	return p, err
}

// place finds the sequence behind which all of a partition is that was said since a time, by
// halves: what was said later stands later, but for the margin.
func place(tx *store.Tx, partition int, last int64, since time.Time) (int64, error) {
	low, high := int64(0), last
	for low < high {
		middle := low + (high-low)/2
		var seq int64
		var at time.Time
		found, err := tx.Row([]any{&seq, &at}, `SELECT seq, time FROM journal WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT 1`, partition, middle)
		if err != nil {
			return 0, err
		}
		if found && seq <= high && at.Before(since) {
			low = seq
		} else {
			high = middle
		}
	}
	return low, nil
}

// timeAt is when the message at a sequence was said, or the next one.
func timeAt(ctx context.Context, db *store.DB, partition int, seq int64) (at time.Time, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&at}, `SELECT time FROM journal WHERE partition = $1 AND seq >= $2 ORDER BY seq LIMIT 1`, partition, seq)
		return err
	})
	return at, err
}

// tell reads a stride of the journal.
func (p *part) tell(tx *store.Tx, service, key string, at int64) error {
	return tx.Rows(`SELECT id, kind, class, version, time, cause, trace, body FROM journal
		WHERE partition = $1 AND seq > $2 AND seq <= $3 AND key = $4 ORDER BY seq`, []any{store.Partition(key), at, at + stride, key},
		func(scan func(...any) error) error {
			m, err := scanned(service, func(m *Moment, trace *string, body *[]byte) error {
				return scan(&m.ID, &m.Kind, &m.Class, &m.Version, &m.Time, &m.Cause, trace, body)
			})
			p.moments = append(p.moments, m)
			return err
		})
}

// wait reads what is still to be done: jobs and what is parked, both of which are few.
func (p *part) wait(tx *store.Tx, service, key string) error {
	add := func(w Waiting, dead bool, past string) {
		w.Service = service
		history, err := failure.ParseHistory(past)
		if err != nil {
			history = failure.History{}
		}
		w.Tries, w.Failure = history.Attempts, history.Cause()
		if dead {
			w.What, w.Due = "dead", time.Time{} // nothing is due before an operator decides
		}
		p.waiting = append(p.waiting, w)
	}
	err := tx.Rows(`SELECT id, queue, kind, time, due, dead, past FROM job WHERE key = $1 ORDER BY due`, []any{key}, func(scan func(...any) error) error {
		w := Waiting{What: "work"}
		var dead bool
		var past string
		err := scan(&w.ID, &w.Place, &w.Kind, &w.Since, &w.Due, &dead, &past)
		add(w, dead, past)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Rows(`SELECT id, log, kind, time, due, state, past FROM parked WHERE key = $1 ORDER BY seq`, []any{key}, func(scan func(...any) error) error {
		w := Waiting{What: "parked"}
		var state, past string
		err := scan(&w.ID, &w.Place, &w.Kind, &w.Since, &w.Due, &state, &past)
		if state == "waiting" {
			w.What, w.Due = "behind", time.Time{}
		}
		add(w, state == "dead" || state == "released", past)
		return err
	})
}
