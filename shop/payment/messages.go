package payment

import (
	"context"

	"github.com/tidewire/tidewire/shop/contract"
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
	}
}

// Queues lists the calls to the provider.
func (s *Service) Queues() []queue.Handler {
	return []queue.Handler{
		call[charge](s, func(ctx context.Context, c Charge) Answer { return s.Provider.Charge(ctx, c) }),
		call[lookup](s, func(ctx context.Context, c Charge) Answer { return s.Provider.Lookup(ctx, c) }),
		call[void](s, func(ctx context.Context, c Charge) Answer { return s.Provider.Void(ctx, c) }),
		call[refund](s, func(ctx context.Context, c Charge) Answer { return s.Provider.Refund(ctx, refundKey(c.OrderID), c) }),
	}
}

// A task is one call to the provider.
type task struct {
	Charge
	Vain int `json:"vain,omitempty"` // how often it was asked without an answer
}

// The kinds of a task are the kinds of an attempt, too.
type (
	charge struct{ task }
	lookup struct{ task }
	void   struct{ task }
	refund struct{ task }
)

// Queue is where payment's calls wait.
func (task) Queue() string { return "payment_charges" }

func (t task) the() task { return t }

// Kind names the call.
func (charge) Kind() string { return "charge" }

// Kind names the call.
func (lookup) Kind() string { return "lookup" }

// Kind names the call.
func (void) Kind() string { return "void" }

// Kind names the call.
func (refund) Kind() string { return "refund" }

// call has the provider asked, and what it answered recorded. Its outcome is data.
func call[T interface {
	message.Work
	the() task
}](s *Service, ask func(context.Context, Charge) Answer) queue.Handler {
	return queue.Do(
		func(ctx context.Context, m message.Of[T]) (Answer, error) {
			ctx, cancel := context.WithTimeout(ctx, s.timeout())
			defer cancel()
			return ask(ctx, m.Data.the().Charge), nil
		},
		func(_ context.Context, tx *store.Tx, m message.Of[T], a Answer) error {
			return s.record(tx, m.Data.Kind(), m.Data.the(), a)
		})
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
	return s.end(tx, m.Data.OrderID, orderEnded)
}
