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
		stream.On(contract.Orders, orderCreated),
		stream.On(contract.Orders, orderCompleted),
		stream.On(contract.Orders, orderFailed),
		stream.On(contract.Orders, orderCancelled),
		stream.On(contract.Payments, paymentRefunded),
		stream.On(contract.Products, productCreated),
		stream.On(contract.Products, productUpdated),
		stream.On(contract.Products, productPriceUpdated),
		stream.On(contract.Users, userRegistered),
	}
}

// Rest is how long its readers let events gather: numbers may be a little late, and a
// commit for many events costs hardly more than one for a few.
const Rest = 200 * time.Millisecond

// Policy is that of its readers: one dead event holds up no others.
func (s *Service) Policy() failure.Policy { return failure.Policy{Release: true} }

func orderCreated(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCreated]) error {
	return accept(tx, m.Data, m.Time)
}

func orderCompleted(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCompleted]) error {
	return finish(tx, m.Data.OrderID, end{completed, "", m.Time})
}

func orderFailed(_ context.Context, tx *store.Tx, m message.Of[contract.OrderFailed]) error {
	return finish(tx, m.Data.OrderID, end{failed, m.Data.Reason, m.Time})
}

func orderCancelled(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCancelled]) error {
	return finish(tx, m.Data.OrderID, end{cancelled, m.Data.Reason, m.Time})
}

func paymentRefunded(_ context.Context, tx *store.Tx, m message.Of[contract.PaymentRefunded]) error {
	return refund(tx, m.Data, m.Time)
}

func productCreated(_ context.Context, tx *store.Tx, m message.Of[contract.ProductCreated]) error {
	gathered(tx).cost(m.Data.ProductID, m.Data.Price, m.Data.Currency, m.Time)
	return called(tx, m.Data.ProductID, m.Data.Name, m.Time)
}

func productPriceUpdated(_ context.Context, tx *store.Tx, m message.Of[contract.ProductPriceUpdated]) error {
	gathered(tx).cost(m.Data.ProductID, m.Data.Price, m.Data.Currency, m.Time)
	return nil
}

func productUpdated(_ context.Context, tx *store.Tx, m message.Of[contract.ProductUpdated]) error {
	return called(tx, m.Data.ProductID, m.Data.Name, m.Time)
}

// called notes a name: the latest one stays, so that nothing needs to be decided here.
func called(tx *store.Tx, product, name string, since time.Time) error {
	gathered(tx).name(product, name, since)
	return nil
}

func userRegistered(_ context.Context, tx *store.Tx, m message.Of[contract.UserRegistered]) error {
	return enrol(tx, m.Data.UserID, m.Time)
}
