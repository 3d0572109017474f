package order

import (
	"slices"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Projection is the table orders, as what can be made anew: each row is the fold of its own
// history, and of what the others' facts note. What no event says is carried over from the
// row in use: when it was last changed, its place among the orders that ended, which customers
// have as a cursor, and why it is being undone. They change with an event, or with a command in
// the service's own log: whatever is read of an order carries them over anew.
func (s *Service) Projection() projection.Projection {
	names := strings.Fields(strings.ReplaceAll(columns, ",", " "))
	table := projection.Table{Name: "orders", Keys: 1,
		Columns: projection.Columns(names, "total", "payment_attempts", "deadline", "created", "updated", "version", "ended", "unverified")}
	f := folder{handlers: map[string]stream.Handler{}, updated: slices.Index(names, "updated"), ended: slices.Index(names, "ended"), why: slices.Index(names, "why")}
	table.Columns[f.updated].Apart, table.Columns[f.why].Apart = true, true
	table.Columns[f.ended].Apart, table.Columns[f.ended].Null = true, true
	p := projection.Projection{Name: "orders", Tables: []projection.Table{table}, Fold: f.fold,
		Sources: []projection.Source{{Log: contract.Orders, Want: func(string) bool { return true }}}}
	for _, h := range s.Streams() {
		f.handlers[h.Kind] = h
		if !slices.ContainsFunc(p.Sources, func(source projection.Source) bool { return source.Log == h.Log }) {
			p.Sources = append(p.Sources, projection.Source{Log: h.Log, Want: f.heard})
		}
	}
	return p
}

// A folder is what order follows, by kind, and where the columns are that no event says.
type folder struct {
	handlers            map[string]stream.Handler
	updated, ended, why int
}

func (f folder) heard(kind string) bool { return f.handlers[kind].Kind != "" }

// fold takes events into rows of orders, each of which is read and written once. What is
// about no order is a dead letter, and not here.
func (f folder) fold(rows *projection.Rows, entries []stream.Entry) error {
	keys := make([]string, len(entries))
	for i, e := range entries {
		if keys[i] = e.Key; e.Version == 1 {
			rows.Begin("orders", e.Key)
		}
	}
	if err := rows.Load("orders", keys...); err != nil {
		return err
	}
	orders := map[string]*row{}
	for _, e := range entries {
		r := orders[e.Key]
		if r == nil {
			var err error
			if r, err = get(rows, e.Key); err != nil {
				return err
			}
			orders[e.Key] = r
		}
		if err := f.take(rows, r, e); err != nil {
			return err
		}
	}
	for _, r := range orders {
		if r.Last.Version == 0 { // there is no such order
			continue
		}
		if err := f.put(rows, *r); err != nil {
			return err
		}
	}
	return nil
}

// get is the row of an order; without a version, if there is none yet.
func get(rows *projection.Rows, key string) (*row, error) {
	r := row{progress: begin()}
	scan, found, err := rows.Get("orders", key)
	if err == nil && found {
		r, err = scanned(scan)
	}
	return &r, err
}

// take takes a row one event further.
func (f folder) take(rows *projection.Rows, r *row, e stream.Entry) (err error) {
	switch heard, found := f.heard(e.Kind), r.Last.Version > 0; {
	case e.Version > 0 && !heard:
		r.Order, err = histories.Step(r.Order, e.Message)
		r.settle(r.State)
	case heard && !found && !rows.Whole():
		return projection.ErrEarly
	case heard && found:
		err = f.note(r, e)
	}
	return err
}

// note is what take does with a fact of others, but for what was decided then: that is in the
// history.
func (f folder) note(r *row, e stream.Entry) error {
	m, err := f.handlers[e.Kind].Decode(e.Message)
	if err != nil {
		return err
	}
	if n := meaning(m, r.Terms.Style); n.note != nil {
		n.note(&r.progress)
		r.settle(r.State)
	}
	return nil
}

func (f folder) put(rows *projection.Rows, r row) error {
	values, err := r.values()
	if err != nil {
		return err
	}
	values[f.updated], values[f.why] = projection.Carried{Else: r.Last.Time}, projection.Carried{Else: r.Why}
	if values[f.ended] = nil; r.State.ended() {
		values[f.ended] = projection.Carried{Else: projection.Drawn{}}
	}
	return rows.Put("orders", values...)
}
