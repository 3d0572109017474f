package order

import (
	"context"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// Where the user service does not answer, an order is accepted all the same, and its user is
// verified when that is back. Before that nothing is said that anybody does something about:
// no money is asked for, no stock reserved, in any style.
//
//	OrderReceived ─┬─► there is such a user: OrderCreated, and its flow begins
//	               └─► there is none, its customer calls it off, or it has waited a day:
//	                   OrderFailed, OrderCancelled

// Verifications is the queue of orders whose user is to be asked for. No order that has begun
// waits for it.
const Verifications = "order_verifications"

const (
	verifyWithin = 24 * time.Hour         // for the user service to come back; the order's own deadline counts from then
	askAgain     = 250 * time.Millisecond // while it is away
	askFor       = 2 * time.Second        // by one worker at a time, so that those who wait cost no more, however many
	askLater     = 3 * time.Second        // by the next one
)

// A verify is work for when the user service is back.
type verify struct {
	OrderID string `json:"orderId"`
	UserID  string `json:"userId"`
}

// Kind is the name of the message.
func (verify) Kind() string { return "verify" }

// Queue is where orders wait for the user service.
func (verify) Queue() string { return Verifications }

// verifyID names the job of an order, so that it can be taken back.
func verifyID(orderID string) string { return "verify-" + orderID }

// verified is what the user service has said of an order's user.
type verified struct{ known bool }

// Kind is the name of the message.
func (verified) Kind() string { return "verified" }

// receive accepts an order of which nobody can tell now whether there is its user.
func (s *Service) receive(tx *store.Tx, terms contract.OrderCreated) (row, error) {
	terms.Deadline = tx.Now.Add(verifyWithin)
	r := row{progress: begin()}
	s.measures.begun(tx)
	if err := r.say(tx, terms.OrderID, contract.OrderReceived(terms)); err != nil {
		return row{}, err
	}
	if err := insert(tx, r); err != nil {
		return row{}, err
	}
	if err := tx.SendAs(deadlineID(terms.OrderID), terms.Deadline, terms.OrderID, expire{OrderID: terms.OrderID}); err != nil {
		return row{}, err
	}
	return r, tx.SendAs(verifyID(terms.OrderID), tx.Now, terms.OrderID, verify{OrderID: terms.OrderID, UserID: terms.UserID})
}

// verification asks for the user of an order, for as long as it takes, and takes the answer to
// the order. That there is no answer is no attempt.
func (s *Service) verification(c metric.Int64Counter) queue.Handler {
	take := taking(s, c, verified{}.Kind())
	return queue.Do(s.askForUser, func(ctx context.Context, tx *store.Tx, m message.Of[verify], known bool) error {
		return take(ctx, tx, m.Key, verified{known})
	})
}

func (s *Service) askForUser(ctx context.Context, m message.Of[verify]) (known bool, err error) {
	again := time.NewTicker(askAgain)
	defer again.Stop()
	enough := time.After(askFor)
	for {
		if known, err = s.Users.Known(ctx, m.Data.UserID); err == nil {
			return known, nil
		}
		select {
		case <-again.C:
		case <-enough:
			return false, failure.Wait(askLater, err)
		case <-ctx.Done():
			return false, failure.Wait(askLater, err)
		}
	}
}

// beforehand changes an order that has not begun, or has ended before it did, as a message to
// it means. Nobody can have done anything for it.
func (s *Service) beforehand(tx *store.Tx, r *row, m message.Kind, n news) (tooLate bool, err error) {
	switch m := m.(type) {
	case verified:
		if m.known && r.State != Pending {
			return true, nil
		}
		if m.known {
			if err := tx.Unsend(deadlineID(r.Terms.OrderID)); err != nil {
				return false, err
			}
			return false, s.begin(tx, r)
		}
	case expire, cancel:
	default:
		if r.State == Pending {
			return false, fmt.Errorf("%w: %s of an order that has not begun", ErrIllegal, m.Kind())
		}
	}
	if n.decide == nil {
		return false, nil
	}
	before := r.State
	tooLate, err = r.attempt(tx, n.decide)
	if _, told := m.(verified); err == nil && !told && r.State != before {
		err = tx.Unsend(verifyID(r.Terms.OrderID)) // nobody needs to know any more
	}
	return tooLate, err
}
