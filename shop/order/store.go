package order

import (
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations make the tables of this service.
func Migrations() fs.FS { return migrations }

// A row is an order as its table has it: the fold of its events so far, which its journal
// can tell again (histories), and the progress. It is written in the commit that appends
// them, so decisions are made from it: one row is read, and no event.
type row struct {
	Order
	progress
	Ended int64 // its place among the orders that ended; 0 as long as it has not
}

const columns = `id, user_id, status, reason, style, currency, total, method, lines, payment_status,
	payment_attempts, shipment_status, tracking, deadline, created, updated, version, ended, stock_status, why, unverified`

// load returns the row of an order, or ErrUnknown.
func load(tx *store.Tx, id string) (r row, err error) {
	found := false
	err = tx.Rows(`SELECT `+columns+` FROM orders WHERE id = $1`, []any{id}, func(scan func(...any) error) error {
		found = true
		r, err = scanned(scan)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	return r, err
}

func scanned(scan func(...any) error) (r row, err error) {
	var lines []byte
	var state string
	t := &r.Terms
	err = scan(&t.OrderID, &t.UserID, &state, &r.Reason, &t.Style, &t.Currency, &t.Total, &t.Method, &lines, &r.Payment,
		&r.Attempts, &r.Shipment, &r.Tracking, &t.Deadline, &r.Created, &r.Last.Time, &r.Last.Version, &r.Ended, &r.Stock, &r.Why, &r.Unverified)
	if err != nil {
		return r, err
	}
	r.State = State(state)
	return r, json.Unmarshal(lines, &t.Lines)
}

// insert stores an order that was just accepted.
func insert(tx *store.Tx, r row) error {
	values, err := r.values()
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO orders (`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`, values...)
}

// values are those of columns.
func (r row) values() ([]any, error) {
	lines, err := json.Marshal(r.Terms.Lines)
	if err != nil {
		return nil, err
	}
	t := r.Terms
	return []any{t.OrderID, t.UserID, string(r.State), r.Reason, t.Style, t.Currency, t.Total, t.Method, string(lines), r.Payment,
		r.Attempts, r.Shipment, r.Tracking, t.Deadline, r.Created, r.Last.Time, r.Last.Version, place(r.Ended), r.Stock, r.Why, flag(r.Unverified)}, nil
}

// flag is how a column has yes and no.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// place is one among the orders that ended, or none.
func place(ended int64) any {
	if ended == 0 {
		return nil
	}
	return ended
}

// save stores what can change of an order.
func save(tx *store.Tx, r row) error {
	return tx.Exec(`UPDATE orders SET status = $2, reason = $3, payment_status = $4, payment_attempts = $5,
		shipment_status = $6, tracking = $7, updated = $8, version = $9, ended = $10, stock_status = $11, why = $12, unverified = $13, deadline = $14 WHERE id = $1`,
		r.Terms.OrderID, string(r.State), r.Reason, r.Payment, r.Attempts,
		r.Shipment, r.Tracking, r.Last.Time, r.Last.Version, place(r.Ended), r.Stock, r.Why, flag(r.Unverified), r.Terms.Deadline)
}

// history returns the events of an order until a time, that included.
func history(tx *store.Tx, id string, until time.Time) ([]Event, error) {
	return histories.Events(tx, id, until)
}
