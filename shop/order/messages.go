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
		stream.On(contract.Payments, hear[contract.PaymentAuthorized](s, c)),
		stream.On(contract.Payments, hear[contract.PaymentProcessed](s, c)),
		stream.On(contract.Payments, hear[contract.PaymentFailed](s, c)),
		stream.On(contract.Payments, hear[contract.PaymentVoided](s, c)),
		stream.On(contract.Payments, hear[contract.PaymentRefunded](s, c)),
		stream.On(contract.Inventory, hear[contract.InventoryUpdated](s, c)),
		stream.On(contract.Inventory, hear[contract.InventoryUpdateFailed](s, c)),
		stream.On(contract.Inventory, hear[contract.StockReleased](s, c)),
		stream.On(contract.Shipping, hear[contract.OrderShipped](s, c)),
		stream.On(contract.Shipping, hear[contract.ShipmentDelivered](s, c)),
		stream.On(contract.Shipping, hear[contract.ShipmentRecalled](s, c)),
	}
}

// Queues lists the work that order does.
func (s *Service) Queues() []queue.Handler {
	c := s.counter()
	return []queue.Handler{
		queue.On(hear[expire](s, c)),
		queue.On(hear[overdue](s, c)),
		s.verification(c),
	}
}

// News is what a message means for an order; either part may be nil.
type news struct {
	note   func(*progress)                   // what it says of payment, stock and shipment
	decide func(row) ([]message.Kind, error) // what it asks of the order where nobody conducts; a command among the facts is sent
}

// meaning is the one table of what messages mean for the order that is their key. Where the
// order is conducted, its saga decides in place of it.
func meaning(m message.Kind, style string) news {
	joined := style == contract.Parallel
	switch m := m.(type) {
	case contract.PaymentAuthorized:
		return news{note: func(p *progress) { p.held(m.Attempts) }}
	case contract.PaymentProcessed:
		if joined {
			return news{note: func(p *progress) { p.paid(m.Attempts) }, decide: row.join}
		}
		return news{note: func(p *progress) { p.paid(m.Attempts) }}
	case contract.PaymentFailed:
		return news{note: func(p *progress) { p.unpaid(m.Attempts) }, decide: failing(m.Reason)}
	case contract.PaymentVoided:
		return news{note: func(p *progress) { p.let(m.Attempts) }}
	case contract.PaymentRefunded:
		return news{note: func(p *progress) { p.moneyBack(m.Attempts) }}
	case contract.InventoryUpdated:
		if style == contract.Choreographed {
			return news{note: func(p *progress) { p.charged(); p.kept() }, decide: row.confirm}
		}
		return news{note: (*progress).kept, decide: row.join}
	case contract.InventoryUpdateFailed:
		if style == contract.Choreographed {
			return news{note: func(p *progress) { p.charged(); p.short() }, decide: failing(m.Reason)}
		}
		return news{note: (*progress).short, decide: failing(m.Reason)}
	case contract.StockReleased:
		return news{note: (*progress).freed}
	case contract.OrderShipped:
		return news{note: func(p *progress) { p.sent(m.TrackingNumber) }, decide: completing(m.TrackingNumber)}
	case contract.ShipmentDelivered:
		return news{note: func(p *progress) { p.arrived(m.TrackingNumber) }}
	case contract.ShipmentRecalled:
		return news{note: (*progress).parcelBack}
	case verified:
		return news{decide: failing(contract.UnknownUser)} // of an order that has not begun; else it means nothing
	case expire:
		return news{decide: row.expire}
	case cancel:
		return news{decide: row.cancel}
	}
	return news{}
}

func failing(reason string) func(row) ([]message.Kind, error) {
	return func(r row) ([]message.Kind, error) { return r.fail(reason) }
}

func completing(tracking string) func(row) ([]message.Kind, error) {
	return func(r row) ([]message.Kind, error) { return r.complete(tracking) }
}

// join is for an order whose payment and stock were asked for at once: it goes on when it
// has both. What was undone hears that it is too late.
func (r row) join() ([]message.Kind, error) {
	if !r.State.undone() && (r.Payment != captured || r.Stock != reserved) {
		return nil, nil
	}
	facts, err := r.confirm()
	if len(facts) == 0 || err != nil {
		return nil, err
	}
	return append(facts, contract.ShipOrder{OrderID: r.Terms.OrderID, Lines: r.Terms.Lines}), nil
}

// hear makes a handler that takes a message to its order. What contradicts the order is
// dead at once: no other attempt would heal it, and an operator is to see it.
func hear[T message.Kind](s *Service, c metric.Int64Counter) func(context.Context, *store.Tx, message.Of[T]) error {
	var kind T
	take := taking(s, c, kind.Kind())
	return func(ctx context.Context, tx *store.Tx, m message.Of[T]) error { return take(ctx, tx, m.Key, m.Data) }
}

// taking is take for messages of a kind, counted and judged.
func taking(s *Service, c metric.Int64Counter, kind string) func(context.Context, *store.Tx, string, message.Kind) error {
	count := map[outcome]metric.MeasurementOption{}
	for _, o := range []outcome{moved, noted, again, late} {
		count[o] = metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", kind), attribute.String("outcome", string(o))))
	}
	return func(ctx context.Context, tx *store.Tx, key string, m message.Kind) error {
		did, err := s.take(tx, key, m)
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
