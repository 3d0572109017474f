package analytics

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Service is the analytics service.
type Service struct {
	DB  *store.DB
	Now func() time.Time // the day at which revenueByDay ends; time.Now
}

// accept counts an order, and its end if that was heard of before.
func accept(tx *store.Tx, e contract.OrderCreated, at time.Time) error {
	t := termsOf(e)
	first, was, err := saveTerms(tx, e.OrderID, t)
	if err != nil || !first {
		return err
	}
	c := gathered(tx)
	c.add(tally{name: accepted}, 1, at)
	if was.state != open {
		c.end(t, was)
	}
	return nil
}

// finish counts the end of an order, if it is known how that was accepted.
func finish(tx *store.Tx, order string, e end) error {
	t, known, err := saveEnd(tx, order, e)
	if err != nil || !known {
		return err
	}
	gathered(tx).end(t, e)
	return nil
}

// refund counts money that went back.
func refund(tx *store.Tx, e contract.PaymentRefunded, at time.Time) error {
	first, err := saveRefund(tx, e)
	if err == nil && first {
		gathered(tx).add(tally{refunded, e.Currency}, e.Amount, at)
	}
	return err
}

// enrol counts a user.
func enrol(tx *store.Tx, user string, at time.Time) error {
	first, err := saveCustomer(tx, user)
	if err == nil && first {
		gathered(tx).add(tally{name: users}, 1, at)
	}
	return err
}

// gathered are the counts of a transaction.
func gathered(tx *store.Tx) *counts { return store.Gather[counts](tx) }
