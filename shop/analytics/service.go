package analytics

import (
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Service is the analytics service.
type Service struct {
	DB  *store.DB
	Now func() time.Time // the day at which revenueByDay ends; time.Now
	// Numbers is told all numbers, under no key, when they have changed and somebody looks at
	// them; nobody.
	Numbers *broadcast.Topic[jsontext.Value]

	looking atomic.Int64 // clients
}

// accept counts an order, and its end if that was heard of before.
func accept(b books, e contract.OrderCreated, at time.Time) error {
	t := termsOf(e)
	first, was, err := b.saveTerms(e.OrderID, t)
	if err != nil || !first {
		return err
	}
	c := b.gathered()
	c.add(tally{name: accepted}, 1, at)
	if was.state != open {
		c.end(t, was)
	}
	return nil
}

// finish counts the end of an order, if it is known how that was accepted.
func finish(b books, order string, e end) error {
	t, known, err := b.saveEnd(order, e)
	if err != nil || !known {
		return err
	}
	b.gathered().end(t, e)
	return nil
}

// refund counts money that went back.
func refund(b books, e contract.PaymentRefunded, at time.Time) error {
	first, err := b.saveRefund(e)
	if err == nil && first {
		b.gathered().add(tally{refunded, e.Currency}, e.Amount, at)
	}
	return err
}

// enrol counts a user.
func enrol(b books, user string, at time.Time) error {
	first, err := b.saveCustomer(user)
	if err == nil && first {
		b.gathered().add(tally{name: users}, 1, at)
	}
	return err
}
