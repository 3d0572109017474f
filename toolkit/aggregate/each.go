package aggregate

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// portion is how many histories are read in one View, which lasts five seconds at most.
const portion = 1000

// Each makes the states of all histories in the journal of db, on as many processors as there
// are, and calls each for one after the other, in no order. Each history is as of one moment,
// though two need not be; who began one meanwhile may be among them. An event that cannot be
// read, or an error of each, ends it.
func (a Aggregate[S]) Each(ctx context.Context, db *store.DB, each func(Root[S]) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all stretches
	var one sync.Mutex
	worker := func() error {
		for {
			s, more, err := all.next(ctx, db)
			if err != nil || !more {
				return err
			}
			roots, err := a.stretch(ctx, db, s)
			if err != nil {
				return err
			}
			one.Lock()
			for _, r := range roots {
				if err == nil {
					err = each(r)
				}
			}
			one.Unlock()
			if err != nil {
				return err
			}
		}
	}
	failed := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for i := range failed {
		workers.Go(func() {
			if failed[i] = worker(); failed[i] != nil {
				cancel()
			}
		})
	}
	workers.Wait()
	for _, err := range failed {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err // others were only stopped by it
		}
	}
	return errors.Join(failed...)
}

// A stretch is keys behind one up to another; "": to the last.
type stretch struct{ behind, to string }

// stretches are handed out one after the other.
type stretches struct {
	mu    sync.Mutex
	last  string
	ended bool
}

// next finds where the next portion of keys ends, in an index.
func (s *stretches) next(ctx context.Context, db *store.DB) (_ stretch, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return stretch{}, false, nil
	}
	next := stretch{behind: s.last}
	err = db.View(ctx, func(tx *store.Tx) error {
		more, err = tx.Row([]any{&next.to}, `SELECT key FROM journal WHERE version IS NOT NULL AND version = 1 AND key > $1 ORDER BY key LIMIT 1 OFFSET $2 + 0`, s.last, portion-1)
		return err
	})
	s.last, s.ended = next.to, !more
	return next, err == nil, err
}

// stretch makes the states of the histories of some keys.
func (a Aggregate[S]) stretch(ctx context.Context, db *store.DB, s stretch) (roots []Root[S], err error) {
	query, args := `SELECT key, kind, version, time, body FROM journal WHERE version IS NOT NULL AND key > $1`, []any{s.behind}
	if s.to != "" {
		query, args = query+` AND key <= $2`, append(args, s.to)
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		roots = make([]Root[S], 0, portion)
		var m message.Message
		row := []any{&m.Key, &m.Kind, &m.Version, &m.Time, &m.Body}
		return tx.Rows(query+` ORDER BY key, version`, args, func(scan func(...any) error) error {
			if err := scan(row...); err != nil {
				return err
			}
			if n := len(roots); n == 0 || roots[n-1].Key != m.Key {
				roots = append(roots, Root[S]{Key: m.Key})
			}
			r := &roots[len(roots)-1]
			e, err := a.event(r.State, m)
			if err != nil {
				return err
			}
			return a.take(r, e)
		})
	})
	return roots, err
}
