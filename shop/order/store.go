package order

import (
	"embed"
	"fmt"
	"github.com/go-json-experiment/json"
	"io/fs"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations make the tables of this service.
func Migrations() fs.FS { return migrations }

// A row is an order as its table has it: the fold of its events so far, which its journal
// can tell again (history), and the progress. Decisions are made from it, because a
// transaction does not see in the journal what it has said itself.
type row struct {
	Order
	progress
	Ended int64 // its place among the orders that ended; 0 as long as it has not
}

const columns = `id, user_id, status, reason, style, currency, total, method, lines, payment_status,
	payment_attempts, shipment_status, tracking, deadline, created, updated, version, ended`

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
		&r.Attempts, &r.Shipment, &r.Tracking, &t.Deadline, &r.Created, &r.Last.Time, &r.Last.Version, &r.Ended)
	if err != nil {
		return r, err
	}
	r.State = State(state)
	return r, json.Unmarshal(lines, &t.Lines)
}

// insert stores an order that was just accepted.
func insert(tx *store.Tx, r row) error {
	lines, err := json.Marshal(r.Terms.Lines)
	if err != nil {
		return err
	}
	t := r.Terms
	return tx.Exec(`INSERT INTO orders (`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, NULL)`,
		t.OrderID, t.UserID, string(r.State), r.Reason, t.Style, t.Currency, t.Total, t.Method, string(lines), r.Payment,
		r.Attempts, r.Shipment, r.Tracking, t.Deadline, r.Created, r.Last.Time, r.Last.Version)
}

// save stores what can change of an order.
func save(tx *store.Tx, r row) error {
	var ended any
	if r.Ended > 0 {
		ended = r.Ended
	}
	return tx.Exec(`UPDATE orders SET status = $2, reason = $3, payment_status = $4, payment_attempts = $5,
		shipment_status = $6, tracking = $7, updated = $8, version = $9, ended = $10 WHERE id = $1`,
		r.Terms.OrderID, string(r.State), r.Reason, r.Payment, r.Attempts,
		r.Shipment, r.Tracking, r.Last.Time, r.Last.Version, ended)
}

// history returns the committed events of an order until a time, that included.
func history(tx *store.Tx, id string, until time.Time) (events []Event, err error) {
	err = tx.Rows(`SELECT kind, version, time, body FROM journal
		WHERE key = $1 AND version IS NOT NULL AND time <= $2 ORDER BY version`, []any{id, until}, func(scan func(...any) error) error {
		var e Event
		m := message.Message{Key: id}
		if err := scan(&m.Kind, &e.Version, &e.Time, &m.Body); err != nil {
			return err
		}
		if e.Fact, err = decode(m); err != nil {
			return err
		}
		events = append(events, e)
		return nil
	})
	return events, err
}

// decode reads an event of an order. A kind that is not here cannot be in a journal of
// ours: whoever adds one adds it here and in apply, and never takes one away.
func decode(m message.Message) (message.Kind, error) {
	switch m.Kind {
	case contract.OrderCreated{}.Kind():
		return fact[contract.OrderCreated](m)
	case contract.OrderConfirmed{}.Kind():
		return fact[contract.OrderConfirmed](m)
	case contract.OrderCompleted{}.Kind():
		return fact[contract.OrderCompleted](m)
	case contract.OrderFailed{}.Kind():
		return fact[contract.OrderFailed](m)
	case contract.OrderCancelled{}.Kind():
		return fact[contract.OrderCancelled](m)
	}
	return nil, fmt.Errorf("order: %s is not in the history of an order", m.Kind)
}

func fact[T message.Kind](m message.Message) (message.Kind, error) {
	of, err := message.Decode[T](m)
	return of.Data, err
}
