package payment

import (
	"context"

	paymentv1 "github.com/tidewire/tidewire/shop/api/tidewire/payment/v1"
	"github.com/tidewire/tidewire/shop/door/rpc"
)

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "payment", Desc: &paymentv1.PaymentService_ServiceDesc, Impl: &calls{door: customers}}
}

// calls are what others can call.
type calls struct {
	paymentv1.UnimplementedPaymentServiceServer
	door rpc.Door
}

// GetPayment shows the payment of an order.
func (c *calls) GetPayment(ctx context.Context, in *paymentv1.GetPaymentRequest) (*paymentv1.GetPaymentResponse, error) {
	out := &paymentv1.GetPaymentResponse{Payment: &paymentv1.Payment{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path("/api/payments/", in.OrderId)}, out.Payment)
	return out, err
}
