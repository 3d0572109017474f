package order

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	orderv1 "github.com/tidewire/tidewire/shop/api/tidewire/order/v1"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/door/rpc"
)

// maxAsked is how many orders can be asked about at a time.
const maxAsked = 1000

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "order", Desc: &orderv1.OrderService_ServiceDesc, Impl: &calls{s: s, door: customers}}
}

// calls are what others can call.
type calls struct {
	orderv1.UnimplementedOrderServiceServer
	s    *Service
	door rpc.Door
}

// PlaceOrder accepts an order.
func (c *calls) PlaceOrder(ctx context.Context, in *orderv1.PlaceOrderRequest) (*orderv1.PlaceOrderResponse, error) {
	out := &orderv1.PlaceOrderResponse{Order: &orderv1.Order{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "POST", Path: strings.TrimSuffix(path, "/"), Body: in}, out.Order)
	return out, err
}

// GetOrder shows an order as it is now.
func (c *calls) GetOrder(ctx context.Context, in *orderv1.GetOrderRequest) (*orderv1.GetOrderResponse, error) {
	out := &orderv1.GetOrderResponse{Order: &orderv1.Order{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path(path, in.Id)}, out.Order)
	return out, err
}

// ListOrders gives a page of orders.
func (c *calls) ListOrders(ctx context.Context, in *orderv1.ListOrdersRequest) (*orderv1.ListOrdersResponse, error) {
	out := &orderv1.ListOrdersResponse{}
	query := rpc.Query("userId", in.UserId, "status", in.Status, "final", strconv.FormatBool(in.Final), "limit", rpc.Number(in.Limit), "cursor", in.Cursor)
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: strings.TrimSuffix(path, "/"), Query: query}, out)
	return out, err
}

// CancelOrder calls an order off.
func (c *calls) CancelOrder(ctx context.Context, in *orderv1.CancelOrderRequest) (*orderv1.CancelOrderResponse, error) {
	out := &orderv1.CancelOrderResponse{Order: &orderv1.Order{}}
	status, err := c.door.Ask(ctx, rpc.Ask{Method: "POST", Path: rpc.Path(path, in.Id, "/cancel")}, out.Order)
	out.Owing = status == http.StatusAccepted
	return out, err
}

// ListOrderEvents tells the history of an order.
func (c *calls) ListOrderEvents(ctx context.Context, in *orderv1.ListOrderEventsRequest) (*orderv1.ListOrderEventsResponse, error) {
	until := ""
	if in.Until != nil {
		if err := in.Until.CheckValid(); err != nil {
			return nil, door.BadRequest("", door.Field{Field: "until", Detail: "must be a time"}).Cause("bad-time")
		}
		until = in.Until.AsTime().Format(time.RFC3339Nano)
	}
	out := &orderv1.ListOrderEventsResponse{}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path(path, in.Id, "/events"), Query: rpc.Query("until", until)}, out)
	return out, err
}

// ListEnded answers Ended.
func (c *calls) ListEnded(ctx context.Context, in *orderv1.ListEndedRequest) (*orderv1.ListEndedResponse, error) {
	if len(in.OrderIds) > maxAsked {
		return nil, door.Invalid(door.Field{Cause: "too-many", Field: "order_ids", Detail: "must be at most 1000"})
	}
	completed, err := c.s.Ended(ctx, in.OrderIds)
	return &orderv1.ListEndedResponse{Completed: completed}, err
}
