package operate

import (
	"context"
	"net/http"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Decision is who decides on a dead letter, and why. It is kept.
type Decision struct {
	Who string `json:"who"`
	Why string `json:"why"`
}

// DeadLetterDecided records what an operator did with a dead letter.
type DeadLetterDecided struct {
	Letter string `json:"letter"` // id of the message
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

// An act is what an operator can do with one dead letter.
type act struct {
	name   string
	parked func(tx *store.Tx, p place, past string) error
	queued func(tx *store.Tx, id, past string) error
}

// A place is the row of a parked message.
type place struct {
	subscription, log, key string
	partition              int
	seq                    int64
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
// letter.
func (a act) on(ctx context.Context, db *store.DB, id string, why Decision) (DeadLetterDecided, error) {
	var done DeadLetterDecided
	var hint string
	_, err := db.Update(ctx, []string{"dead:" + id}, func(tx *store.Tx) error {
		done, hint = DeadLetterDecided{}, ""
		places, err := lockParked(tx, id)
		if err != nil {
			return err
		}
		for _, p := range places {
			past, err := readLetter(tx, &done, `SELECT log || ' (' || subscription || ')', kind, key, past FROM parked WHERE id = $1 AND subscription = $2 AND log = $3 AND state IN ('dead', 'released')`, id, p.subscription, p.log)
			if err != nil {
				return err
			}
			if done.Letter == "" {
				continue // somebody was faster
			}
			if err := a.parked(tx, p, past); err != nil {
				return err
			}
			hint = store.Journal
		}
		if done.Letter == "" {
			past, err := readLetter(tx, &done, `SELECT queue, kind, key, past FROM job WHERE id = $1 AND dead <> 0`, id)
			if err != nil {
				return err
			}
			if done.Letter == "" {
				return door.NotFound("dead letter")
			}
			if err := a.queued(tx, id, past); err != nil {
				return err
			}
			hint = done.Place
		}
		done.Act, done.Decision = a.name, why
		return tx.Append("dead:"+id, done)
	})
	if err == nil {
		db.Hint(hint)
	}
	return done, err
}

// lockParked finds a dead message and takes the row of its position: while it is held,
// no reader parks behind the message or drains what waits.
func lockParked(tx *store.Tx, id string) ([]place, error) {
	var places []place
	err := tx.Rows(`SELECT subscription, log, key, partition, seq FROM parked WHERE id = $1 AND state IN ('dead', 'released')
		ORDER BY subscription, log`, []any{id}, func(scan func(...any) error) error {
		var p place
		err := scan(&p.subscription, &p.log, &p.key, &p.partition, &p.seq)
		places = append(places, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		err := tx.Exec(`UPDATE position SET strikes = strikes WHERE subscription = $1 AND log = $2 AND partition = $3`, p.subscription, p.log, p.partition)
		if err != nil {
			return nil, err
		}
	}
	return places, nil
}

// readLetter describes the letter in done, if it is still there, and returns its past
// as a new start has it.
func readLetter(tx *store.Tx, done *DeadLetterDecided, query string, args ...any) (past string, err error) {
	found, err := tx.Row([]any{&done.Place, &done.Type, &done.Key, &past}, query, args...)
	if !found || err != nil {
		return "", err
	}
	done.Letter = args[0].(string)
	history, err := failure.ParseHistory(past)
	done.Cause = history.Cause()
	if err != nil { // a new start needs no past
		return "", nil
	}
	return history.Redriven().String(), nil
}

// redrive marks a letter to be tried again from now on, with all attempts before it.
var redrive = act{
	name: "redrive",
	parked: func(tx *store.Tx, p place, past string) error {
		return tx.Exec(`UPDATE parked SET state = 'retry', due = $5, past = $6
			WHERE subscription = $1 AND log = $2 AND partition = $3 AND seq = $4`, p.subscription, p.log, p.partition, p.seq, tx.Now, past)
	},
	queued: func(tx *store.Tx, id, past string) error {
		return tx.Exec(`UPDATE job SET dead = 0, due = $2, past = $3, lease = '', strikes = 0 WHERE id = $1`, id, tx.Now, past)
	},
}

// discard deletes a letter. On a stream the next message of its key takes its place.
var discard = act{
	name: "discard",
	parked: func(tx *store.Tx, p place, _ string) error {
		err := tx.Exec(`DELETE FROM parked WHERE subscription = $1 AND log = $2 AND partition = $3 AND seq = $4`,
			p.subscription, p.log, p.partition, p.seq)
		if err != nil {
			return err
		}
		return tx.Exec(`UPDATE parked SET state = 'retry', due = $4 WHERE subscription = $1 AND log = $2 AND key = $3 AND state = 'waiting'
			AND seq = (SELECT MIN(head.seq) FROM parked head WHERE head.subscription = $1 AND head.log = $2 AND head.key = $3)`,
			p.subscription, p.log, p.key, tx.Now)
	},
	queued: func(tx *store.Tx, id, _ string) error {
		return tx.Exec(`DELETE FROM job WHERE id = $1 AND dead <> 0`, id)
	},
}
