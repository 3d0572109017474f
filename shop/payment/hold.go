package payment

import (
	"encoding/json"
	"fmt"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Where an order conducts, payment is asked in two steps: to have the money held, and to
// capture it. Both go under the key of the order, so that it is captured once at most.

// calledOff is why an order is not paid that does not want to be any more.
const calledOff = "called_off"

// hold stores the intent to have money held, with the key, before anything is called.
func (s *Service) hold(tx *store.Tx, c contract.AuthorizePayment) error {
	if c.OrderID == "" || c.Amount <= 0 {
		return failure.Permanent(fmt.Errorf("payment: %d is to be held for order %q", c.Amount, c.OrderID))
	}
	p, err := load(tx, c.OrderID)
	if err != nil {
		return err
	}
	if p.state == none {
		lines, err := json.Marshal(c.Lines)
		if err != nil {
			return err
		}
		p.Charge = Charge{Key: chargeKey(c.OrderID), OrderID: c.OrderID, Amount: c.Amount, Currency: c.Currency, Method: c.Method}
		p.style, p.lines = c.Style, string(lines)
	}
	return s.apply(tx, p, authorizeAsked)
}

// take has what is held captured.
func (s *Service) take(tx *store.Tx, orderID string) error {
	p, err := load(tx, orderID)
	if err != nil {
		return err
	}
	return s.apply(tx, p, captureAsked)
}

// answer says what became of a payment to whoever has asked for it in steps.
func (p payment) answer(tx *store.Tx, a act) error {
	switch a {
	case sayAuthorized:
		return tx.Append(p.OrderID, contract.PaymentAuthorized{OrderID: p.OrderID, Amount: p.Amount, Currency: p.Currency, Reference: p.reference, Attempts: p.took()})
	case sayVoided:
		return tx.Append(p.OrderID, contract.PaymentVoided{OrderID: p.OrderID, Attempts: p.took()})
	case sayOver:
		return tx.Append(p.OrderID, contract.PaymentFailed{OrderID: p.OrderID, Reason: calledOff, Attempts: p.took()})
	}
	return fmt.Errorf("payment: no act %q", a)
}
