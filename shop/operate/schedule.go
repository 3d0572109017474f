package operate

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/schedule"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Scheduled is work that waits for its time.
type Scheduled struct {
	ID      string    `json:"id"` // service/work
	Service string    `json:"service"`
	Queue   string    `json:"queue"`
	Kind    string    `json:"kind"`
	Key     string    `json:"key"`
	Due     time.Time `json:"due"`
}

// ScheduleDecided records what an operator did with work that waited. It repeats what the
// work was, which is gone when it was cancelled.
type ScheduleDecided struct {
	Work  string    `json:"work"` // its id
	Queue string    `json:"queue"`
	Type  string    `json:"type"`
	Key   string    `json:"key"`
	Act   string    `json:"act"` // cancel, move
	Due   time.Time `json:"due"` // when it was to be done
	To    time.Time `json:"to,omitzero"`
	Decision
}

// Kind is the name of the contract.
func (ScheduleDecided) Kind() string { return "ScheduleDecided" }

// Class keeps it for the retention, apart from the service's own facts.
func (ScheduleDecided) Class() message.Class { return message.Audit }

// listSchedule answers with a page of what waits: service by service, the next first.
func (d *Desk) listSchedule(r *http.Request) (door.Answer, error) {
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	from, place, err := placeOf(after)
	if err != nil {
		return door.Answer{}, err
	}
	q := r.URL.Query()
	filter := schedule.Filter{Queue: q.Get("queue"), Kind: q.Get("kind"), Key: q.Get("key")}
	if filter.After, err = timeOf(q, "after"); err != nil {
		return door.Answer{}, err
	}
	if filter.Before, err = timeOf(q, "before"); err != nil {
		return door.Answer{}, err
	}
	page := door.List[Scheduled]{Items: []Scheduled{}}
	for _, db := range d.sorted() {
		name := db.Service()
		if name < from || q.Get("service") != "" && q.Get("service") != name {
			continue
		}
		if name > from {
			place = schedule.Place{}
		}
		found, err := schedule.List(r.Context(), db, filter, place, limit-len(page.Items))
		if err != nil {
			return door.Answer{}, err
		}
		for _, e := range found.Entries {
			page.Items = append(page.Items, Scheduled{ID: name + "/" + e.ID, Service: name, Queue: e.Queue, Kind: e.Kind, Key: e.Key, Due: e.Due})
		}
		if place = found.Next; found.More {
			page.Next = door.Cursor(name + " " + strconv.FormatInt(place.Due.UnixMicro(), 10) + " " + place.ID)
			break
		}
		if len(page.Items) == limit {
			page.Next = door.Cursor(name + "\x01 0 ") // from the next service on
			break
		}
	}
	return door.Answer{Body: page}, nil
}

// placeOf reads the cursor of a page: a service, and a place in its schedule.
func placeOf(cursor string) (service string, p schedule.Place, err error) {
	if cursor == "" {
		return "", p, nil
	}
	parts := strings.SplitN(cursor, " ", 3)
	if len(parts) != 3 {
		return "", p, door.BadCursor()
	}
	due, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || due < 0 {
		return "", p, door.BadCursor()
	}
	return parts[0], schedule.Place{Due: time.UnixMicro(due), ID: parts[2]}, nil
}

// timeOf reads a time of a request's URL; the zero Time is none. A plus sign of a time zone
// that was not escaped arrives as a space.
func timeOf(q url.Values, name string) (at time.Time, err error) {
	if text := strings.ReplaceAll(q.Get(name), " ", "+"); text != "" {
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return at, door.BadRequest("", door.Field{Field: name, Detail: "must be a time such as 2026-01-31T12:00:00Z"}).Cause("bad-time")
		}
	}
	return at, nil
}

// A rescheduling is what an operator wants of work that waits.
type rescheduling struct {
	Due *time.Time `json:"due"` // of a move
	Decision
}

// reschedule answers a request to move or cancel the work that it names.
func (d *Desk) reschedule(act string) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		var want rescheduling
		if err := door.Decode(r, &want); err != nil {
			return door.Answer{}, err
		}
		var wrong []door.Field
		if strings.TrimSpace(want.Who) == "" {
			wrong = append(wrong, door.Field{Field: "who", Detail: "must name who decides"})
		}
		if (want.Due != nil) != (act == "move") {
			wrong = append(wrong, door.Field{Field: "due", Detail: map[bool]string{true: "must say when it is to be done", false: "is of no use to a cancel"}[act == "move"]})
		}
		if len(wrong) > 0 {
			return door.Answer{}, door.Invalid(wrong...)
		}
		db, err := d.service(r.PathValue("service"))
		if err != nil {
			return door.Answer{}, err
		}
		done, err := want.on(r.Context(), db, r.PathValue("id"), act)
		switch {
		case errors.Is(err, schedule.ErrUnknown):
			return door.Answer{}, door.NotFound("scheduled work")
		case errors.Is(err, schedule.ErrNotWaiting):
			return door.Answer{}, door.Conflict("has_begun", "A worker has begun it, or it is dead: tidewire queue list and tidewire dead list show which.")
		case errors.Is(err, schedule.ErrTime):
			return door.Answer{}, door.Invalid(door.Field{Field: "due", Detail: "must be after the year 1970 and before the year 10000"})
		}
		return door.Answer{Body: done}, err
	}
}

// on moves or cancels the work, and records it in the same commit. The lock is for
// PostgreSQL, where two operators could read it at once.
func (w rescheduling) on(ctx context.Context, db *store.DB, id, act string) (done ScheduleDecided, err error) {
	_, err = db.Update(ctx, []string{"schedule:" + id}, func(tx *store.Tx) (err error) {
		done = ScheduleDecided{Work: db.Service() + "/" + id, Act: act, Decision: w.Decision}
		var was schedule.Entry
		if act == "move" {
			done.To = w.Due.UTC()
			was, err = schedule.Move(tx, id, done.To)
		} else {
			was, err = schedule.Cancel(tx, id)
		}
		if err != nil {
			return err
		}
		done.Queue, done.Type, done.Key, done.Due = was.Queue, was.Kind, was.Key, was.Due.UTC()
		return tx.Append("schedule:"+id, done)
	})
	if err == nil && act == "move" {
		db.Hint(done.Queue) // it may be due now
	}
	return done, err
}
