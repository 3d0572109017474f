package operate

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Letter is a message that nobody could handle. It waits for an operator; on a stream
// the later messages of its key wait behind it.
type Letter struct {
	ID       string            `json:"id"` // service/message
	Service  string            `json:"service"`
	Place    string            `json:"place"` // its queue, or subscription and log
	Kind     string            `json:"kind"`
	Key      string            `json:"key"`
	Time     time.Time         `json:"time"` // when it was sent
	Died     time.Time         `json:"died,omitzero"`
	Cause    string            `json:"cause"`
	Redrives int               `json:"redrives"`
	Behind   int64             `json:"behind"` // messages that wait for it
	Causes   []failure.Attempt `json:"causes,omitempty"`
	Trace    string            `json:"trace,omitzero"`
	Body     jsontext.Value    `json:"body,omitzero"`
	Raw      []byte            `json:"raw,omitempty"` // the body, if it is not JSON

	past failure.History
}

// letterColumns, of both tables under one set of names. Only the last two differ.
const (
	parkedLetters = `SELECT id, log || ' (' || subscription || ')', kind, key, time, past, trace, body,
			(SELECT COUNT(*) FROM parked behind WHERE behind.subscription = parked.subscription AND behind.log = parked.log
				AND behind.key = parked.key AND behind.state = 'waiting')
		FROM parked WHERE state IN ('dead', 'released')`
	queuedLetters = `SELECT id, queue, kind, key, time, past, trace, body, 0 FROM job WHERE dead <> 0`
)

// scanLetter reads one row of either. Only whole letters have a body and a history.
func scanLetter(service string, whole bool, scan func(...any) error) (Letter, error) {
	l := Letter{Service: service}
	var past string
	var body []byte
	if err := scan(&l.ID, &l.Place, &l.Kind, &l.Key, &l.Time, &past, &l.Trace, &body, &l.Behind); err != nil {
		return l, err
	}
	l.ID = service + "/" + l.ID
	history, err := failure.ParseHistory(past)
	if err != nil { // it is to be seen all the same
		history.Causes = []failure.Attempt{{Cause: "unreadable history: " + past}}
	}
	l.past, l.Cause, l.Redrives = history, history.Cause(), history.Redrives
	if n := len(history.Causes); n > 0 {
		l.Died = history.Causes[n-1].At
	}
	if !whole {
		l.Trace = ""
		return l, nil
	}
	l.Causes = history.Causes
	if v := jsontext.Value(body); v.IsValid() && utf8.Valid(body) {
		l.Body = v
	} else {
		l.Raw = body
	}
	return l, nil
}

// A Wanted is which dead letters are asked for. The zero value is all.
type Wanted struct {
	Service, Kind string
	Cause         string        // words of the last cause
	Age           time.Duration // at least, since it died
}

// has reports whether w asks for l. Its history is JSON, which SQL does not look into.
func (w Wanted) has(l Letter, now time.Time) bool {
	return strings.Contains(strings.ToLower(l.Cause), strings.ToLower(w.Cause)) && (w.Age == 0 || now.Sub(l.Died) >= w.Age)
}

// Letters lists dead letters by id, at most limit, behind the id after. Ids do not move,
// so pages join even while letters die and are decided on.
func (d *Desk) Letters(ctx context.Context, w Wanted, after string, limit int) ([]Letter, error) {
	var found []Letter
	now := time.Now()
	afterService, afterID, _ := strings.Cut(after, "/")
	var anyKind int64
	if w.Kind == "" {
		anyKind = 1
	}
	err := d.each(ctx, func(db *store.DB, tx *store.Tx) error {
		from := ""
		switch {
		case w.Service != "" && w.Service != db.Service() || db.Service() < afterService:
			return nil
		case db.Service() == afterService:
			from = afterID
		}
		return tx.Rows(parkedLetters+` AND id > $1 AND (kind = $2 OR $3 = 1) UNION ALL `+
			queuedLetters+` AND id > $1 AND (kind = $2 OR $3 = 1) ORDER BY 1`, []any{from, w.Kind, anyKind},
			func(scan func(...any) error) error {
				if len(found) >= limit {
					return nil
				}
				l, err := scanLetter(db.Service(), false, scan)
				if err == nil && w.has(l, now) {
					found = append(found, l)
				}
				return err
			})
	})
	return found, err
}

// listDead answers with a page of letters. It looks for one more than fit: only then is
// there a next page.
func (d *Desk) listDead(r *http.Request) (door.Answer, error) {
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	q := r.URL.Query()
	w := Wanted{Service: q.Get("service"), Kind: q.Get("kind"), Cause: q.Get("cause")}
	if age := q.Get("age"); age != "" {
		if w.Age, err = time.ParseDuration(age); err != nil {
			return door.Answer{}, door.BadRequest("", door.Field{Field: "age", Detail: "must be a duration such as 90m"})
		}
	}
	letters, err := d.Letters(r.Context(), w, after, limit+1)
	page := door.List[Letter]{Items: letters}
	if len(letters) > limit {
		page.Items = letters[:limit]
		page.Next = door.Cursor(letters[limit-1].ID)
	}
	if page.Items == nil {
		page.Items = []Letter{}
	}
	return door.Answer{Body: page}, err
}

// showDead answers with a whole letter.
func (d *Desk) showDead(r *http.Request) (door.Answer, error) {
	db, err := d.service(r.PathValue("service"))
	if err != nil {
		return door.Answer{}, err
	}
	var l Letter
	found := false
	err = db.View(r.Context(), func(tx *store.Tx) (err error) {
		if l, found, err = letterIn(tx, db.Service(), parkedLetters, r.PathValue("id")); err == nil && !found {
			l, found, err = letterIn(tx, db.Service(), queuedLetters, r.PathValue("id"))
		}
		return err
	})
	if err == nil && !found {
		err = door.NotFound("dead letter")
	}
	return door.Answer{Body: l}, err
}
