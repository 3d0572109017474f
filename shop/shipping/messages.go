package shipping

import (
	"context"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Streams lists the facts that shipping follows.
func (s *Service) Streams() []stream.Handler {
	return []stream.Handler{
		stream.On(contract.Inventory, s.inventoryUpdated),
		stream.On(contract.Orders, s.shipOrder),
		stream.On(contract.Orders, s.orderFailed).Passing(),
		stream.On(contract.Orders, s.orderCancelled).Passing(),
	}
}

// Queues lists the calls to the carrier.
func (s *Service) Queues() []queue.Handler {
	return []queue.Handler{
		queue.Do(s.call, s.record),
		queue.Do(s.ask, s.heed),
	}
}

// inventoryUpdated is the turn of shipping where nobody conducts.
func (s *Service) inventoryUpdated(_ context.Context, tx *store.Tx, m message.Of[contract.InventoryUpdated]) error {
	if m.Data.Style != contract.Choreographed {
		return nil
	}
	_, err := s.want(tx, m.Data.OrderID, m.Data.Lines)
	return err
}

func (s *Service) shipOrder(_ context.Context, tx *store.Tx, m message.Of[contract.ShipOrder]) error {
	_, err := s.ship(tx, m.Data.OrderID, m.Data.Lines)
	return err
}

func (s *Service) orderFailed(_ context.Context, tx *store.Tx, m message.Of[contract.OrderFailed]) error {
	_, err := s.end(tx, m.Data.OrderID, m.Data.Lines)
	return err
}

func (s *Service) orderCancelled(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCancelled]) error {
	_, err := s.end(tx, m.Data.OrderID, m.Data.Lines)
	return err
}

func (s *Service) call(ctx context.Context, m message.Of[label]) (Label, error) {
	return s.carrier().Label(ctx, Parcel{Key: m.Data.OrderID, Wanted: m.Data.Wanted, Lines: m.Data.Lines})
}

func (s *Service) record(_ context.Context, tx *store.Tx, m message.Of[label], l Label) error {
	_, err := s.send(tx, m.Data.OrderID, l)
	return err
}
