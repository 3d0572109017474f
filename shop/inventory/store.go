package inventory

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations make the tables of this service.
func Migrations() fs.FS { return migrations }

const location = "main"

// load returns the stock of a product, or ErrUnknown.
func load(tx *store.Tx, product string) (stock, error) {
	s := stock{product: product}
	found, err := tx.Row([]any{&s.tracked, &s.onHand, &s.reserved, &s.price, &s.currency},
		`SELECT tracked, on_hand, reserved, price, currency FROM stock WHERE product_id = $1 AND location = $2`, product, location)
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrUnknown, product)
	}
	return s, err
}

// open makes the shelf of a product, and reports false if there is one. Whoever opens one
// with stock records that as its first movement.
func open(tx *store.Tx, s stock) (bool, error) {
	return tx.Row([]any{nil}, `INSERT INTO stock (product_id, location, tracked, on_hand, reserved, moves, price, currency)
		VALUES ($1, $2, $3, $4, 0, $5, $6, $7) ON CONFLICT (product_id, location) DO NOTHING RETURNING 1`,
		s.product, location, s.tracked, s.onHand, s.onHand > 0, s.price, s.currency)
}

// revalue changes the price of a product, and reports false if there is none.
func revalue(tx *store.Tx, product string, price int64) (bool, error) {
	return tx.Row([]any{nil}, `UPDATE stock SET price = $3 WHERE product_id = $1 AND location = $2 RETURNING 1`, product, location, price)
}

// claim reserves some of a product, unless there is not as much that is free. What is not
// tracked is always there, and is not counted.
func claim(tx *store.Tx, d demand) (bool, error) {
	return tx.Row([]any{nil}, `UPDATE stock SET reserved = reserved + $3 * tracked
		WHERE product_id = $1 AND location = $2 AND (tracked = 0 OR on_hand - reserved >= $3) RETURNING 1`, d.product, location, d.quantity)
}

// unclaim frees what was reserved.
func unclaim(tx *store.Tx, d demand) error {
	return tx.Exec(`UPDATE stock SET reserved = reserved - $3 WHERE product_id = $1 AND location = $2 AND tracked = 1`, d.product, location, d.quantity)
}

// part takes off the shelf what was reserved for an order.
func part(tx *store.Tx, order string, d demand) error {
	err := tx.Exec(`UPDATE stock SET on_hand = on_hand - $3, reserved = reserved - $3, moves = moves + 1
		WHERE product_id = $1 AND location = $2 AND tracked = 1`, d.product, location, d.quantity)
	if err != nil {
		return err
	}
	return record(tx, movement{product: d.product, order: order, kind: sent, quantity: -d.quantity})
}

// change moves what is free of a product, and reports false where it is not tracked, or
// there would be less than is reserved or more than there can be.
func change(tx *store.Tx, m movement) (bool, error) {
	changed, err := tx.Row([]any{nil}, `UPDATE stock SET on_hand = on_hand + $3, moves = moves + 1
		WHERE product_id = $1 AND location = $2 AND tracked = 1 AND on_hand + $3 BETWEEN reserved AND $4 RETURNING 1`,
		m.product, location, m.quantity, int64(maxOnHand))
	if err != nil || !changed {
		return false, err
	}
	return true, record(tx, m)
}

// record keeps the last movement of a product, as its stock is after it. What is not
// tracked has none.
func record(tx *store.Tx, m movement) error {
	return tx.Exec(`INSERT INTO movement (product_id, location, n, order_id, kind, quantity, balance, reason, at)
		SELECT product_id, location, moves, $3, $4, $5, on_hand, $6, $7 FROM stock WHERE product_id = $1 AND location = $2 AND tracked = 1`,
		m.product, location, m.order, string(m.kind), m.quantity, m.reason, tx.Now)
}

// A moved is a movement as it is kept.
type moved struct {
	movement
	n, balance int64
	at         time.Time
}

// moves lists the movements of a product before number before, the last ones first.
func moves(tx *store.Tx, product string, before int64, limit int) (all []moved, err error) {
	err = tx.Rows(`SELECT n, order_id, kind, quantity, balance, reason, at FROM movement
		WHERE product_id = $1 AND location = $2 AND n < $3 ORDER BY n DESC LIMIT $4`, []any{product, location, before, limit},
		func(scan func(...any) error) error {
			m := moved{movement: movement{product: product}}
			err := scan(&m.n, &m.order, (*string)(&m.kind), &m.quantity, &m.balance, &m.reason, &m.at)
			all = append(all, m)
			return err
		})
	return all, err
}

// reservation returns what became of the stock for an order.
func reservation(tx *store.Tx, order string) (s status, err error) {
	_, err = tx.Row([]any{(*string)(&s)}, `SELECT status FROM reservation WHERE order_id = $1`, order)
	return s, err
}

// begin makes the row of a reservation, and reports false if the order has one.
func begin(tx *store.Tx, a about, expires time.Time) (bool, error) {
	lines, err := json.Marshal(a.lines)
	if err != nil {
		return false, err
	}
	return tx.Row([]any{nil}, `INSERT INTO reservation (order_id, status, lines, expires, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (order_id) DO NOTHING RETURNING 1`, a.order, string(reserved), string(lines), expires, tx.Now)
}

// swap changes what became of the stock for an order from one status to another, and
// returns for which lines. It reports false if it is another one.
func swap(tx *store.Tx, order string, from, to status) (lines []contract.Line, found bool, err error) {
	var text []byte
	found, err = tx.Row([]any{&text}, `UPDATE reservation SET status = $3, at = $4 WHERE order_id = $1 AND status = $2 RETURNING lines`,
		order, string(from), string(to), tx.Now)
	if err == nil && found {
		err = json.Unmarshal(text, &lines)
	}
	return lines, found, err
}

// put keeps what became of the stock for an order whose row holds none.
func put(tx *store.Tx, a about, s status) error {
	lines, err := json.Marshal(a.lines)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO reservation (order_id, status, lines, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, expires = NULL, at = excluded.at`, a.order, string(s), string(lines), tx.Now)
}
