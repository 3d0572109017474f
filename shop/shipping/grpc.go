package shipping

import (
	"context"

	shippingv1 "github.com/tidewire/tidewire/shop/api/tidewire/shipping/v1"
	"github.com/tidewire/tidewire/shop/door/rpc"
)

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "shipping", Desc: &shippingv1.ShippingService_ServiceDesc, Impl: &calls{door: customers}}
}

// calls are what others can call.
type calls struct {
	shippingv1.UnimplementedShippingServiceServer
	door rpc.Door
}

// GetShipment shows the parcel of an order.
func (c *calls) GetShipment(ctx context.Context, in *shippingv1.GetShipmentRequest) (*shippingv1.GetShipmentResponse, error) {
	out := &shippingv1.GetShipmentResponse{Shipment: &shippingv1.Shipment{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path("/api/shipments/", in.OrderId)}, out.Shipment)
	return out, err
}
