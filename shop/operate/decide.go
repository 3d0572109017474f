package operate

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Decision is who decides on a dead letter, and why. It is kept.
type Decision struct {
	Who   string `json:"who"`
	Why   string `json:"why"`
	Force bool   `json:"force,omitempty"` // redrive what was redriven too often already
}

// checked returns what is wrong with a decision.
func (d Decision) checked() error {
	if strings.TrimSpace(d.Who) == "" {
		return door.Invalid(door.Field{Field: "who", Detail: "must name who decides"})
	}
	return nil
}

// decided reads a decision, with whatever it is about, and checks it.
func decided(r *http.Request, into interface{ checked() error }) error {
	if err := door.Decode(r, into); err != nil {
		return err
	}
	return into.checked()
}

// DeadLetterDecided records what an operator did with a dead letter. It repeats what the
// letter was, which may be gone when somebody asks.
type DeadLetterDecided struct {
	Letter  string         `json:"letter"` // its id
	Place   string         `json:"place"`
	Type    string         `json:"type"`
	Key     string         `json:"key"`
	Act     string         `json:"act"` // redrive, discard, edit
	Cause   string         `json:"cause"`
	Became  string         `json:"became,omitempty"` // edit: the letter in its place
	Body    jsontext.Value `json:"body,omitempty"`   // edit, and discard of a job: what it said, as far as that is JSON
	RawBody []byte         `json:"rawBody,omitempty"`
	Decision
}

// Kind is the name of the contract.
func (DeadLetterDecided) Kind() string { return "DeadLetterDecided" }

// Class keeps it for the retention, apart from the service's own facts.
func (DeadLetterDecided) Class() message.Class { return message.Audit }

// lettersLock is held by who decides on letters of a service: two operators could read one
// at once, on PostgreSQL.
const lettersLock = "dead letters"

// An act is what an operator can do with dead letters, as a statement for each pile. Its
// parameters are the time, and the letters that stand at %s as (id, past, redrives).
type act struct {
	name   string
	parked string
	queued string
}

// redrive marks letters to be tried again from now on, with all attempts before them.
var redrive = act{
	name:   "redrive",
	parked: marks("retry"),
	queued: `UPDATE job SET dead = 0, due = $1, past = l.column2, redrives = l.column3, lease = '', strikes = 0 FROM (VALUES %s) AS l WHERE id = l.column1 AND dead <> 0 RETURNING id`,
}

// discard gives letters up. On a stream its reader takes it out, and goes on with the next
// message of its key.
var discard = act{
	name:   "discard",
	parked: marks("discarded"),
	queued: `DELETE FROM job WHERE dead <> 0 AND CAST($1 AS BIGINT) IS NOT NULL AND id IN (SELECT column1 FROM (VALUES %s) AS l) RETURNING id`,
}

// marks says what the owner of the partition is to do with dead messages.
func marks(state string) string {
	return `UPDATE parked SET state = '` + state + `', due = $1, past = l.column2, redrives = l.column3 FROM (VALUES %s) AS l WHERE id = l.column1 AND state IN ('dead', 'released') RETURNING id`
}

// do does a with letters of a pile, as far as they are dead still, and records it in the
// same commit.
func (a act) do(tx *store.Tx, p pile, letters []Letter, why Decision) (done []DeadLetterDecided, err error) {
	const together = 64
	statement := a.parked
	if p.table == "job" {
		statement = a.queued
	}
	for len(letters) > 0 {
		some := letters[:min(together, len(letters))]
		letters = letters[len(some):]
		args, rows := []any{tx.Now}, make([]string, len(some))
		for i, l := range some {
			past := l.past.Redriven()
			n := len(args)
			rows[i] = fmt.Sprintf("($%d, $%d, CAST($%d AS BIGINT))", n+1, n+2, n+3)
			args = append(args, l.Envelope.ID, past.String(), past.Redrives)
		}
		marked := map[string]bool{}
		err := tx.Rows(fmt.Sprintf(statement, strings.Join(rows, ", ")), args, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			marked[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, l := range some {
			if !marked[l.Envelope.ID] {
				continue
			}
			said := l.decided(a.name, why)
			if a.name == discard.name && p.table == "job" {
				said.keep(l.bytes)
			}
			if err := tx.Append(message.DeadKey(l.Envelope.ID), said); err != nil {
				return nil, err
			}
			done = append(done, said)
		}
	}
	return done, nil
}

// decided is the fact of an act with a letter.
func (l Letter) decided(act string, why Decision) DeadLetterDecided {
	return DeadLetterDecided{Letter: l.ID, Place: l.Place, Type: l.Kind, Key: l.Key, Act: act, Cause: l.Cause, Decision: why}
}

// keep puts a body into the fact that it is kept in.
func (d *DeadLetterDecided) keep(body []byte) {
	if v := jsontext.Value(body); v.IsValid() {
		d.Body = v
	} else {
		d.RawBody = body
	}
}

// decide answers a request to do a with the letter that it names.
func (d *Desk) decide(a act) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		var why Decision
		if err := decided(r, &why); err != nil {
			return door.Answer{}, err
		}
		db, err := d.service(r.PathValue("service"))
		if err != nil {
			return door.Answer{}, err
		}
		done, err := a.on(r.Context(), db, r.PathValue("id"), why)
		return door.Answer{Body: done}, err
	}
}

// on does a with one letter. A second one finds no letter.
func (a act) on(ctx context.Context, db *store.DB, id string, why Decision) (done DeadLetterDecided, err error) {
	hint := store.Journal
	_, err = db.Update(ctx, []string{lettersLock}, func(tx *store.Tx) error {
		l, in, err := letterIn(tx, db.Service(), id)
		if err != nil {
			return err
		}
		if a.name == redrive.name && l.Redrives >= tooOften && !why.Force {
			return door.Conflict("redriven_too_often", fmt.Sprintf("It was redriven %d times and died again each time: mend what it dies of, or force it.", l.Redrives))
		}
		if in.table == "job" {
			hint = l.Place
		}
		all, err := a.do(tx, in, []Letter{l}, why)
		if err == nil && len(all) == 0 {
			err = door.NotFound("dead letter")
		}
		if err == nil {
			done = all[0]
		}
		return err
	})
	if err == nil {
		db.Hint(hint)
	}
	return done, err
}
