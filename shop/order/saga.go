package order

import (
	"context"
	"errors"
	"fmt"

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
// nothing fails any more: what comes after is asked again until it is done. What is asked for
// has been validated: what is not acceptable never becomes an order.
func (s *Service) placeOrder() saga.Saga[row] {
	return saga.Saga[row]{
		Name:   "place-order",
		Within: s.deadline(),
		Steps: []saga.Step[row]{
			{Name: "accept", Do: accept, Answer: contract.OrderCreated{}, Back: fail},
			{Name: "reserve stock", Who: "inventory", Send: reserve, Answer: contract.InventoryUpdated{}, Refusal: contract.InventoryUpdateFailed{},
				Undo: release, Undone: on(contract.StockReleased{})},
			{Name: "authorize payment", Who: "payment", Send: authorize, Answer: contract.PaymentAuthorized{}, Refusal: contract.PaymentFailed{},
				Undo: void, Undone: on(contract.PaymentVoided{}, contract.PaymentRefunded{})},
			{Name: "capture payment", Who: "payment", Send: capture, Answer: contract.PaymentProcessed{}, Refusal: contract.PaymentFailed{}, Pivot: true},
			{Name: "confirm", Do: confirm, Answer: contract.OrderConfirmed{}},
			{Name: "ship", Who: "shipping", Send: ship, Answer: contract.OrderShipped{}},
			{Name: "complete", Do: complete, Answer: contract.OrderCompleted{}},
		},
		Timer: func(d saga.Deadline) message.Work { return overdue{d} },
		Note:  (*row).hear,
		Meter: s.Meter,
	}
}

// What is asked of the others.
func reserve(r *row) message.Work {
	return contract.ReserveStock{OrderID: r.Terms.OrderID, Style: r.Terms.Style, Lines: r.Terms.Lines}
}
func release(r *row) message.Work {
	return contract.ReleaseStock{OrderID: r.Terms.OrderID, Lines: r.Terms.Lines}
}
func authorize(r *row) message.Work {
	t := r.Terms
	return contract.AuthorizePayment{OrderID: t.OrderID, Style: t.Style, Amount: t.Total, Currency: t.Currency, Method: t.Method, Lines: t.Lines}
}
func capture(r *row) message.Work { return contract.CapturePayment{OrderID: r.Terms.OrderID} }
func void(r *row) message.Work    { return contract.VoidPayment{OrderID: r.Terms.OrderID} }
func ship(r *row) message.Work {
	return contract.ShipOrder{OrderID: r.Terms.OrderID, Lines: r.Terms.Lines}
}

// hear keeps why an order is being undone, until it fails. What comes after its end, or comes
// again, is no reason any more.
func (r *row) hear(m message.Kind) {
	if r.State.ended() {
		return
	}
	switch m := m.(type) {
	case contract.InventoryUpdateFailed:
		r.Why = m.Reason
	case contract.PaymentFailed:
		r.Why = m.Reason
	case saga.Overdue:
		r.Why = contract.TimedOut
	}
}

// What is done here.
func accept(tx *store.Tx, r *row) error   { return enter(tx, r) }
func confirm(tx *store.Tx, r *row) error  { return r.decide(tx, row.confirm) }
func complete(tx *store.Tx, r *row) error { return r.decide(tx, completing(r.Tracking)) }
func fail(tx *store.Tx, r *row) error     { return r.decide(tx, failing(r.Why)) }

// conduct takes a message to the saga of its order, and reports whether it came too late for
// it. Where the parcel is afterwards is no step. A customer who cancels ends the saga: the
// order says so, and everybody undoes what he did.
func (s *Service) conduct(tx *store.Tx, r *row, m message.Kind) (tooLate bool, err error) {
	flow, id := s.flow(), r.Terms.OrderID
	var did saga.Outcome
	switch m := m.(type) {
	case contract.ShipmentDelivered, contract.ShipmentRecalled:
		return false, nil
	case overdue:
		did, err = flow.Expire(tx, id, r, m.Deadline)
	case cancel:
		if tooLate, err = r.attempt(tx, row.cancel); tooLate || err != nil {
			return tooLate, err
		}
		did, err = flow.Close(tx, id, contract.OrderCancelled{})
	default:
		did, err = flow.Take(tx, id, r, m)
	}
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
	return conductor{s: s, Owned: saga.Owned[row]{
		Saga: s.flow(), DB: s.DB,
		Load:  load,
		Store: func(tx *store.Tx, _ string, r row) error { return save(tx, r) },
	}}
}

// A conductor calls an order off as its customer does.
type conductor struct {
	saga.Owned[row]
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
