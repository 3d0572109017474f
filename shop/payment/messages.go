package payment

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Streams lists the facts that payment follows.
func (s *Service) Streams() []stream.Handler {
	return []stream.Handler{
		stream.On(contract.Orders, s.takeOrder),
		stream.On(contract.Inventory, s.takeStockRefused),
		stream.On(contract.Orders, s.takeOrderFailed).Passing(),
		stream.On(contract.Orders, s.takeOrderCancelled).Passing(),
		stream.On(contract.Orders, s.authorizePayment),
		stream.On(contract.Orders, s.capturePayment),
		stream.On(contract.Orders, s.voidPayment).Passing(),
	}
}

// Queues lists the calls to the provider.
func (s *Service) Queues() []queue.Handler {
	return []queue.Handler{
		call[charge](s), call[authorize](s), call[capture](s), call[lookup](s), call[void](s), call[refund](s),
		queue.Do(s.compare, s.recordCompared),
	}
}

// A task is one call to the provider.
type task struct {
	Charge
	Vain int `json:"vain,omitempty"` // how often it was asked without an answer
}

// The kinds of a task are the kinds of an attempt, too.
type (
	charge    struct{ task }
	authorize struct{ task }
	capture   struct{ task }
	lookup    struct{ task }
	void      struct{ task }
	refund    struct{ task }
)

// Queue is where payment's calls wait.
func (task) Queue() string { return "payment_charges" }

func (t task) the() task { return t }

// Kind names the call.
func (charge) Kind() string { return "charge" }

// Kind names the call.
func (authorize) Kind() string { return "authorize" }

// Kind names the call.
func (capture) Kind() string { return "capture" }

// Kind names the call.
func (lookup) Kind() string { return "lookup" }

// Kind names the call.
func (void) Kind() string { return "void" }

// Kind names the call.
func (refund) Kind() string { return "refund" }

// A reconcile is work that comes again for ever: a look at the provider's ledger.
type reconcile struct{}

// Queue is where it waits, so that no charge waits behind it.
func (reconcile) Queue() string { return "payment_reconciliation" }

// Kind names it.
func (reconcile) Kind() string { return "reconcile" }

// A told is what the provider answered, and to which kind of call.
type told struct {
	kind string
	Answer
}

// call has the provider asked, and what it answered recorded. Its outcome is data. A
// call that could not be made is no outcome, and no attempt: it waits.
func call[T interface {
	message.Work
	the() task
}](s *Service) queue.Handler {
	return queue.Do(
		func(ctx context.Context, m message.Of[T]) (told, error) {
			ctx, cancel := context.WithTimeout(ctx, s.timeout())
			defer cancel()
			c := m.Data.the().Charge
			kind, err := s.instead(ctx, m.Data.Kind(), c, time.Since(m.Time))
			if err != nil {
				return told{}, err
			}
			a := s.ask(ctx, kind, c)
			if a.Outcome == NotAsked {
				return told{}, failure.Wait(a.Wait+s.spread(time.Since(m.Time)), errors.New(a.Error))
			}
			return told{kind, a}, nil
		},
		func(_ context.Context, tx *store.Tx, m message.Of[T], a told) error {
			return s.record(tx, a.kind, m.Data.the(), a.Answer)
		})
}

// ask makes a call.
func (s *Service) ask(ctx context.Context, kind string, c Charge) Answer {
	switch kind {
	case authorize{}.Kind():
		return s.Provider.Authorize(ctx, c)
	case capture{}.Kind():
		return s.Provider.Capture(ctx, c)
	case lookup{}.Kind():
		return s.Provider.Lookup(ctx, c)
	case void{}.Kind():
		return s.Provider.Void(ctx, c)
	case refund{}.Kind():
		return s.Provider.Refund(ctx, refundKey(c.OrderID), c)
	}
	return s.Provider.Charge(ctx, c)
}

func (s *Service) takeOrder(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCreated]) error {
	return s.want(tx, m.Data)
}

func (s *Service) takeStockRefused(_ context.Context, tx *store.Tx, m message.Of[contract.InventoryUpdateFailed]) error {
	return s.end(tx, m.Data.OrderID, stockRefused)
}

func (s *Service) takeOrderFailed(_ context.Context, tx *store.Tx, m message.Of[contract.OrderFailed]) error {
	return s.end(tx, m.Data.OrderID, orderEnded)
}

func (s *Service) takeOrderCancelled(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCancelled]) error {
	return s.end(tx, m.Data.OrderID, cancelledEarly)
}

func (s *Service) authorizePayment(_ context.Context, tx *store.Tx, m message.Of[contract.AuthorizePayment]) error {
	return s.hold(tx, m.Data)
}

func (s *Service) capturePayment(_ context.Context, tx *store.Tx, m message.Of[contract.CapturePayment]) error {
	return s.take(tx, m.Data.OrderID)
}

func (s *Service) voidPayment(_ context.Context, tx *store.Tx, m message.Of[contract.VoidPayment]) error {
	return s.end(tx, m.Data.OrderID, voidAsked)
}
