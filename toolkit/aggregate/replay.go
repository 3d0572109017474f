package aggregate

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// errOther: the history is not the one that a snapshot is of.
var errOther = errors.New("a snapshot of another history")

// replay takes r on with what follows it: what is committed until a time, then what tx has
// said. The event that a snapshot ends with is read again, for it names the history.
func (a Aggregate[S]) replay(tx *store.Tx, r *Root[S], until time.Time, each func(Event)) error {
	after := r.Last.Version
	if r.id != "" {
		after-- // read again
	}
	met := r.id == ""
	next := func(m message.Message) error {
		switch {
		case m.Version <= after || m.Time.After(until):
			return nil
		case !met:
			if m.ID != r.id {
				return errOther
			}
			met = true
			return nil
		}
		e, err := a.event(r.State, m)
		if err != nil {
			return err
		}
		if err := a.take(r, e); err != nil {
			return err
		}
		if each != nil {
			each(e)
		}
		return nil
	}
	m := message.Message{Key: r.Key}
	columns, row := "kind, version, time, body", []any{&m.Kind, &m.Version, &m.Time, &m.Body}
	if !met {
		columns, row = columns+", id", append(row, &m.ID)
	}
	err := tx.Rows(`SELECT `+columns+` FROM journal
		WHERE key = $1 AND version > $2 AND time <= $3 ORDER BY version`, []any{r.Key, after, until}, func(scan func(...any) error) error {
		if err := scan(row...); err != nil {
			return err
		}
		return next(m)
	})
	if err != nil {
		return err
	}
	for _, m := range tx.Said(r.Key) {
		if err := next(m); err != nil {
			return err
		}
	}
	if !met {
		return errOther
	}
	return nil
}

// take takes r one event further.
func (a Aggregate[S]) take(r *Root[S], e Event) error {
	if e.Version != r.Last.Version+1 {
		return fmt.Errorf("aggregate %s %s: event %d follows event %d: its history has a gap", a.Name, r.Key, e.Version, r.Last.Version)
	}
	state, err := a.Apply(r.State, e)
	if err != nil {
		return err
	}
	r.State, r.Last = state, e.Place
	r.since++
	return nil
}
