package payment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// loadBookmark reads how far the ledgers were compared.
func loadBookmark(tx *store.Tx) (b bookmark, err error) {
	_, err = tx.Row([]any{&b.place, &b.upto, &b.watched, &b.begun, &b.done}, `SELECT place, upto, watched, begun, done FROM reconciliation`)
	return b, err
}

// saveBookmark writes it.
func saveBookmark(tx *store.Tx, b bookmark) error {
	return tx.Exec(`UPDATE reconciliation SET place = $1, upto = $2, watched = $3, begun = $4, done = $5`, b.place, b.upto, b.watched, b.begun, b.done)
}

// A made is an entry of ours, and when the provider did what it books.
type made struct {
	orderID, kind string
	made          time.Time
}

// madeBetween reads our entries that the provider made after one time and up to another.
// If there are more than so many, it leaves those of the last time out: it may have
// others, unless all are of that time.
func madeBetween(tx *store.Tx, after, upto time.Time, most int) (all []made, more bool, err error) {
	err = tx.Rows(`SELECT order_id, kind, made FROM entry WHERE made > $1 AND made <= $2 ORDER BY made LIMIT $3`, []any{after, upto, most},
		func(scan func(...any) error) error {
			var m made
			err := scan(&m.orderID, &m.kind, &m.made)
			all = append(all, m)
			return err
		})
	if len(all) < most || err != nil {
		return all, false, err
	}
	last := all[most-1].made
	if last.Equal(all[0].made) {
		return all, true, nil
	}
	return slices.DeleteFunc(all, func(m made) bool { return m.made.Equal(last) }), true, nil
}

// among calls row for each row of a query about orders, which stand at its %s: all of
// them in one statement, and so of one moment.
func among(tx *store.Tx, query string, orders []string, row func(scan func(...any) error) error) error {
	if len(orders) == 0 {
		return nil
	}
	slices.Sort(orders)
	orders = slices.Compact(orders)
	for n := len(orders); n&(n-1) != 0; n++ { // few statements serve all numbers of orders
		orders = append(orders[:n:n], orders[n-1])
	}
	marks, args := make([]string, len(orders)), make([]any, len(orders))
	for i, o := range orders {
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), o
	}
	return tx.Rows(fmt.Sprintf(query, strings.Join(marks, ", ")), args, row)
}

// standsOf reads what we know of orders.
func standsOf(tx *store.Tx, orders []string) (map[string]stand, error) {
	stands := map[string]stand{}
	err := among(tx, `SELECT p.order_id, p.status, p.key, p.reference, COALESCE(c.amount, 0), COALESCE(c.currency, ''), COALESCE(r.amount, 0), COALESCE(r.currency, '')
		FROM payment p LEFT JOIN entry c ON c.id = 'capture-' || p.order_id LEFT JOIN entry r ON r.id = 'refund-' || p.order_id
		WHERE p.order_id IN (%s)`, orders, func(scan func(...any) error) error {
		var s stand
		var order, reference string
		var captured, refunded claim
		err := scan(&order, (*string)(&s.state), &s.key, &reference, &captured.amount, &captured.currency, &refunded.amount, &refunded.currency)
		if captured.amount > 0 {
			s.captured = claimOf(captured.amount, captured.currency, reference).words
		}
		if refunded.amount > 0 {
			s.refunded = claimOf(refunded.amount, refunded.currency, "").words
		}
		stands[order] = s
		return err
	})
	return stands, err
}

// A discrepancy is a movement in doubt, as it is stored.
type discrepancy struct {
	suspicion
	confirmed bool // it is known to be wrong
	seen      time.Time
}

const openColumns = `SELECT order_id, entry, key, theirs, amount, currency, CASE WHEN found > 0 THEN 1 ELSE 0 END, seen FROM discrepancy WHERE resolved = 0 AND `

func (d *discrepancy) read(scan func(...any) error) error {
	return scan(&d.orderID, &d.kind, &d.key, &d.theirs.words, &d.theirs.amount, &d.theirs.currency, &d.confirmed, &d.seen)
}

// openOf reads the discrepancies of orders that are not resolved.
func openOf(tx *store.Tx, orders []string) (map[movement]discrepancy, error) {
	all := map[movement]discrepancy{}
	err := among(tx, openColumns+`order_id IN (%s)`, orders, func(scan func(...any) error) error {
		var d discrepancy
		err := d.read(scan)
		all[d.movement] = d
		return err
	})
	return all, err
}

// openAfter reads those of the orders after one. If there are more than so many, the last
// order is left out: it may have others.
func openAfter(tx *store.Tx, after string, most int) (all []discrepancy, more bool, err error) {
	err = tx.Rows(openColumns+`order_id > $1 ORDER BY order_id LIMIT $2`, []any{after, most}, func(scan func(...any) error) error {
		var d discrepancy
		err := d.read(scan)
		all = append(all, d)
		return err
	})
	if len(all) < most || err != nil || all[0].orderID == all[most-1].orderID {
		return all, len(all) == most, err
	}
	last := all[most-1].orderID
	return slices.DeleteFunc(all, func(d discrepancy) bool { return d.orderID == last }), true, nil
}

// openDiscrepancy stores what is to be looked at again.
func openDiscrepancy(tx *store.Tx, d suspicion) error {
	return tx.Exec(`INSERT INTO discrepancy (order_id, entry, key, kind, ours, theirs, amount, currency, seen, found, resolved)
		VALUES ($1, $2, $3, '', '', $4, $5, $6, $7, 0, 0)
		ON CONFLICT (order_id, entry, key) DO UPDATE SET theirs = excluded.theirs, amount = excluded.amount, currency = excluded.currency,
			seen = CASE WHEN discrepancy.resolved > 0 THEN excluded.seen ELSE discrepancy.seen END, found = CASE WHEN discrepancy.resolved > 0 THEN 0 ELSE discrepancy.found END, resolved = 0`,
		d.orderID, d.kind, d.key, d.theirs.words, d.theirs.amount, d.theirs.currency, tx.Now)
}

// confirmDiscrepancy stores what is wrong, and since when that is known.
func confirmDiscrepancy(tx *store.Tx, d discrepancy, kind, ours string) error {
	return tx.Exec(`UPDATE discrepancy SET kind = $4, ours = $5, found = CASE WHEN found = 0 THEN $6 ELSE found END
		WHERE order_id = $1 AND entry = $2 AND key = $3`, d.orderID, d.movement.kind, d.key, kind, ours, tx.Now)
}

// resolveDiscrepancy ends a doubt. Only what was wrong is remembered.
func resolveDiscrepancy(tx *store.Tx, d discrepancy) error {
	if d.confirmed {
		return tx.Exec(`UPDATE discrepancy SET resolved = $4 WHERE order_id = $1 AND entry = $2 AND key = $3`, d.orderID, d.movement.kind, d.key, tx.Now)
	}
	return tx.Exec(`DELETE FROM discrepancy WHERE order_id = $1 AND entry = $2 AND key = $3`, d.orderID, d.movement.kind, d.key)
}

// countDiscrepancies counts what is wrong, and reads when the ledgers were last compared
// to the end; zero if never.
func countDiscrepancies(ctx context.Context, db *store.DB) (n int64, done time.Time, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Row([]any{&n}, `SELECT COUNT(*) FROM discrepancy WHERE resolved = 0 AND found > 0`); err != nil {
			return err
		}
		_, err := tx.Row([]any{&done}, `SELECT done FROM reconciliation WHERE done > 0`)
		return err
	})
	return n, done, err
}
