package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Read this page from top to bottom: it is how an order flows. What a command does is in the
// messages.go of the service that it names; flow.go has what all services do besides, and how
// an order flows in which nobody conducts.

// placeOrder is the way of an order. What is refused, or not answered by the order's
// deadline, is undone from there upwards, and the order fails last. Once the money is taken
// nothing fails any more: what comes after is asked again until it is done.
func (s *Service) placeOrder() saga.Saga[placing] {
	return saga.Saga[placing]{
		Name:   "place-order",
		Within: s.deadline(),
		Steps: []saga.Step[placing]{
			{Name: "accept", Do: accept, Answer: contract.OrderCreated{}, Back: fail, Undone: on(contract.OrderFailed{})},
			{Name: "reserve stock", Who: "inventory", Send: reserve, Answer: contract.InventoryUpdated{}, Refusal: contract.InventoryUpdateFailed{},
				Undo: release, Undone: on(contract.StockReleased{})},
			{Name: "authorize payment", Who: "payment", Send: authorize, Answer: contract.PaymentAuthorized{}, Refusal: contract.PaymentFailed{},
				Undo: void, Undone: on(contract.PaymentVoided{}, contract.PaymentRefunded{})},
			{Name: "capture payment", Who: "payment", Send: capture, Answer: contract.PaymentProcessed{}, Refusal: contract.PaymentFailed{}, Pivot: true},
			{Name: "confirm", Do: confirm, Answer: contract.OrderConfirmed{}},
			{Name: "ship", Who: "shipping", Send: ship, Answer: contract.OrderShipped{}, Within: shippingTime},
			{Name: "complete", Do: complete, Answer: contract.OrderCompleted{}},
		},
		Timer: func(d saga.Deadline) message.Work { return overdue{d} },
		Note:  (*placing).hear,
		Meter: s.Meter,
	}
}

// shippingTime is how long shipping has before it is asked again.
const shippingTime = time.Hour

// What is asked of the others.
func reserve(p *placing) message.Work {
	return contract.ReserveStock{OrderID: p.Terms.OrderID, Style: p.Terms.Style, Lines: p.Terms.Lines}
}
func release(p *placing) message.Work {
	return contract.ReleaseStock{OrderID: p.Terms.OrderID, Lines: p.Terms.Lines}
}
func authorize(p *placing) message.Work {
	t := p.Terms
	return contract.AuthorizePayment{OrderID: t.OrderID, Style: t.Style, Amount: t.Total, Currency: t.Currency, Method: t.Method, Lines: t.Lines}
}
func capture(p *placing) message.Work { return contract.CapturePayment{OrderID: p.Terms.OrderID} }
func void(p *placing) message.Work    { return contract.VoidPayment{OrderID: p.Terms.OrderID} }
func ship(p *placing) message.Work {
	return contract.ShipOrder{OrderID: p.Terms.OrderID, Lines: p.Terms.Lines}
}

// A placing is an order on its way: its row, and why it fails if it does.
type placing struct {
	row
	why string
}

// hear keeps of an answer what a later step needs.
func (p *placing) hear(m message.Kind) {
	switch m := m.(type) {
	case contract.InventoryUpdateFailed:
		p.why = m.Reason
	case contract.PaymentFailed:
		p.why = m.Reason
	case saga.Overdue:
		p.why = contract.TimedOut
	}
}

// What is done here.
func accept(tx *store.Tx, p *placing) error   { return enter(tx, &p.row) }
func confirm(tx *store.Tx, p *placing) error  { return p.decide(tx, row.confirm) }
func complete(tx *store.Tx, p *placing) error { return p.decide(tx, completing(p.Tracking)) }
func fail(tx *store.Tx, p *placing) error     { return p.decide(tx, failing(p.why)) }

// conduct takes a message to the saga of its order, and reports whether it came too late for
// it. Where the parcel is afterwards is no step. A customer who cancels ends the saga: the
// order says so, and everybody undoes what he did.
func (s *Service) conduct(tx *store.Tx, r *row, m message.Kind) (tooLate bool, err error) {
	flow, id, p := s.flow(), r.Terms.OrderID, &placing{row: *r}
	var did saga.Outcome
	switch m := m.(type) {
	case contract.ShipmentDelivered, contract.ShipmentRecalled:
		return false, nil
	case overdue:
		did, err = flow.Expire(tx, id, p, m.Deadline)
	case cancel:
		if tooLate, err = p.attempt(tx, row.cancel); tooLate || err != nil {
			return tooLate, err
		}
		did, err = flow.Close(tx, id)
	default:
		did, err = flow.Take(tx, id, p, m)
	}
	*r = p.row
	return did == saga.Late, err
}

// An overdue is work for when an answer has not come in time.
type overdue struct{ saga.Deadline }

// Kind is the name of the message.
func (overdue) Kind() string { return "overdue" }

// Queue is where deadlines wait.
func (overdue) Queue() string { return expire{}.Queue() }

// Saga is what operators look at, wake and call off.
func (s *Service) Saga() saga.Operated {
	return conductor{s: s, Owned: saga.Owned[placing]{
		Saga: s.flow(), DB: s.DB,
		Load: func(tx *store.Tx, id string) (placing, error) {
			r, err := load(tx, id)
			return placing{row: r}, err
		},
		Store: func(tx *store.Tx, _ string, p placing) error { return save(tx, p.row) },
	}}
}

// A conductor calls an order off as its customer does.
type conductor struct {
	saga.Owned[placing]
	s *Service
}

// Cancel cancels the order; saga.ErrIllegal if it has ended or left.
func (c conductor) Cancel(ctx context.Context, id string, _ saga.CalledOff, also func(*store.Tx, saga.Outcome) error) (saga.Outcome, error) {
	_, err := c.DB.Update(ctx, []string{id}, func(tx *store.Tx) error {
		if _, err := c.s.callOff(tx, id); err != nil {
			return err
		}
		return also(tx, saga.Moved)
	})
	switch {
	case errors.Is(err, ErrIllegal):
		err = fmt.Errorf("%w: %w", saga.ErrIllegal, err)
	case errors.Is(err, ErrUnknown):
		err = fmt.Errorf("%w: %w", saga.ErrUnknown, err)
	}
	return saga.Moved, err
}
