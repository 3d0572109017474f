package operate

import (
	"context"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// most is how many letters are decided on in one request: in one commit for each service.
const most = 1000

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
		if err := door.Decode(r, &m); err != nil {
			return door.Answer{}, err
		}
		if err := m.checked(); err != nil {
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
			if err = d.name(r.Context(), db); err == nil {
				err = a.some(r.Context(), db, w, m, &done)
			}
		}
		done.More = len(done.Letters) == m.Limit
		return door.Answer{Body: done}, err
	}
}

// some does a with as many letters of one service as are still to be decided on.
func (a act) some(ctx context.Context, db *store.DB, w wanted, m Many, done *Done) error {
	var ids, hints []string
	at := done.DiedBefore
	_, err := db.Update(ctx, []string{lettersLock}, func(tx *store.Tx) error {
		ids, hints = nil, []string{store.Journal}
		if at = done.DiedBefore; at.IsZero() {
			at = tx.Now
		}
		w := w.in(db.Service(), tx.Now)
		if at.Before(w.until) {
			w.until = at
		}
		for i, p := range piles() {
			letters, _, err := p.gather(tx, w, place{service: db.Service(), pile: i, mark: ever}, m.Limit-len(done.Letters)-len(ids))
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
		return err
	}
	done.Letters, done.DiedBefore = append(done.Letters, ids...), at
	for _, hint := range hints {
		db.Hint(hint)
	}
	return nil
}
