package operate

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Taker is somebody who handles a kind of message at a place.
type Taker struct {
	Place string // the log or the queue
	Kind  string
	Check func(message.Message) error // nil if the message can be read
}

// An Edit is another body for a dead letter. Nothing else of a letter is edited.
type Edit struct {
	Body    jsontext.Value `json:"body"`
	Redrive bool           `json:"redrive,omitempty"` // at once, in the same commit
	Decision
}

// postEdit puts a new message in the place of a dead letter, with an id of its own, the old
// one as its cause, and the body that an operator gives it. It is dead until it is redriven.
func (d *Desk) postEdit(r *http.Request) (door.Answer, error) {
	var e Edit
	if err := decided(r, &e); err != nil {
		return door.Answer{}, err
	}
	if len(e.Body) == 0 {
		return door.Answer{}, door.Invalid(door.Field{Field: "body", Detail: "must be there: it is what is edited"})
	}
	db, err := d.service(r.PathValue("service"))
	if err != nil {
		return door.Answer{}, err
	}
	var done DeadLetterDecided
	hint := store.Journal
	_, err = db.Update(r.Context(), []string{lettersLock}, func(tx *store.Tx) error {
		l, in, err := letterIn(tx, db.Service(), r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := d.readable(l, e.Body); err != nil {
			return err
		}
		if done, err = in.replace(tx, &l, e); err != nil || !e.Redrive {
			return err
		}
		if in.table == "job" {
			hint = l.Place
		}
		_, err = redrive.do(tx, in, []Letter{l}, e.Decision)
		return err
	})
	if err == nil && e.Redrive {
		db.Hint(hint)
	}
	return door.Answer{Body: done}, err
}

// replace puts a message with another body in the place of l, which is that message then,
// and keeps the old one. Work that its sender names keeps its id, by which the sender
// replaces it or takes it back.
func (p pile) replace(tx *store.Tx, l *Letter, e Edit) (done DeadLetterDecided, err error) {
	old := l.Envelope.ID
	next := old
	if _, err := uuid.Parse(old); err == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return done, err
		}
		next = id.String()
	}
	err = tx.Exec(`UPDATE `+p.table+` SET id = $2, body = $3, cause = $4, replaces = $4 WHERE id = $1 AND `+p.dead, old, next, []byte(e.Body), old)
	if err != nil {
		return done, err
	}
	done = l.decided("edit", e.Decision)
	done.Became = l.Service + "/" + next
	done.keep(l.bytes)
	envelope := *l.Envelope
	envelope.ID, envelope.Cause = next, old
	l.ID, l.Envelope, l.bytes, l.Replaces = done.Became, &envelope, e.Body, old
	return done, tx.Append(message.DeadKey(old), done)
}

// keyed returns an error if a body is about something else: handlers go by the member that
// names the key of the message, and keep order and locks by the key itself.
func (l Letter) keyed(body []byte) error {
	var was, is map[string]any
	if l.Key == "" || json.Unmarshal(body, &is) != nil {
		return nil // its type says what it is to be
	}
	if json.Unmarshal(l.bytes, &was) != nil && !slices.Contains(slices.Collect(maps.Values(is)), any(l.Key)) {
		return unlike("", "must name "+l.Key+": it is what the message is about")
	}
	for member, value := range was {
		if value == l.Key && is[member] != l.Key {
			return unlike(pointer([]string{member})[len("body"):], "must stay "+l.Key+": it is what the message is about")
		}
	}
	return nil
}

// readable returns what is wrong with a body: about what it is, against the schema of its kind, if that is a
// contract, and against the type of whoever handles it, which must know every member.
func (d *Desk) readable(l Letter, body []byte) error {
	if err := l.keyed(body); err != nil {
		return err
	}
	if text, ok := contract.Schema(l.Kind); ok {
		if err := follows(l.Kind, text, body); err != nil {
			return err
		}
	}
	place := strings.TrimPrefix(l.Envelope.Source, "/")
	for _, t := range d.Takers[l.Service] {
		if t.Place != place || t.Kind != l.Kind {
			continue
		}
		err := t.Check(message.Message{ID: l.Envelope.ID, Kind: l.Kind, Key: l.Key, Time: l.Time, Body: body})
		var meaning *json.SemanticError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &meaning):
			return unlike(string(meaning.JSONPointer), "cannot be read by "+l.Service+": "+err.Error())
		}
		return unlike("", "cannot be read by "+l.Service+": "+err.Error())
	}
	return nil // nobody handles it here: its schema is all that is known
}
