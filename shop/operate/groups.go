package operate

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

// tooOften is how often a letter is redriven before another time must be forced: what dies
// again and again goes round in a loop.
const tooOften = 3

// A Filter chooses dead letters. The zero value chooses all.
type Filter struct {
	Service string `json:"service,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Key     string `json:"key,omitempty"`
	Cause   string `json:"cause,omitempty"` // words of the problem
	Age     string `json:"age,omitempty"`   // at least, since they died: a duration such as 90m
}

// wanted is a filter that has been understood.
type wanted struct {
	Filter
	service string        // whose letters are looked at
	words   string        // of the problem, in lower case
	age     time.Duration // at least
	until   time.Time     // the latest death
	spared  int           // redrives that are too many
}

// understood checks a filter. Words are compared with problems, so that an index finds
// them: what a problem does not have finds nothing, and is refused.
func (f Filter) understood() (w wanted, err error) {
	w = wanted{Filter: f, words: strings.ToLower(f.Cause), until: always, spared: 1 << 30}
	if plain := failure.Problem(f.Cause); f.Cause != "" && plain != f.Cause {
		return w, door.Invalid(door.Field{Field: "cause", Detail: fmt.Sprintf("is compared with problems, in which numbers, ids and quoted words are replaced: write %s", plain)})
	}
	if f.Age != "" {
		if w.age, err = time.ParseDuration(f.Age); err != nil || w.age < 0 {
			return w, door.BadRequest("", door.Field{Field: "age", Detail: "must be a duration such as 90m"})
		}
	}
	return w, nil
}

// in is w for the letters of one service, at a time.
func (w wanted) in(service string, now time.Time) wanted {
	w.service = service
	if limit := now.Add(-w.age); w.age > 0 && limit.Before(w.until) {
		w.until = limit
	}
	return w
}

// pageOf reads what a request for a page asks for, of letters as of groups: how many at most,
// which, and from where on.
func pageOf(r *http.Request) (limit int, w wanted, from place, err error) {
	limit, cursor, err := door.Page(r)
	if err != nil {
		return 0, w, from, err
	}
	q := r.URL.Query()
	w, err = Filter{Service: q.Get("service"), Kind: q.Get("kind"), Key: q.Get("key"), Cause: q.Get("cause"), Age: q.Get("age")}.understood()
	if err != nil {
		return 0, w, from, err
	}
	from, err = parsePlace(cursor)
	return limit, w, from, err
}

// A Group is dead letters that died of the same: what an operator decides on together.
type Group struct {
	Service  string    `json:"service"`
	Place    string    `json:"place"` // its queue, or log (subscription)
	Kind     string    `json:"kind"`
	Problem  string    `json:"problem"` // what their causes have in common
	Count    int64     `json:"count"`
	Oldest   time.Time `json:"oldest"` // when the first died
	Newest   time.Time `json:"newest"`
	Redrives int       `json:"redrives"` // of the one that was redriven most
	Looping  int64     `json:"looping"`  // those that only force redrives
}

// Groups are all dead letters that a filter chooses, by what they died of.
type Groups struct {
	Items []Group   `json:"items"`
	Next  string    `json:"next,omitempty"` // the cursor of the next page
	At    time.Time `json:"at"`             // what dies later is not among them
}

// listGroups answers with a page of groups.
func (d *Desk) listGroups(r *http.Request) (door.Answer, error) {
	limit, w, from, err := pageOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	page := Groups{Items: []Group{}, At: d.clock(r.Context())}
	var last []place
	err = d.piles(r.Context(), w, from, func(w wanted, tx *store.Tx, at place) error {
		groups, heaps, err := piles()[at.pile].groups(tx, w, at.heap, limit+1-len(page.Items))
		for i := range groups {
			page.Items, last = append(page.Items, groups[i]), append(last, place{service: w.service, pile: at.pile, heap: heaps[i], mark: mark{died: always}})
		}
		return err
	})
	if len(page.Items) > limit {
		page.Items, page.Next = page.Items[:limit], door.Cursor(last[limit-1].String())
	}
	return door.Answer{Body: page}, err
}

// clock is the time by the clock that deaths have, that of the databases; or ours, if they
// take no changes now.
func (d *Desk) clock(ctx context.Context) time.Time {
	now := time.Now()
	for _, db := range d.Services {
		var at time.Time
		if _, err := db.Update(ctx, nil, func(tx *store.Tx) error { at = tx.Now; return nil }); err == nil {
			return at
		}
	}
	return now
}

// groups counts the letters of each heap behind another. The database counts a heap in an
// index, and finds its ends there: to sum up all heaps at once would read every letter.
func (p pile) groups(tx *store.Tx, w wanted, after heap, limit int) (groups []Group, heaps []heap, err error) {
	for len(groups) < limit {
		h, found, err := p.next(tx, w, after)
		if err != nil || !found {
			return groups, heaps, err
		}
		after = h
		key, args := w.of([]any{h.place, h.kind, h.problem, w.until, tooOften})
		of := fmt.Sprintf("FROM %s WHERE %s AND %s = $1 AND kind = $2 AND problem = $3 AND died <= $4%s", p.table, p.dead, p.place, key)
		g := Group{Service: w.service, Place: p.named(w.service, h.place), Kind: h.kind, Problem: h.problem}
		_, err = tx.Row([]any{&g.Count, &g.Oldest, &g.Newest, &g.Redrives, &g.Looping}, `SELECT (SELECT COUNT(*) `+of+`), (SELECT died `+of+` ORDER BY died LIMIT 1), (SELECT died `+of+` ORDER BY died DESC LIMIT 1),
			(SELECT MAX(redrives) `+of+` AND redrives > 0), (SELECT COUNT(*) `+of+` AND redrives > 0 AND redrives >= $5)`, args...)
		if err != nil {
			return groups, heaps, err
		}
		if g.Count > 0 { // else all are too young
			groups, heaps = append(groups, g), append(heaps, h)
		}
	}
	return groups, heaps, nil
}

// piles calls look with a snapshot of every pile that w may want letters of, and with where
// to begin in it.
func (d *Desk) piles(ctx context.Context, w wanted, from place, look func(wanted, *store.Tx, place) error) error {
	for _, db := range d.sorted() {
		if w.Service != "" && w.Service != db.Service() || db.Service() < from.service {
			continue
		}
		if err := d.name(ctx, db); err != nil {
			return err
		}
		err := db.View(ctx, func(tx *store.Tx) error {
			for i := range every {
				begin := place{service: db.Service(), pile: i, mark: ever}
				switch {
				case db.Service() == from.service && i < from.pile:
					continue
				case db.Service() == from.service && i == from.pile:
					begin = from
				}
				if err := look(w.in(db.Service(), time.Now()), tx, begin); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// name has all letters of a service named that died under an older binary, once.
func (d *Desk) name(ctx context.Context, db *store.DB) error {
	const chunk = 500
	if _, done := d.named.Load(db); done {
		return nil
	}
	for left := true; left; {
		_, err := db.Background().Update(ctx, []string{lettersLock}, func(tx *store.Tx) error {
			left = false
			for _, p := range piles() {
				n, err := p.name(tx, db.Service(), chunk)
				if err != nil {
					return err
				}
				left = left || n == chunk
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	d.named.Store(db, true)
	return nil
}
