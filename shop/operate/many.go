package operate

import (
	"context"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	most    = 1000 // letters that are decided on in one request
	atATime = 200  // of them in one commit, for which others may wait
)

// A Many decides on all letters that a filter chooses, some at a time.
type Many struct {
	Filter     Filter    `json:"filter"`
	DiedBefore time.Time `json:"diedBefore,omitzero"` // or then; now. A run that keeps to one time decides on no letter twice
	Limit      int       `json:"limit,omitempty"`     // at most so many now; 1000
	Decision
}

// Done is what came of a Many.
type Done struct {
	Act        string    `json:"act"`
	Letters    []string  `json:"letters"` // that it was done with
	More       bool      `json:"more"`    // there may be more, for another request with this DiedBefore
	DiedBefore time.Time `json:"diedBefore"`
}

// decideMany answers a request to do a with the letters that a filter chooses: on a stream
// each is the first of its key, so keys stay in order; of a place the oldest deaths come first.
func (d *Desk) decideMany(a act) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		m := Many{Limit: most}
		if err := decided(r, &m); err != nil {
			return door.Answer{}, err
		}
		if m.Limit < 1 || m.Limit > most {
			return door.Answer{}, door.Invalid(door.Field{Field: "limit", Detail: "must be a whole number from 1 to 1000"})
		}
		w, err := m.Filter.understood()
		if err != nil {
			return door.Answer{}, err
		}
		if !m.DiedBefore.IsZero() {
			w.until = m.DiedBefore
		}
		if a.name == redrive.name && !m.Force {
			w.spared = tooOften
		}
		done := Done{Act: a.name, Letters: []string{}, DiedBefore: m.DiedBefore}
		for _, db := range d.sorted() {
			if err != nil || len(done.Letters) == m.Limit || w.Service != "" && w.Service != db.Service() {
				continue
			}
			err = d.name(r.Context(), db)
			for n := atATime; err == nil && n == atATime && len(done.Letters) < m.Limit; {
				n, err = a.some(r.Context(), db, w, m, &done)
			}
		}
		if done.More = len(done.Letters) == m.Limit || err != nil; len(done.Letters) > 0 {
			err = nil // whoever goes on meets it again
		}
		return door.Answer{Body: done}, err
	}
}

// some does a with some letters of one service, and returns with how many.
func (a act) some(ctx context.Context, db *store.DB, w wanted, m Many, done *Done) (n int, err error) {
	var ids, hints []string
	at, limit := done.DiedBefore, min(atATime, m.Limit-len(done.Letters))
	_, err = db.Update(ctx, []string{lettersLock}, func(tx *store.Tx) error {
		ids, hints = nil, []string{store.Journal}
		if at = done.DiedBefore; at.IsZero() {
			at = tx.Now
		}
		w := w.in(db.Service(), tx.Now)
		if at.Before(w.until) {
			w.until = at
		}
		for i, p := range piles() {
			letters, _, err := p.gather(tx, w, place{service: db.Service(), pile: i, mark: ever}, limit-len(ids))
			if err != nil {
				return err
			}
			decided, err := a.do(tx, p, letters, m.Decision)
			if err != nil {
				return err
			}
			for _, one := range decided {
				ids = append(ids, one.Letter)
				if i == queued && one.Place != hints[len(hints)-1] {
					hints = append(hints, one.Place)
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	done.Letters, done.DiedBefore = append(done.Letters, ids...), at
	for _, hint := range hints {
		db.Hint(hint)
	}
	return len(ids), nil
}
