package saga

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// An Instance is where one saga stands.
type Instance struct {
	Saga    string
	ID      string
	State   State
	Step    string // that it waits for; "" once it has ended
	Who     string // the service that it waits for
	Turned  string // the step at which it turned back, or was closed; "" if it was not
	Why     string // the message that made it
	Tries   int64  // how often it was asked for what it waits for
	Started time.Time
	Since   time.Time // when it began to wait, or ended
	Until   time.Time // its deadline; zero: it has none
}

// A Filter chooses instances; its zero value chooses all.
type Filter struct {
	State   State // or Waiting
	Step    string
	Who     string
	Overdue bool   // its deadline has passed, or it has none, and it waits
	After   string // ID of the last instance of the page before
	Most    int    // on a page; 100
}

// Waiting is Running or Undoing, in a Filter.
const Waiting State = "waiting"

// List returns the instances of d in db that f chooses: those that wait in the order of
// their starts, else the last that began first.
func (d Definition) List(ctx context.Context, db *store.DB, f Filter) (all []Instance, err error) {
	query, args := d.query(f)
	err = db.View(ctx, func(tx *store.Tx) error {
		all = nil
		return tx.Rows(query, args, func(scan func(...any) error) error {
			i, err := d.scan(scan)
			all = append(all, i)
			return err
		})
	})
	return all, err
}

// Show returns one instance of d, or ErrUnknown.
func (d Definition) Show(ctx context.Context, db *store.DB, id string) (i Instance, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		found := false
		err := tx.Rows(columns+`WHERE s.saga = $1 AND s.id = $2`, []any{d.Name, id}, func(scan func(...any) error) (err error) {
			found = true
			i, err = d.scan(scan)
			return err
		})
		if err == nil && !found {
			err = fmt.Errorf("%w: %s %q", ErrUnknown, d.Name, id)
		}
		return err
	})
	return i, err
}

// A Count is how many instances wait for a step.
type Count struct {
	State State
	Step  string
	N     int64
}

// Counts returns how many instances of d wait, by what for.
func (d Definition) Counts(ctx context.Context, db *store.DB) (counts []Count, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		counts = nil
		return tx.Rows(`SELECT s.state, s.step, count(*) FROM saga s WHERE `+waiting+` AND s.saga = $1 GROUP BY s.state, s.step ORDER BY s.state, s.step`,
			[]any{d.Name}, func(scan func(...any) error) error {
				var c Count
				var state string
				err := scan(&state, &c.Step, &c.N)
				c.State = State(state)
				counts = append(counts, c)
				return err
			})
	})
	return counts, err
}

const (
	columns = `SELECT s.saga, s.id, s.state, s.step, s.turned, s.why, s.tries, s.started, s.since, COALESCE(j.due, 0)
		FROM saga s LEFT JOIN job j ON j.id = 'deadline-' || s.id `
	// These are the words of the indexes, which a database has to recognise.
	waiting = `s.state IN ('running', 'undoing')`
	gone    = `s.state IN ('undone', 'closed')`
)

// query finds what f chooses.
func (d Definition) query(f Filter) (string, []any) {
	args := []any{d.Name}
	where := []string{"s.saga = $1"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args))))
	}
	order, page := "s.started DESC, s.id DESC", "(s.started, s.id) < (SELECT started, id FROM saga WHERE id = ?)"
	switch {
	case f.State == Waiting, f.State == Running, f.State == Undoing, f.Overdue, f.Step != "", f.Who != "":
		where = append(where, waiting)
		order, page = "s.started, s.id", strings.Replace(page, "<", ">", 1)
	case f.State == Undone, f.State == Closed:
		where = append(where, gone)
	default:
		order, page = "s.id DESC", "s.id < ?"
	}
	if f.State != "" && f.State != Waiting {
		add("s.state = ?", string(f.State))
	}
	if f.Step != "" {
		add("s.step = ?", f.Step)
	}
	if f.Who != "" {
		marks := "''" // no step that is waited for
		for _, step := range d.of(f.Who) {
			args = append(args, step)
			marks += fmt.Sprintf(", $%d", len(args))
		}
		where = append(where, "s.step IN ("+marks+")")
	}
	if f.Overdue {
		add("COALESCE(j.due, 0) < ?", time.Now())
	}
	if f.After != "" {
		add(page, f.After)
	}
	if f.Most == 0 {
		f.Most = 100
	}
	args = append(args, f.Most)
	return fmt.Sprintf("%sWHERE %s ORDER BY %s LIMIT $%d", columns, strings.Join(where, " AND "), order, len(args)), args
}

// of are the steps, also former ones, that are asked of a service.
func (d Definition) of(who string) (steps []any) {
	for _, st := range d.Steps {
		if st.Who != who {
			continue
		}
		steps = append(steps, st.Name)
		for _, former := range st.Moved {
			steps = append(steps, former)
		}
	}
	return steps
}

// scan reads a row of columns.
func (d Definition) scan(scan func(...any) error) (i Instance, err error) {
	var state string
	var until int64
	err = scan(&i.Saga, &i.ID, &state, &i.Step, &i.Turned, &i.Why, &i.Tries, &i.Started, &i.Since, &until)
	i.State, i.Who = State(state), d.who(i.Step)
	if until > 0 {
		i.Until = time.UnixMicro(until).UTC()
	}
	return i, err
}
