package analytics

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations make the tables of this service.
func Migrations() fs.FS { return migrations }

// Books are where it is written down what is known of orders, money and users: the tables
// that are in use, or those that a rebuild makes beside them.
type books interface {
	// saveTerms stores how an order was accepted, and reports whether that was not known
	// yet, with its end if that is.
	saveTerms(order string, t terms) (first bool, e end, err error)
	// saveEnd stores how an order ended unless it has, and returns how it was accepted if
	// that is known.
	saveEnd(order string, e end) (t terms, known bool, err error)
	saveRefund(e contract.PaymentRefunded) (first bool, err error)
	saveCustomer(user string) (first bool, err error)
	// gathered are the counts that are written at the end.
	gathered() *counts
}

// A ledger is the tables that are in use, in one transaction.
type ledger struct{ tx *store.Tx }

func (l ledger) gathered() *counts { return store.Gather[counts](l.tx) }

func (l ledger) saveTerms(order string, t terms) (first bool, e end, err error) {
	lines, err := json.Marshal(t.goods)
	if err != nil {
		return false, e, err
	}
	first, err = l.tx.Row([]any{(*string)(&e.state), &e.reason, &e.at}, `INSERT INTO sale (order_id, accepted, currency, total, lines, state, reason, ended)
		VALUES ($1, 1, $2, $3, $4, '', '', NULL)
		ON CONFLICT (order_id) DO UPDATE SET accepted = 1, currency = excluded.currency, total = excluded.total, lines = excluded.lines WHERE sale.accepted = 0
		RETURNING state, reason, ended`, order, t.currency, t.total, string(lines))
	return first, e, err
}

func (l ledger) saveEnd(order string, e end) (t terms, known bool, err error) {
	var lines []byte
	_, err = l.tx.Row([]any{&known, &t.currency, &t.total, &lines}, `INSERT INTO sale (order_id, accepted, currency, total, lines, state, reason, ended)
		VALUES ($1, 0, '', 0, '{}', $2, $3, $4)
		ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, ended = excluded.ended WHERE sale.state = ''
		RETURNING accepted, currency, total, lines`, order, string(e.state), e.reason, e.at)
	if err != nil || !known || e.state != completed {
		return t, known, err
	}
	return t, true, json.Unmarshal(lines, &t.goods)
}

func (l ledger) saveRefund(e contract.PaymentRefunded) (first bool, err error) {
	return l.tx.Row([]any{nil}, `INSERT INTO refund (order_id, currency, amount) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING amount`,
		e.OrderID, e.Currency, e.Amount)
}

func (l ledger) saveCustomer(user string) (first bool, err error) {
	return l.tx.Row([]any{nil}, `INSERT INTO customer (user_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING user_id`, user)
}

// Flush adds c to the counters, in the order of their keys: whoever waits for a row holds
// only rows before it.
func (c *counts) Flush(tx *store.Tx) error {
	for _, t := range sorted(c.tallies, func(a, b tally) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.label, b.label)) }) {
		err := tx.Exec(`INSERT INTO tally (name, label, n, high, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name, label) DO UPDATE
			SET `+carried("tally", "n")+`, at = CASE WHEN excluded.at > tally.at THEN excluded.at ELSE tally.at END`,
			t.name, t.label, c.tallies[t].n.low, c.tallies[t].n.high, c.tallies[t].at)
		if err != nil {
			return err
		}
	}
	for _, t := range sorted(c.takings, func(a, b taking) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.currency, b.currency)) }) {
		err := tx.Exec(`INSERT INTO revenue (day, currency, amount, high) VALUES ($1, $2, $3, $4) ON CONFLICT (day, currency) DO UPDATE
			SET `+carried("revenue", "amount"), int64(t.day), t.currency, c.takings[t].low, c.takings[t].high)
		if err != nil {
			return err
		}
	}
	for _, id := range sorted(c.products, cmp.Compare[string]) {
		if err := saveProduct(tx, id, c.products[id]); err != nil {
			return err
		}
	}
	return nil
}

// carried adds a sum to the one in a row.
func carried(table, low string) string {
	both := fmt.Sprintf("(%[1]s.%[2]s + excluded.%[2]s)", table, low)
	return fmt.Sprintf("high = %[1]s.high + excluded.high + %[2]s / %[3]d, %[4]s = %[2]s %% %[3]d", table, both, int64(unit), low)
}

// saveProduct adds to what was sold of a product, and takes its name and its price unless
// it has later ones.
func saveProduct(tx *store.Tx, id string, p product) error {
	later := func(column, since string) string {
		return fmt.Sprintf("%[1]s = CASE WHEN excluded.%[2]s > 0 AND excluded.%[2]s >= product.%[2]s THEN excluded.%[1]s ELSE product.%[1]s END", column, since)
	}
	said := func(at time.Time) int64 { // 0: never, where these events do not say
		if at.IsZero() {
			return 0
		}
		return at.UnixMicro()
	}
	return tx.Exec(`INSERT INTO product (product_id, name, named, quantity, price, currency, priced) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (product_id) DO UPDATE
		SET quantity = product.quantity + excluded.quantity, `+later("name", "named")+`, `+later("named", "named")+`, `+
		later("price", "priced")+`, `+later("currency", "priced")+`, `+later("priced", "priced"),
		id, p.name, said(p.named), p.quantity, p.price, p.currency, said(p.priced))
}

func sorted[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

// tallies calls each for every tally.
func tallies(tx *store.Tx, each func(tally, number)) error {
	return tx.Rows(`SELECT name, label, n, high, at FROM tally ORDER BY name, label`, nil, func(scan func(...any) error) error {
		var t tally
		var n number
		err := scan(&t.name, &t.label, &n.n.low, &n.n.high, &n.at)
		each(t, n)
		return err
	})
}

// takings calls each for the revenue of every day since first.
func takings(tx *store.Tx, first day, each func(taking, sum)) error {
	return tx.Rows(`SELECT day, currency, amount, high FROM revenue WHERE day >= $1 ORDER BY day, currency`, []any{int64(first)}, func(scan func(...any) error) error {
		var t taking
		var amount sum
		err := scan((*int64)(&t.day), &t.currency, &amount.low, &amount.high)
		each(t, amount)
		return err
	})
}

// top calls each for the n products of which most was sold.
func top(tx *store.Tx, n int, each func(id string, p product)) error {
	return tx.Rows(`SELECT product_id, name, named, quantity, price, currency, priced FROM product WHERE quantity > 0 ORDER BY quantity DESC, product_id LIMIT $1`, []any{n}, func(scan func(...any) error) error {
		var id string
		var p product
		err := scan(&id, &p.name, &p.named, &p.quantity, &p.price, &p.currency, &p.priced)
		each(id, p)
		return err
	})
}
