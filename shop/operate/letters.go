package operate

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Letter is a message that nobody could handle. It waits for an operator; on a stream
// the later messages of its key wait behind it.
type Letter struct {
	ID       string            `json:"id"` // service/message
	Service  string            `json:"service"`
	Place    string            `json:"place"` // its queue, or log (subscription)
	Kind     string            `json:"kind"`
	Key      string            `json:"key"`
	Time     time.Time         `json:"time"` // when it was sent
	Died     time.Time         `json:"died,omitzero"`
	Cause    string            `json:"cause"`
	Problem  string            `json:"problem"` // what its cause has in common with others
	Redrives int               `json:"redrives"`
	Behind   int64             `json:"behind"`             // messages that wait for it
	Replaces string            `json:"replaces,omitempty"` // the message whose place it took when an operator edited it
	Causes   []failure.Attempt `json:"causes,omitempty"`
	Waiting  []Waiting         `json:"waiting,omitempty"` // the first of those behind it
	TraceID  string            `json:"traceId,omitempty"`
	Envelope *Envelope         `json:"envelope,omitempty"`
	Body     jsontext.Value    `json:"body,omitzero"`
	Raw      []byte            `json:"raw,omitempty"` // the body, if it is not JSON

	bytes []byte
	past  failure.History
}

// An Envelope is the attributes of a message, named as CloudEvents names them. No operator
// changes them.
type Envelope struct {
	Spec    string    `json:"specversion"`
	ID      string    `json:"id"`
	Source  string    `json:"source"`  // the log or queue
	Type    string    `json:"type"`    // the kind
	Subject string    `json:"subject"` // the key
	Time    time.Time `json:"time"`
	Class   string    `json:"class"`
	Version int64     `json:"version,omitempty"`     // place in the history of its key
	Cause   string    `json:"causationid,omitempty"` // the message that was being handled when it was made
	Trace   string    `json:"traceparent,omitempty"`
}

// A Waiting is a message behind a dead one of its key.
type Waiting struct {
	ID   string    `json:"id"`
	Kind string    `json:"kind"`
	Time time.Time `json:"time"`
}

// shownWaiting is how many of those behind a letter are shown with it.
const shownWaiting = 100

// A place is where a page of letters, or of groups, begins.
type place struct {
	service string
	pile    int
	heap
	mark
}

// The parts of a cursor stand apart by what no name, and no problem, has in it.
const between = "\x1f"

// String is a place as parsePlace reads it.
func (p place) String() string {
	return strings.Join([]string{p.service, strconv.Itoa(p.pile), p.place, p.kind, p.problem, strconv.FormatInt(p.died.UnixMicro(), 10), p.id}, between)
}

// parsePlace reads a place; "" is the beginning of everything.
func parsePlace(s string) (p place, err error) {
	if s == "" {
		return place{mark: ever}, nil
	}
	parts := strings.Split(s, between)
	if len(parts) != 7 {
		return p, door.BadCursor()
	}
	died, err1 := strconv.ParseInt(parts[5], 10, 64)
	pile, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil || pile != parked && pile != queued {
		return p, door.BadCursor()
	}
	return place{parts[0], pile, heap{parts[2], parts[3], parts[4]}, mark{time.UnixMicro(died), parts[6]}}, nil
}

// gather returns at most limit letters of a pile that w wants, from a place on: heap by heap,
// the oldest death first.
func (p pile) gather(tx *store.Tx, w wanted, from place, limit int) (found []Letter, places []place, err error) {
	h, more := from.heap, w.has(from.heap) && from.heap != heap{}
	if !more {
		h, more, err = p.next(tx, w, h)
	}
	for at := from.mark; more && err == nil && len(found) < limit; at = ever {
		var letters []Letter
		if letters, err = p.letters(tx, w, h, at, limit-len(found)); err != nil {
			break
		}
		for _, l := range letters {
			found, places = append(found, l), append(places, place{from.service, from.pile, h, mark{l.Died, l.Envelope.ID}})
		}
		if len(found) < limit {
			h, more, err = p.next(tx, w, h)
		}
	}
	return found, places, err
}

