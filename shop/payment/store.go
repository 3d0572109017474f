package payment

import (
	"embed"
	"io/fs"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this service, in goose's format.
func Migrations() fs.FS { return migrations }

// A payment is all that is known about the money of one order.
type payment struct {
	Charge
	state     state
	closed    bool
	style     string
	lines     string // JSON
	reference string
	reason    string
	attempts  int  // to charge, to have money held, to capture that
	captures  int  // of these, to capture what is held
	calls     int  // of every kind
	stored    bool // there is a row

	made time.Time // when the provider did what is booked next, if it said so
}

// took is how many tries it took to be paid, which is what others are told: of two steps,
// those of the one that took more. So it is one for whoever pays at once, in every style.
func (p payment) took() int { return max(p.attempts-p.captures, p.captures) }

// load reads the payment of an order; in state none if there is no row.
func load(tx *store.Tx, orderID string) (p payment, err error) {
	p.OrderID = orderID
	p.stored, err = tx.Row([]any{(*string)(&p.state), &p.closed, &p.Amount, &p.Currency, &p.Method, &p.style, &p.lines, &p.Key,
		&p.reference, &p.reason, &p.attempts, &p.calls, &p.captures},
		`SELECT status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, captures
		FROM payment WHERE order_id = $1`, orderID)
	if p.state == wanted && p.closed {
		p.state = closing
	}
	return p, err
}

// save writes p. What is as it was stays so: a message that comes again changes nothing.
func save(tx *store.Tx, p payment) error {
	status := p.state
	if status == closing {
		status = wanted
	}
	if p.stored {
		return tx.Exec(`UPDATE payment SET status = $2, closed = $3, reference = $4, reason = $5, attempts = $6, calls = $7, updated = $8, captures = $9
			WHERE order_id = $1 AND (status <> $2 OR closed <> $3 OR reference <> $4 OR reason <> $5 OR attempts <> $6 OR calls <> $7 OR captures <> $9)`, p.OrderID, string(status), p.closed, p.reference, p.reason, p.attempts, p.calls, tx.Now, p.captures)
	}
	return tx.Exec(`INSERT INTO payment (order_id, status, closed, amount, currency, method, style, lines, key,
			reference, reason, attempts, calls, created, updated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 0, 0, $10, $10)`,
		p.OrderID, string(status), p.closed, p.Amount, p.Currency, p.Method, p.style, p.lines, p.Key, tx.Now)
}

// adopt stores what a charge or a hold is of that was not asked for here.
func adopt(tx *store.Tx, p payment) error {
	return tx.Exec(`UPDATE payment SET amount = $2, currency = $3, key = $4 WHERE order_id = $1`, p.OrderID, p.Amount, p.Currency, p.Key)
}

// An attempt is a call to the provider, with what it answered.
type attempt struct {
	Answer
	orderID string
	n       int // from 1, for each order
	kind    string
	key     string
	at      time.Time
}

// keep stores a call with the state that it led to.
func keep(tx *store.Tx, a attempt) error {
	return tx.Insert("attempt (order_id, n, kind, key, status, reference, error, at)", "",
		a.orderID, a.n, a.kind, a.key, string(a.Outcome), a.Reference, a.Error, tx.Now)
}

// attempts reads the calls for an order, the first one first.
func attempts(tx *store.Tx, orderID string) (all []attempt, err error) {
	err = tx.Rows(`SELECT kind, status, reference, error, at FROM attempt WHERE order_id = $1 ORDER BY n`, []any{orderID},
		func(scan func(...any) error) error {
			var a attempt
			err := scan(&a.kind, (*string)(&a.Outcome), &a.Reference, &a.Error, &a.at)
			all = append(all, a)
			return err
		})
	return all, err
}

// The accounts of the ledger. Sales are kept by currency.
const (
	provider = "provider"
	sales    = "sales:"
)

// An entry moves an amount from one account to another.
type entry struct {
	kind, debit, credit string
	amount              int64
	currency            string
	at                  time.Time
}

// post books an entry of the whole amount of p. A second one of its kind is an error of
// the database.
func post(tx *store.Tx, p payment, e entry) error {
	if p.made.IsZero() {
		p.made = tx.Now
	}
	return tx.Insert("entry (id, order_id, kind, debit, credit, amount, currency, at, made)", "",
		e.kind+"-"+p.OrderID, p.OrderID, e.kind, e.debit, e.credit, p.Amount, p.Currency, tx.Now, p.made)
}

// entries reads what was booked for an order.
func entries(tx *store.Tx, orderID string) (all []entry, err error) {
	err = tx.Rows(`SELECT kind, debit, credit, amount, currency, at FROM entry WHERE id IN ('capture-' || $1, 'refund-' || $1) ORDER BY at, kind`, []any{orderID},
		func(scan func(...any) error) error {
			var e entry
			err := scan(&e.kind, &e.debit, &e.credit, &e.amount, &e.currency, &e.at)
			all = append(all, e)
			return err
		})
	return all, err
}
