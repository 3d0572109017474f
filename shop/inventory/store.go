package inventory

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/google/uuid"
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
	found, err := tx.Row([]any{&s.tracked, &s.onHand, &s.reserved},
		`SELECT tracked, on_hand, reserved FROM stock WHERE product_id = $1 AND location = $2`, product, location)
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrUnknown, product)
	}
	return s, err
}

// open makes the shelf of a product, and reports false if there is one.
func open(tx *store.Tx, product string, tracked bool, onHand int64) (bool, error) {
	return tx.Row([]any{nil}, `INSERT INTO stock (product_id, location, tracked, on_hand, reserved) VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (product_id, location) DO NOTHING RETURNING 1`, product, location, tracked, onHand)
}

// A movement is why stock changes.
type movement struct {
	product, order, kind string
	quantity             int64 // more than 0 comes, less goes
}

// move changes the stock of a product by a movement, unless it is not tracked: that has
// neither stock nor movements. It fails rather than take what is not there.
func move(tx *store.Tx, m movement) error {
	var tracked bool
	found, err := tx.Row([]any{&tracked}, `UPDATE stock SET on_hand = on_hand + $3 * tracked
		WHERE product_id = $1 AND location = $2 AND (tracked = 0 OR on_hand - reserved + $3 >= 0) RETURNING tracked`,
		m.product, location, m.quantity)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("inventory: %d of product %s is not possible", m.quantity, m.product)
	case !tracked || m.quantity == 0:
		return nil
	}
	return record(tx, m)
}

// record keeps a movement. One that there was already for the order is an error.
func record(tx *store.Tx, m movement) error {
	id := m.kind + "-" + m.product
	switch {
	case m.order != "":
		id = m.order + "-" + id
	case m.kind == restocked:
		v7, err := uuid.NewV7()
		if err != nil {
			return err
		}
		id = v7.String()
	}
	return tx.Exec(`INSERT INTO movement (id, product_id, location, order_id, kind, quantity, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, m.product, location, m.order, m.kind, m.quantity, tx.Now)
}

const (
	initial   = "initial"
	restocked = "restock"
	out       = "taken"
	back      = "returned"
)

// reservation returns what became of the stock for an order.
func reservation(tx *store.Tx, order string) (s status, lines []contract.Line, err error) {
	var text []byte
	found, err := tx.Row([]any{(*string)(&s), &text}, `SELECT status, lines FROM reservation WHERE order_id = $1`, order)
	if err == nil && found {
		err = json.Unmarshal(text, &lines)
	}
	return s, lines, err
}

// reserve keeps what became of the stock for an order.
func reserve(tx *store.Tx, order string, s status, lines []contract.Line) error {
	text, err := json.Marshal(lines)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO reservation (order_id, status, lines, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, at = excluded.at`, order, string(s), string(text), tx.Now)
}
