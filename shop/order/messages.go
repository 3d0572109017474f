package order

import (
	"context"
	"errors"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Streams lists the facts that order follows.
func (s *Service) Streams() []stream.Handler {
	c := s.counter()
	return []stream.Handler{
		stream.On(contract.Payments, hear[contract.PaymentProcessed](s, c)),
		stream.On(contract.Payments, hear[contract.PaymentFailed](s, c)),
		stream.On(contract.Payments, hear[contract.PaymentRefunded](s, c)),
		stream.On(contract.Inventory, hear[contract.InventoryUpdated](s, c)),
		stream.On(contract.Inventory, hear[contract.InventoryUpdateFailed](s, c)),
		stream.On(contract.Shipping, hear[contract.OrderShipped](s, c)),
		stream.On(contract.Shipping, hear[contract.ShipmentDelivered](s, c)),
		stream.On(contract.Shipping, hear[contract.ShipmentRecalled](s, c)),
	}
}

// Queues lists the work that order does.
func (s *Service) Queues() []queue.Handler {
	return []queue.Handler{
		queue.On(hear[expire](s, s.counter())),
	}
}

// News is what a message means for an order; either part may be nil.
type news struct {
	note   func(*progress)                     // what it says of payment and shipment
	decide func(Order) ([]message.Kind, error) // what it asks of the order
}

// meaning is the one table of what messages mean for the order that is their key.
func meaning(m message.Kind) news {
	switch m := m.(type) {
	case contract.PaymentProcessed:
		return news{note: func(p *progress) { p.paid(m.Attempts) }}
	case contract.PaymentFailed:
		return news{note: func(p *progress) { p.refused(m.Attempts) }, decide: failing(m.Reason)}
	case contract.PaymentRefunded:
		return news{note: func(p *progress) { p.moneyBack(m.Attempts) }}
	case contract.InventoryUpdated:
		return news{note: (*progress).charged, decide: Order.confirm}
	case contract.InventoryUpdateFailed:
		return news{note: (*progress).charged, decide: failing(m.Reason)}
	case contract.OrderShipped:
		return news{note: func(p *progress) { p.sent(m.TrackingNumber) }, decide: completing(m.TrackingNumber)}
	case contract.ShipmentDelivered:
		return news{note: func(p *progress) { p.arrived(m.TrackingNumber) }}
	case contract.ShipmentRecalled:
		return news{note: (*progress).parcelBack}
	case expire:
		return news{decide: Order.expire}
	case cancel:
		return news{decide: Order.cancel}
	}
	return news{}
}

func failing(reason string) func(Order) ([]message.Kind, error) {
	return func(o Order) ([]message.Kind, error) { return o.fail(reason) }
}

func completing(tracking string) func(Order) ([]message.Kind, error) {
	return func(o Order) ([]message.Kind, error) { return o.complete(tracking) }
}

// hear makes a handler that takes a message to its order. What contradicts the order is
// dead at once: no other attempt would heal it, and an operator is to see it.
func hear[T message.Kind](s *Service, c metric.Int64Counter) func(context.Context, *store.Tx, message.Of[T]) error {
	var kind T
	count := map[outcome]metric.MeasurementOption{}
	for _, o := range []outcome{moved, noted, again, late} {
		count[o] = metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", kind.Kind()), attribute.String("outcome", string(o))))
	}
	return func(ctx context.Context, tx *store.Tx, m message.Of[T]) error {
		did, err := s.take(tx, m.Key, m.Data)
		switch {
		case errors.Is(err, ErrIllegal), errors.Is(err, ErrUnknown):
			return failure.Permanent(err)
		case err != nil:
			return err
		}
		c.Add(ctx, 1, count[did])
		return nil
	}
}

// counter counts what became of messages. A handler that runs again counts again: it is
// for finding what is odd, not for adding up.
func (s *Service) counter() metric.Int64Counter {
	if s.Meter == nil {
		return noop.Int64Counter{}
	}
	c, err := s.Meter.Int64Counter("tidewire.order.messages", metric.WithDescription("Messages about orders, by what they did: moved, noted, again, late."))
	if err != nil {
		return noop.Int64Counter{}
	}
	return c
}
