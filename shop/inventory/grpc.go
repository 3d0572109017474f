package inventory

import (
	"context"

	inventoryv1 "github.com/tidewire/tidewire/shop/api/tidewire/inventory/v1"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/door/rpc"
)

// maxAsked is how many products can be asked about at a time: an order has as many lines.
const maxAsked = 100

const path = "/api/inventory/"

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "inventory", Desc: &inventoryv1.InventoryService_ServiceDesc, Impl: &calls{s: s, door: customers}}
}

// calls are what others can call.
type calls struct {
	inventoryv1.UnimplementedInventoryServiceServer
	s    *Service
	door rpc.Door
}

// GetStock shows how much there is of a product.
func (c *calls) GetStock(ctx context.Context, in *inventoryv1.GetStockRequest) (*inventoryv1.GetStockResponse, error) {
	out := &inventoryv1.GetStockResponse{Stock: &inventoryv1.Stock{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path(path, in.ProductId)}, out.Stock)
	return out, err
}

// RestockProduct puts more of a product on the shelf.
func (c *calls) RestockProduct(ctx context.Context, in *inventoryv1.RestockProductRequest) (*inventoryv1.RestockProductResponse, error) {
	out := &inventoryv1.RestockProductResponse{Stock: &inventoryv1.Stock{}}
	body := &inventoryv1.RestockProductRequest{Quantity: in.Quantity}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "POST", Path: rpc.Path(path, in.ProductId, "/restock"), Body: body}, out.Stock)
	return out, err
}

// AdjustStock books what was found to be otherwise.
func (c *calls) AdjustStock(ctx context.Context, in *inventoryv1.AdjustStockRequest) (*inventoryv1.AdjustStockResponse, error) {
	out := &inventoryv1.AdjustStockResponse{Stock: &inventoryv1.Stock{}}
	body := &inventoryv1.AdjustStockRequest{Quantity: in.Quantity, Reason: in.Reason}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "POST", Path: rpc.Path(path, in.ProductId, "/adjust"), Body: body}, out.Stock)
	return out, err
}

// CheckStock answers the question of whoever takes orders.
func (c *calls) CheckStock(ctx context.Context, in *inventoryv1.CheckStockRequest) (*inventoryv1.CheckStockResponse, error) {
	if len(in.Wanted) > maxAsked {
		return nil, door.Invalid(door.Field{Cause: "too-many", Field: "wanted", Detail: "must be at most 100"})
	}
	var q contract.CheckStock
	for _, d := range in.Wanted {
		q.Wanted = append(q.Wanted, contract.Demand{ProductID: d.GetProductId(), Quantity: d.GetQuantity()})
	}
	answer, err := c.s.check(ctx, q)
	return &inventoryv1.CheckStockResponse{Lacking: answer.Lacking}, err
}
