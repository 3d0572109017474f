package operate

import (
	"context"
	"net/http"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Decision is who decides on a dead letter, and why. It is kept.
type Decision struct {
	Who string `json:"who"`
	Why string `json:"why"`
}

// DeadLetterDecided records what an operator did with a dead letter. It repeats what the
// letter was, which may be gone when somebody asks.
type DeadLetterDecided struct {
	Letter string `json:"letter"` // its id
	Place  string `json:"place"`
	Type   string `json:"type"`
	Key    string `json:"key"`
	Act    string `json:"act"` // redrive, discard
	Cause  string `json:"cause"`
	Decision
}

// Kind is the name of the contract.
func (DeadLetterDecided) Kind() string { return "DeadLetterDecided" }

// Class keeps it for the retention, apart from the service's own facts.
func (DeadLetterDecided) Class() message.Class { return message.Audit }

// An act is what an operator can do with a dead letter, in the table where it lies. Its
// past is that of a new start.
type act struct {
	name           string
	parked, queued func(tx *store.Tx, id, past string) error
}

// redrive marks a letter to be tried again from now on, with all attempts before it.
var redrive = act{
	name:   "redrive",
	parked: mark("retry"),
	queued: func(tx *store.Tx, id, past string) error {
		return tx.Exec(`UPDATE job SET dead = 0, due = $2, past = $3, lease = '', strikes = 0 WHERE id = $1 AND dead <> 0`, id, tx.Now, past)
	},
}

// discard gives a letter up. On a stream its reader takes it out, and goes on with the
// next message of its key.
var discard = act{
	name:   "discard",
	parked: mark("discarded"),
	queued: func(tx *store.Tx, id, _ string) error {
		return tx.Exec(`DELETE FROM job WHERE id = $1 AND dead <> 0`, id)
	},
}

// mark says what the owner of the partition is to do with a dead message.
func mark(state string) func(tx *store.Tx, id, past string) error {
	return func(tx *store.Tx, id, past string) error {
		return tx.Exec(`UPDATE parked SET state = $2, due = $3, past = $4 WHERE id = $1 AND state IN ('dead', 'released')`, id, state, tx.Now, past)
	}
}

// decide answers a request to do act with the letter that it names.
func (d *Desk) decide(a act) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		var why Decision
		if err := door.Decode(r, &why); err != nil {
			return door.Answer{}, err
		}
		if why.Who == "" {
			return door.Answer{}, door.Invalid(door.Field{Field: "who", Detail: "must name who decides"})
		}
		db, err := d.service(r.PathValue("service"))
		if err != nil {
			return door.Answer{}, err
		}
		done, err := a.on(r.Context(), db, r.PathValue("id"), why)
		return door.Answer{Body: done}, err
	}
}

// on does a with the letter, and records it in the same commit. A second one finds no
// letter. The lock is for PostgreSQL, where two operators could read it at once.
func (a act) on(ctx context.Context, db *store.DB, id string, why Decision) (done DeadLetterDecided, err error) {
	hint := store.Journal
	_, err = db.Update(ctx, []string{"dead:" + id}, func(tx *store.Tx) error {
		do := a.parked
		l, found, err := letterIn(tx, db.Service(), parkedLetters, id)
		if err == nil && !found {
			do = a.queued
			l, found, err = letterIn(tx, db.Service(), queuedLetters, id)
			hint = l.Place
		}
		switch {
		case err != nil:
			return err
		case !found:
			return door.NotFound("dead letter")
		}
		if err := do(tx, id, l.past.Redriven().String()); err != nil {
			return err
		}
		done = DeadLetterDecided{Letter: l.ID, Place: l.Place, Type: l.Kind, Key: l.Key, Act: a.name, Cause: l.Cause, Decision: why}
		return tx.Append("dead:"+id, done)
	})
	if err == nil {
		db.Hint(hint)
	}
	return done, err
}

// letterIn reads a dead letter of one of the two tables. One that is being tried again
// is not dead, and not found.
func letterIn(tx *store.Tx, service, table, id string) (l Letter, found bool, err error) {
	err = tx.Rows(table+` AND id = $1`, []any{id}, func(scan func(...any) error) (err error) {
		found = true
		l, err = scanLetter(service, true, scan)
		return err
	})
	return l, found, err
}
