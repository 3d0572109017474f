package analytics

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Streams lists the facts that analytics follows. Each decides on the row of its key, and
// on no counter. What is not here would cost every order more than its number is worth.
func (s *Service) Streams() []stream.Handler {
	return []stream.Handler{
		stream.On(contract.Orders, heard[contract.OrderCreated]),
		stream.On(contract.Orders, heard[contract.OrderCompleted]),
		stream.On(contract.Orders, heard[contract.OrderFailed]),
		stream.On(contract.Orders, heard[contract.OrderCancelled]),
		stream.On(contract.Payments, heard[contract.PaymentRefunded]),
		stream.On(contract.Products, heard[contract.ProductCreated]),
		stream.On(contract.Products, heard[contract.ProductUpdated]),
		stream.On(contract.Products, heard[contract.ProductPriceUpdated]),
		stream.On(contract.Users, heard[contract.UserRegistered]),
	}
}

// Rest is how long its readers let events gather: numbers may be a little late, and a
// commit for many events costs hardly more than one for a few.
const Rest = 200 * time.Millisecond

// Policy is that of its readers: one dead event holds up no others.
func (s *Service) Policy() failure.Policy { return failure.Policy{Release: true} }

// heard takes an event to the tables that are in use.
func heard[T message.Kind](_ context.Context, tx *store.Tx, m message.Of[T]) error {
	return hear(ledger{tx}, m.Data, m.Time)
}

// hear is the one table of what events mean.
func hear(b books, m message.Kind, at time.Time) error {
	switch m := m.(type) {
	case contract.OrderCreated:
		return accept(b, m, at)
	case contract.OrderCompleted:
		return finish(b, m.OrderID, end{completed, "", at})
	case contract.OrderFailed:
		return finish(b, m.OrderID, end{failed, m.Reason, at})
	case contract.OrderCancelled:
		return finish(b, m.OrderID, end{cancelled, m.Reason, at})
	case contract.PaymentRefunded:
		return refund(b, m, at)
	case contract.ProductCreated:
		b.gathered().cost(m.ProductID, m.Price, m.Currency, at)
		b.gathered().name(m.ProductID, m.Name, at)
	case contract.ProductPriceUpdated:
		b.gathered().cost(m.ProductID, m.Price, m.Currency, at)
	case contract.ProductUpdated: // the latest name stays, so that nothing needs to be decided here
		b.gathered().name(m.ProductID, m.Name, at)
	case contract.UserRegistered:
		return enrol(b, m.UserID, at)
	}
	return nil
}