// listDead answers with a page of letters, sorted by service, place, kind, problem and death.
// It looks for one more than fit: only then is there a next page.
func (d *Desk) listDead(r *http.Request) (door.Answer, error) {
	limit, w, from, err := pageOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	page := door.List[Letter]{Items: []Letter{}}
	var last []place
	err = d.piles(r.Context(), w, from, func(w wanted, tx *store.Tx, at place) error {
		letters, places, err := piles()[at.pile].gather(tx, w, at, limit+1-len(page.Items))
		for _, l := range letters {
			page.Items = append(page.Items, l.brief())
		}
		last = append(last, places...)
		return err
	})
	if len(page.Items) > limit {
		page.Items, page.Next = page.Items[:limit], door.Cursor(last[limit-1].String())
	}
	return door.Answer{Body: page}, err
}

// brief is a letter without what only one by itself is shown with.
func (l Letter) brief() Letter {
	l.Causes, l.Envelope = nil, nil
	return l
}

// showDead answers with a whole letter, and with what waits behind it.
func (d *Desk) showDead(r *http.Request) (door.Answer, error) {
	db, err := d.service(r.PathValue("service"))
	if err != nil {
		return door.Answer{}, err
	}
	var l Letter
	err = db.View(r.Context(), func(tx *store.Tx) (err error) {
		if l, _, err = letterIn(tx, db.Service(), r.PathValue("id")); err != nil {
			return err
		}
		l.Waiting, err = behind(tx, l)
		return err
	})
	l.TraceID = ""
	if err == nil {
		l.TraceID = message.TraceID(l.Envelope.Trace)
	}
	if v := jsontext.Value(l.bytes); v.IsValid() && utf8.Valid(l.bytes) {
		l.Body = v
	} else {
		l.Raw = l.bytes
	}
	return door.Answer{Body: l}, err
}

// behind returns the first messages that wait behind a letter.
func behind(tx *store.Tx, l Letter) (waiting []Waiting, err error) {
	if l.Behind == 0 {
		return nil, nil
	}
	err = tx.Rows(`SELECT id, kind, time FROM parked WHERE subscription = $1 AND log = $2 AND key = $3 AND state = 'waiting' ORDER BY seq LIMIT $4 + 0`,
		[]any{l.Service, strings.TrimPrefix(l.Envelope.Source, "/"), l.Key, shownWaiting}, func(scan func(...any) error) error {
			var w Waiting
			err := scan(&w.ID, &w.Kind, &w.Time)
			waiting = append(waiting, w)
			return err
		})
	return waiting, err
}

// letterIn finds a dead letter, and the pile that it lies in. Of one that lies in none any
// more it is told what was done with it.
func letterIn(tx *store.Tx, service, id string) (l Letter, in pile, err error) {
	for _, in = range piles() {
		if l, found, err := in.letter(tx, service, id); err != nil || found {
			return l, in, err
		}
	}
	gone := door.NotFound("dead letter")
	if gone.Detail, err = fate(tx, id); err != nil {
		return l, in, err
	}
	return l, in, gone
}

// fate is what was last decided on a letter, by whom and when; "" if nothing was, or so long
// ago that it is not kept any more.
func fate(tx *store.Tx, id string) (string, error) {
	var body []byte
	var at time.Time
	found, err := tx.Row([]any{&body, &at}, `SELECT body, time FROM journal WHERE key = $1 AND class = 'audit' AND kind = $2 ORDER BY seq DESC LIMIT 1`,
		message.DeadKey(id), DeadLetterDecided{}.Kind())
	if err != nil || !found {
		return "", err
	}
	var d DeadLetterDecided
	if err := json.Unmarshal(body, &d); err != nil {
		return "", fmt.Errorf("what was decided on letter %s: %w", id, err)
	}
	did := map[string]string{redrive.name: "redriven", discard.name: "discarded", "edit": "edited"}[d.Act]
	text := fmt.Sprintf("It was %s by %s at %s", did, d.Who, at.UTC().Format(time.RFC3339))
	if d.Why != "" {
		text += " (" + d.Why + ")"
	}
	if d.Became != "" {
		text += ": " + d.Became + " has taken its place"
	}
	return text + ".", nil
}
