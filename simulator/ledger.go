package simulator

import (
	"context"
	"embed"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// The statuses of an answer.
const (
	authorized  = "authorized" // held: it can be captured
	captured    = "captured"
	declined    = "declined"
	voided      = "voided"
	refunded    = "refunded"
	notFound    = "not_found"
	mismatch    = "mismatch"    // the key is known with other content
	refused     = "refused"     // there is not so much to refund
	unavailable = "unavailable" // a transient error: nothing happened
	lost        = "lost"        // the request never arrived
)

// The kinds of a call.
const (
	charging    = "charge"
	authorizing = "authorize"
	capturing   = "capture"
	lookingUp   = "lookup"
	voiding     = "void"
	refunding   = "refund"
)

// A request is what a caller asks for. A capture, a lookup and a void have a key only.
type request struct {
	Key       string `json:"key"`
	ChargeKey string `json:"chargeKey,omitempty"` // of a refund
	OrderID   string `json:"orderId"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Method    string `json:"method,omitempty"` // of a charge or a hold
}

// An answer is what it gets, unless it is cut.
type answer struct {
	Key       string    `json:"key"`
	ChargeKey string    `json:"chargeKey,omitempty"`
	OrderID   string    `json:"orderId,omitempty"`
	Amount    int64     `json:"amount,omitempty"`
	Currency  string    `json:"currency,omitempty"`
	Status    string    `json:"status"`
	Reference string    `json:"reference,omitempty"`
	At        time.Time `json:"at,omitzero"`
	Cursor    string    `json:"cursor,omitempty"` // in the ledger: to go on behind it

	cut    bool
	method string // of a hold
}

// about reports whether a stored charge or refund is what r asks for.
func (a answer) about(r request) bool {
	return a.OrderID == r.OrderID && a.Amount == r.Amount && a.Currency == r.Currency && a.ChargeKey == r.ChargeKey
}

// A ledger is what the provider knows, in its own file.
type ledger struct{ db *store.DB }

// serve answers one request. The answer, the money it moved and the row of the call
// are one commit, and on disk.
func (l ledger) serve(ctx context.Context, kind string, r request, down bool) (answer, error) {
	reference := uuid.NewString() // once: the change may run again
	var a answer
	_, err := l.db.Update(ctx, []string{r.Key}, func(tx *store.Tx) (err error) {
		switch {
		case down:
			a = answer{Key: r.Key, Status: "down"}
		case kind == charging:
			a, err = charge(tx, r)
		case kind == authorizing:
			a, err = authorize(tx, r)
		case kind == capturing:
			a, err = capture(tx, r)
		case kind == voiding:
			a, err = void(tx, r)
		case kind == refunding:
			a, err = refund(tx, r)
		default:
			a, err = lookup(tx, r)
		}
		if err != nil {
			return err
		}
		return write(tx, kind, &a, reference)
	})
	return a, err
}

// charge decides on a charge; write does the rest. At is zero in what is new.
func charge(tx *store.Tx, r request) (answer, error) {
	have, found, err := find(tx, r.Key)
	switch {
	case err != nil:
		return have, err
	case found && (have.Status == authorized || have.Status != voided && !have.about(r)):
		return answer{Key: r.Key, Status: mismatch}, nil
	case found:
		return have, nil
	}
	a := answer{Key: r.Key, OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency, Status: captured}
	switch r.Method {
	case "declined", "declined_late":
		a.Status = declined
	case "timeout_captured":
		a.cut = true
	case "timeout_lost":
		a.Status, a.cut = lost, true
	default:
		err = a.fail(tx, r)
	}
	return a, err
}

// lookup changes nothing, but the call is logged.
func lookup(tx *store.Tx, r request) (answer, error) {
	have, found, err := find(tx, r.Key)
	if !found {
		have = answer{Key: r.Key, Status: notFound}
	}
	return have, err
}

// void makes sure that a key that has captured nothing yet never does, and holds nothing.
func void(tx *store.Tx, r request) (answer, error) {
	have, found, err := find(tx, r.Key)
	switch {
	case !found:
		have = answer{Key: r.Key, Status: voided}
	case have.Status == authorized:
		have.settle(voided)
	}
	return have, err
}

// refund gives back what is left of a charge, at most.
func refund(tx *store.Tx, r request) (answer, error) {
	have := answer{Key: r.Key, Status: refunded}
	found, err := tx.Row([]any{&have.ChargeKey, &have.OrderID, &have.Amount, &have.Currency, &have.Reference, &have.At},
		`SELECT charge_key, order_id, amount, currency, reference, at FROM refund WHERE key = $1`, r.Key)
	switch {
	case err != nil:
		return have, err
	case found && !have.about(r):
		return answer{Key: r.Key, Status: mismatch}, nil
	case found:
		return have, nil
	}
	var left int64
	found, err = tx.Row([]any{&left}, `SELECT amount - (SELECT COALESCE(SUM(amount), 0) FROM refund WHERE charge_key = $1)
		FROM charge WHERE key = $1 AND status = 'captured' AND order_id = $2 AND currency = $3`, r.ChargeKey, r.OrderID, r.Currency)
	if err != nil || !found || left < r.Amount {
		return answer{Key: r.Key, Status: refused}, err
	}
	return answer{Key: r.Key, ChargeKey: r.ChargeKey, OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency, Status: refunded}, nil
}

// find reads what became of the key of a charge or a hold.
func find(tx *store.Tx, key string) (a answer, found bool, err error) {
	a.Key = key
	found, err = tx.Row([]any{&a.OrderID, &a.Amount, &a.Currency, &a.Status, &a.Reference, &a.At},
		`SELECT order_id, amount, currency, status, reference, at FROM charge WHERE key = $1`, key)
	if err == nil && !found {
		return findHold(tx, key)
	}
	return a, found, err
}

// write stores the call, and what it made. What is new has no time yet.
func write(tx *store.Tx, kind string, a *answer, reference string) error {
	err := tx.Exec(`INSERT INTO call (key, kind, answer, cut, at) VALUES ($1, $2, $3, $4, $5)`, a.Key, kind, a.Status, a.cut, tx.Now)
	if err != nil || !a.At.IsZero() {
		return err
	}
	switch a.Status {
	case authorized:
		return a.hold(tx, reference)
	case captured, declined, voided:
		a.At, a.Reference = tx.Now, "ch_"+reference
		return tx.Exec(`INSERT INTO charge (key, n, order_id, amount, currency, status, reference, at)
			VALUES ($1, (SELECT MAX(n) FROM call), $2, $3, $4, $5, $6, $7)`,
			a.Key, a.OrderID, a.Amount, a.Currency, a.Status, a.Reference, a.At)
	case refunded:
		a.At, a.Reference = tx.Now, "re_"+reference
		return tx.Exec(`INSERT INTO refund (key, n, charge_key, order_id, amount, currency, reference, at)
			VALUES ($1, (SELECT MAX(n) FROM call), $2, $3, $4, $5, $6, $7)`,
			a.Key, a.ChargeKey, a.OrderID, a.Amount, a.Currency, a.Reference, a.At)
	}
	return nil
}

// page reads the holds, charges and refunds made by calls after cursor; next is 0 at the end.
// Their order never changes: one writer gives them numbers and times that grow.
func (l ledger) page(ctx context.Context, cursor, limit int64) (items []answer, next int64, err error) {
	items = []answer{}
	err = l.db.View(ctx, func(tx *store.Tx) error {
		return tx.Rows(`SELECT n, key, '' AS charge_key, order_id, amount, currency, status, reference, at FROM charge WHERE n > $1
			UNION ALL SELECT n, key, '', order_id, amount, currency, 'authorized', reference, at FROM hold WHERE n > $1
			UNION ALL SELECT n, key, charge_key, order_id, amount, currency, 'refunded', reference, at FROM refund WHERE n > $1
			ORDER BY n LIMIT $2`, []any{cursor, limit}, func(scan func(...any) error) error {
			var a answer
			err := scan(&next, &a.Key, &a.ChargeKey, &a.OrderID, &a.Amount, &a.Currency, &a.Status, &a.Reference, &a.At)
			a.Cursor = strconv.FormatInt(next, 10)
			items = append(items, a)
			return err
		})
	})
	if int64(len(items)) < limit {
		next = 0
	}
	return items, next, err
}
