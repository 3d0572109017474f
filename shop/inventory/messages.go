package inventory

import (
	"context"
	"errors"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Streams lists the facts that inventory follows. What touches stock decides on the rows
// of its products, not on those of the order alone.
//
// It follows OrderCompleted, and not OrderShipped: an order is completed or undone, never
// both, while a parcel that was shipped can still be recalled. So the goods of an order
// that is undone have never left the books, and a recall moves nothing.
func (s *Service) Streams() []stream.Handler {
	return []stream.Handler{
		stream.On(contract.Products, s.productCreated),
		stream.On(contract.Products, s.priceUpdated),
		stream.Deciding(stream.On(contract.Payments, s.paymentProcessed),
			func(e contract.PaymentProcessed) []string {
				return rowsIf(e.Style == contract.Choreographed, e.OrderID, e.Lines)
			}),
		stream.Deciding(stream.On(contract.Orders, s.orderCreated),
			func(e contract.OrderCreated) []string {
				return rowsIf(e.Style == contract.Parallel, e.OrderID, e.Lines)
			}),
		stream.Deciding(stream.On(contract.Orders, s.reserveStock),
			func(c contract.ReserveStock) []string { return rows(c.OrderID, c.Lines) }),
		stream.Deciding(stream.On(contract.Orders, s.releaseStock),
			func(c contract.ReleaseStock) []string { return rows(c.OrderID, c.Lines) }).Passing(),
		stream.Deciding(stream.On(contract.Orders, s.orderCompleted),
			func(e contract.OrderCompleted) []string { return rows(e.OrderID, e.Lines) }),
		stream.Deciding(stream.On(contract.Orders, s.orderFailed),
			func(e contract.OrderFailed) []string { return rows(e.OrderID, e.Lines) }).Passing(),
		stream.Deciding(stream.On(contract.Orders, s.orderCancelled),
			func(e contract.OrderCancelled) []string { return rows(e.OrderID, e.Lines) }).Passing(),
	}
}

// Queues is empty: inventory has nothing to do in the world outside.
func (s *Service) Queues() []queue.Handler { return nil }

// rows names the rows that a decision about an order rests on.
func rows(order string, lines []contract.Line) []string {
	names := []string{order}
	for _, d := range demands(lines) {
		names = append(names, d.product)
	}
	return names
}

// rowsIf names them where there is something to decide.
func rowsIf(decides bool, order string, lines []contract.Line) []string {
	if !decides {
		lines = nil
	}
	return rows(order, lines)
}

func (s *Service) productCreated(_ context.Context, tx *store.Tx, m message.Of[contract.ProductCreated]) error {
	_, err := s.shelve(tx, m.Data)
	return err
}

func (s *Service) priceUpdated(_ context.Context, tx *store.Tx, m message.Of[contract.ProductPriceUpdated]) error {
	_, err := s.price(tx, m.Data)
	return err
}

// paymentProcessed is the turn of inventory where nobody conducts.
func (s *Service) paymentProcessed(_ context.Context, tx *store.Tx, m message.Of[contract.PaymentProcessed]) error {
	if m.Data.Style != contract.Choreographed {
		return nil
	}
	_, err := s.take(tx, about{order: m.Data.OrderID, style: m.Data.Style, lines: m.Data.Lines}, wanted)
	return judged(err)
}

// orderCreated is its turn where payment and inventory begin at once.
func (s *Service) orderCreated(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCreated]) error {
	if m.Data.Style != contract.Parallel {
		return nil
	}
	_, err := s.take(tx, about{order: m.Data.OrderID, style: m.Data.Style, lines: m.Data.Lines}, wanted)
	return judged(err)
}

func (s *Service) reserveStock(_ context.Context, tx *store.Tx, m message.Of[contract.ReserveStock]) error {
	_, err := s.take(tx, about{order: m.Data.OrderID, style: m.Data.Style, lines: m.Data.Lines}, asked)
	return judged(err)
}

func (s *Service) releaseStock(_ context.Context, tx *store.Tx, m message.Of[contract.ReleaseStock]) error {
	_, err := s.settle(tx, about{order: m.Data.OrderID, lines: m.Data.Lines}, recalled)
	return judged(err)
}

func (s *Service) orderCompleted(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCompleted]) error {
	_, err := s.settle(tx, about{order: m.Data.OrderID, lines: m.Data.Lines}, completed)
	return judged(err)
}

func (s *Service) orderFailed(_ context.Context, tx *store.Tx, m message.Of[contract.OrderFailed]) error {
	_, err := s.settle(tx, about{order: m.Data.OrderID, lines: m.Data.Lines}, undone)
	return judged(err)
}

func (s *Service) orderCancelled(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCancelled]) error {
	_, err := s.settle(tx, about{order: m.Data.OrderID, lines: m.Data.Lines}, undone)
	return judged(err)
}

// judged makes a message that contradicts what is stored dead at once: no other attempt
// would heal it, and an operator is to see it.
func judged(err error) error {
	if errors.Is(err, errImpossible) {
		return failure.Permanent(err)
	}
	return err
}
