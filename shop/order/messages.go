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
		stream.On(contract.Payments, hear(s, c, func(e contract.PaymentProcessed) news {
			return news{note: func(p *Progress) { p.paid(e.Attempts) }}
		})),
		stream.On(contract.Payments, hear(s, c, func(e contract.PaymentFailed) news {
			return news{note: func(p *Progress) { p.refused(e.Attempts) }, decide: failing(e.Reason)}
		})),
		stream.On(contract.Payments, hear(s, c, func(contract.PaymentRefunded) news {
			return news{note: (*Progress).moneyBack}
		})),
		stream.On(contract.Inventory, hear(s, c, func(contract.InventoryUpdated) news {
			return news{decide: Order.confirm}
		})),
		stream.On(contract.Inventory, hear(s, c, func(e contract.InventoryUpdateFailed) news {
			return news{decide: failing(e.Reason)}
		})),
		stream.On(contract.Shipping, hear(s, c, func(e contract.OrderShipped) news {
			return news{
				note:   func(p *Progress) { p.sent(e.TrackingNumber) },
				decide: func(o Order) ([]message.Kind, error) { return o.complete(e.TrackingNumber) },
			}
		})),
		stream.On(contract.Shipping, hear(s, c, func(contract.ShipmentRecalled) news {
			return news{note: (*Progress).parcelBack}
		})),
	}
}

// Queues lists the work that order does.
func (s *Service) Queues() []queue.Handler {
	return []queue.Handler{
		queue.On(hear(s, s.counter(), func(expire) news { return news{decide: Order.expire, expired: true} })),
	}
}

func failing(reason string) func(Order) ([]message.Kind, error) {
	return func(o Order) ([]message.Kind, error) { return o.fail(reason) }
}

// hear makes a handler of what a message means for the order that is its key.
func hear[T message.Kind](s *Service, c metric.Int64Counter, means func(T) news) func(context.Context, *store.Tx, message.Of[T]) error {
	var kind T
	count := map[outcome]metric.MeasurementOption{}
	for _, o := range []outcome{moved, noted, again, late} {
		count[o] = metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", kind.Kind()), attribute.String("outcome", string(o))))
	}
	return func(ctx context.Context, tx *store.Tx, m message.Of[T]) error {
		did, err := s.take(tx, m.Key, means(m.Data))
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
