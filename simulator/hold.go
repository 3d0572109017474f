package simulator

import "github.com/tidewire/tidewire/toolkit/store"

// authorize decides on a hold: the first of two steps. What refuses a charge at once refuses
// a hold; what goes wrong with the money itself goes wrong when it is captured.
func authorize(tx *store.Tx, r request) (answer, error) {
	have, found, err := find(tx, r.Key)
	switch {
	case err != nil:
		return have, err
	case found && have.Status != voided && !have.about(r):
		return answer{Key: r.Key, Status: mismatch}, nil
	case found:
		return have, nil
	}
	a := answer{Key: r.Key, OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency, Status: authorized, method: r.Method}
	switch r.Method {
	case "declined":
		a.Status = declined
	case "timeout_lost":
		a.Status, a.cut = lost, true
	default:
		err = a.fail(tx, r)
	}
	return a, err
}

// capture takes the money that a key holds: the second of two steps.
func capture(tx *store.Tx, r request) (answer, error) {
	a, found, err := find(tx, r.Key)
	switch {
	case err != nil:
		return a, err
	case !found:
		return answer{Key: r.Key, Status: notFound}, nil
	case a.Status != authorized:
		return a, nil
	}
	a.settle(captured)
	switch a.method {
	case "declined_late":
		a.Status = declined
	case "timeout_captured":
		a.cut = true
	}
	return a, nil
}

// settle makes a new answer of one that holds: what it holds becomes a charge.
func (a *answer) settle(status string) {
	*a = answer{Key: a.Key, OrderID: a.OrderID, Amount: a.Amount, Currency: a.Currency, Status: status, method: a.method}
}

// fail makes of a what a transient error leaves, as often as the method says.
func (a *answer) fail(tx *store.Tx, r request) error {
	switch r.Method {
	case "unavailable":
		a.Status = unavailable
	case "fails_twice":
		var failures int
		if _, err := tx.Row([]any{&failures}, `SELECT COUNT(*) FROM call WHERE key = $1 AND answer = 'unavailable'`, r.Key); err != nil {
			return err
		}
		if failures < 2 {
			a.Status = unavailable
		}
	}
	return nil
}

// findHold reads what a key holds, or held before there was a charge of it.
func findHold(tx *store.Tx, key string) (a answer, found bool, err error) {
	a = answer{Key: key, Status: authorized}
	found, err = tx.Row([]any{&a.OrderID, &a.Amount, &a.Currency, &a.method, &a.Reference, &a.At},
		`SELECT order_id, amount, currency, method, reference, at FROM hold WHERE key = $1`, key)
	return a, found, err
}

// hold stores what is held from now on.
func (a *answer) hold(tx *store.Tx, reference string) error {
	a.At, a.Reference = tx.Now, "au_"+reference
	return tx.Exec(`INSERT INTO hold (key, n, order_id, amount, currency, method, reference, at)
		VALUES ($1, (SELECT MAX(n) FROM call), $2, $3, $4, $5, $6, $7)`, a.Key, a.OrderID, a.Amount, a.Currency, a.method, a.Reference, a.At)
}
