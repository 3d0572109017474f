package operate

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A pile is one of the two tables in which dead letters lie. Its indexes hold dead rows
// only, sorted by where they lie, what they are and what they died of, the oldest death first.
type pile struct {
	table string
	place string // the column that names the log or the queue
	dead  string // the condition, in the words of the indexes
	rest  string // columns that the other has not: class, version, and how many wait behind
}

const (
	parked = 0
	queued = 1
)

// every is how many piles there are.
const every = 2

func piles() [every]pile {
	return [2]pile{
		{table: "parked", place: "log", dead: "state IN ('dead', 'released')", rest: `class, version, (SELECT COUNT(*) FROM parked behind WHERE behind.subscription = parked.subscription
			AND behind.log = parked.log AND behind.key = parked.key AND behind.state = 'waiting')`},
		{table: "job", place: "queue", dead: "dead <> 0", rest: "'command', 0, 0"},
	}
}

// named is how a place of the pile is shown.
func (p pile) named(service, place string) string {
	if p.table == "parked" {
		return place + " (" + service + ")"
	}
	return place
}

// A heap is the letters of a pile that are of one kind, at one place, and have one problem.
type heap struct{ place, kind, problem string }

// A mark is a place among the letters of a heap.
type mark struct {
	died time.Time
	id   string
}

// ever is before and always after every death.
var (
	ever   = mark{}
	always = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// of narrows a query to one key.
func (w wanted) of(args []any) (string, []any) {
	if w.Key == "" {
		return "", args
	}
	args = append(args, w.Key)
	return fmt.Sprintf(" AND key = $%d", len(args)), args
}

// next returns the first heap behind another one that w may want letters of. It asks in
// three steps, each of which is one look into an index.
func (p pile) next(tx *store.Tx, w wanted, after heap) (h heap, found bool, err error) {
	for h = after; ; {
		for _, behind := range []struct {
			which string
			args  []any
		}{
			{p.place + " = $1 AND kind = $2 AND problem > $3", []any{h.place, h.kind, h.problem}},
			{p.place + " = $1 AND kind > $2", []any{h.place, h.kind}},
			{p.place + " > $1", []any{h.place}},
		} {
			key, args := w.of(behind.args)
			found, err = tx.Row([]any{&h.place, &h.kind, &h.problem}, fmt.Sprintf(`SELECT %[2]s, kind, problem FROM %[1]s WHERE %[3]s AND %[4]s%[5]s ORDER BY %[2]s, kind, problem LIMIT 1`,
				p.table, p.place, p.dead, behind.which, key), args...)
			if err != nil || found {
				break
			}
		}
		if err != nil || !found || w.has(h) {
			return h, found, err
		}
	}
}

// has reports whether w wants letters of a heap.
func (w wanted) has(h heap) bool {
	return (w.Kind == "" || w.Kind == h.kind) && strings.Contains(strings.ToLower(h.problem), w.words)
}

// letters returns at most limit letters of a heap, behind one of them.
func (p pile) letters(tx *store.Tx, w wanted, h heap, after mark, limit int) (found []Letter, err error) {
	key, args := w.of([]any{h.place, h.kind, h.problem, after.died, after.id, w.until, w.spared, limit})
	problem := "problem"
	if key != "" {
		problem = "problem || ''" // so that the key's index is taken, of which there are fewer
	}
	err = tx.Rows(p.columns()+fmt.Sprintf(` AND %s = $1 AND kind = $2 AND `+problem+` = $3 AND (died, id) > ($4, $5) AND died <= $6 AND redrives < $7%s ORDER BY died, id LIMIT $8 + 0`, p.place, key),
		args, func(scan func(...any) error) error {
			l, err := p.scan(w.service, scan)
			found = append(found, l)
			return err
		})
	return found, err
}

// letter returns the letter with an id. One that is being tried again is not dead.
func (p pile) letter(tx *store.Tx, service, id string) (l Letter, found bool, err error) {
	err = tx.Rows(p.columns()+` AND id = $1`, []any{id}, func(scan func(...any) error) (err error) {
		found = true
		l, err = p.scan(service, scan)
		return err
	})
	return l, found, err
}

// columns begins a query for letters.
func (p pile) columns() string {
	return `SELECT id, ` + p.place + `, kind, key, time, cause, trace, body, past, problem, died, replaces, ` + p.rest + ` FROM ` + p.table + ` WHERE ` + p.dead
}

// scan reads a row of columns. One that died before it was written down of what has its
// problem from its history.
func (p pile) scan(service string, scan func(...any) error) (Letter, error) {
	l := Letter{Service: service, Envelope: &Envelope{Spec: "1.0"}}
	e := l.Envelope
	var past, place string
	err := scan(&e.ID, &place, &l.Kind, &l.Key, &l.Time, &e.Cause, &e.Trace, &l.bytes, &past, &l.Problem, &l.Died, &l.Replaces, &e.Class, &e.Version, &l.Behind)
	if err != nil {
		return l, err
	}
	l.ID, l.Place = service+"/"+e.ID, p.named(service, place)
	e.Source, e.Type, e.Subject, e.Time = "/"+place, l.Kind, l.Key, l.Time
	history, err := failure.ParseHistory(past)
	if err != nil { // it is to be seen all the same
		history.Causes = []failure.Attempt{{Cause: "unreadable history: " + past}}
	}
	l.past, l.Cause, l.Redrives, l.Causes = history, history.Cause(), history.Redrives, history.Causes
	if l.Problem == "" {
		if l.Problem, l.Died = failure.Problem(l.Cause), history.Last(); l.Died.IsZero() {
			l.Died = l.Time // all that is known
		}
	}
	return l, nil
}

// name writes down of what letters died that died before that was done, at most limit, and
// returns how many those were.
func (p pile) name(tx *store.Tx, service string, limit int) (int, error) {
	var found []Letter
	err := tx.Rows(p.columns()+` AND problem = '' LIMIT $1 + 0`, []any{limit}, func(scan func(...any) error) error {
		l, err := p.scan(service, scan)
		found = append(found, l)
		return err
	})
	for _, l := range found {
		if err != nil {
			break
		}
		err = tx.Exec(`UPDATE `+p.table+` SET problem = $2, died = $3, redrives = $4 WHERE id = $1 AND `+p.dead, l.Envelope.ID, l.Problem, l.Died, l.Redrives)
	}
	return len(found), err
}
