package analytics

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Projection is all tables of analytics, as what can be made anew from the events: the fold
// is the handlers' own, on rows in memory.
func (s *Service) Projection() projection.Projection {
	columns := func(all, numbers string) []projection.Column {
		return projection.Columns(strings.Fields(all), strings.Fields(numbers)...)
	}
	sale := columns("order_id accepted currency total lines state reason ended", "accepted total ended")
	sale[len(sale)-1].Null = true
	f := folder{}
	p := projection.Projection{Name: "analytics", Fold: f.fold, Tables: []projection.Table{
		{Name: "sale", Keys: 1, Columns: sale},
		{Name: "refund", Keys: 1, Columns: columns("order_id currency amount", "amount")},
		{Name: "customer", Keys: 1, Columns: columns("user_id", "")},
		{Name: "tally", Keys: 2, Columns: columns("name label n high at", "n high at")},
		{Name: "revenue", Keys: 2, Columns: columns("day currency amount high", "day amount high")},
		{Name: "product", Keys: 1, Columns: columns("product_id name named quantity price currency priced", "named quantity price priced")},
	}}
	for _, h := range s.Streams() {
		f[h.Kind] = h
		if !slices.ContainsFunc(p.Sources, func(source projection.Source) bool { return source.Log == h.Log }) {
			p.Sources = append(p.Sources, projection.Source{Log: h.Log, Want: func(kind string) bool { return f[kind].Kind != "" }})
		}
	}
	return p
}

// A folder is what is followed, by kind.
type folder map[string]stream.Handler

// fold takes events into rows, which are loaded together.
func (f folder) fold(rows *projection.Rows, entries []stream.Entry) error {
	keys := map[string][]string{}
	for _, e := range entries {
		table := map[string]string{contract.Orders: "sale", contract.Payments: "refund", contract.Users: "customer"}[f[e.Kind].Log]
		keys[table] = append(keys[table], e.Key)
	}
	for _, table := range []string{"sale", "refund", "customer"} {
		if err := rows.Load(table, keys[table]...); err != nil {
			return err
		}
	}
	a := &anew{rows: rows}
	for _, e := range entries {
		m, err := f[e.Kind].Decode(e.Message)
		if err != nil {
			return err
		}
		if err := hear(a, m, e.Time); err != nil {
			return err
		}
	}
	return a.count()
}

// Anew are the tables that a rebuild makes.
type anew struct {
	rows *projection.Rows
	sum  counts
}

func (a *anew) gathered() *counts { return &a.sum }

func (a *anew) saveTerms(order string, t terms) (first bool, e end, err error) {
	_, was, known, err := a.sale(order)
	if err != nil || known {
		return false, e, err
	}
	return true, was, a.save(order, t, true, was)
}

func (a *anew) saveEnd(order string, e end) (t terms, known bool, err error) {
	t, was, known, err := a.sale(order)
	if err != nil || was.state != open {
		return terms{}, false, err
	}
	return t, known, a.save(order, t, known, e)
}

// sale reads what is known of an order.
func (a *anew) sale(order string) (t terms, e end, accepted bool, err error) {
	var lines []byte
	scan, found, err := a.rows.Get("sale", order)
	if err != nil || !found {
		return terms{}, e, false, err
	}
	if err := scan(nil, &accepted, &t.currency, &t.total, &lines, (*string)(&e.state), &e.reason, &e.at); err != nil {
		return t, e, false, err
	}
	return t, e, accepted, json.Unmarshal(lines, &t.goods)
}

func (a *anew) save(order string, t terms, accepted bool, e end) error {
	if t.goods == nil {
		t.goods = goods{}
	}
	lines, err := json.Marshal(t.goods)
	if err != nil {
		return err
	}
	ended := any(e.at)
	if e.state == open {
		ended = nil
	}
	return a.rows.Put("sale", order, accepted, t.currency, t.total, lines, string(e.state), e.reason, ended)
}

func (a *anew) saveRefund(e contract.PaymentRefunded) (first bool, err error) {
	_, found, err := a.rows.Get("refund", e.OrderID)
	if err != nil || found {
		return false, err
	}
	return true, a.rows.Put("refund", e.OrderID, e.Currency, e.Amount)
}

func (a *anew) saveCustomer(user string) (first bool, err error) {
	_, found, err := a.rows.Get("customer", user)
	if err != nil || found {
		return false, err
	}
	return true, a.rows.Put("customer", user)
}

// count adds what was gathered to the counters, as counts.Flush has the database do.
func (a *anew) count() error {
	for t, add := range a.sum.tallies {
		var was number
		if err := a.get("tally", projection.Key(t.name, t.label), nil, nil, &was.n.low, &was.n.high, &was.at); err != nil {
			return err
		}
		n := was.n.plus(add.n)
		if add.at.After(was.at) {
			was.at = add.at
		}
		if err := a.rows.Put("tally", t.name, t.label, n.low, n.high, was.at); err != nil {
			return err
		}
	}
	for t, add := range a.sum.takings {
		var was sum
		if err := a.get("revenue", projection.Key(int64(t.day), t.currency), nil, nil, &was.low, &was.high); err != nil {
			return err
		}
		n := was.plus(add)
		if err := a.rows.Put("revenue", int64(t.day), t.currency, n.low, n.high); err != nil {
			return err
		}
	}
	return a.sold()
}

// get reads a counter, if there is one.
func (a *anew) get(table, key string, dest ...any) error {
	scan, found, err := a.rows.Get(table, key)
	if err != nil || !found {
		return err
	}
	return scan(dest...)
}

// sold is saveProduct for all products.
func (a *anew) sold() error {
	ids := make([]string, 0, len(a.sum.products))
	for id := range a.sum.products {
		ids = append(ids, id)
	}
	if err := a.rows.Load("product", ids...); err != nil {
		return err
	}
	said := func(at time.Time) int64 {
		if at.IsZero() {
			return 0
		}
		return at.UnixMicro()
	}
	for id, add := range a.sum.products {
		var p product
		var named, priced int64
		if err := a.get("product", id, nil, &p.name, &named, &p.quantity, &p.price, &p.currency, &priced); err != nil {
			return err
		}
		if at := said(add.named); at > 0 && at >= named {
			p.name, named = add.name, at
		}
		if at := said(add.priced); at > 0 && at >= priced {
			p.price, p.currency, priced = add.price, add.currency, at
		}
		if err := a.rows.Put("product", id, p.name, named, p.quantity+add.quantity, p.price, p.currency, priced); err != nil {
			return err
		}
	}
	return nil
}
