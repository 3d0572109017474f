package inventory

import (
	"context"

	inventoryv1 "github.com/tidewire/tidewire/shop/api/tidewire/inventory/v1"
	"github.com/tidewire/tidewire/shop/contract"
	"google.golang.org/grpc"
)

// A Client is the inventory service for those in other processes. What it is asked for fails
// with door.ErrAway where there is no answer.
type Client struct {
	to inventoryv1.InventoryServiceClient
}

// NewClient returns a Client that asks by a connection.
func NewClient(by grpc.ClientConnInterface) *Client {
	return &Client{to: inventoryv1.NewInventoryServiceClient(by)}
}

// CheckStock tells which of the products that somebody wants there is not enough of now.
func (c *Client) CheckStock(ctx context.Context, q contract.CheckStock) (contract.StockChecked, error) {
	in := &inventoryv1.CheckStockRequest{}
	for _, d := range q.Wanted {
		in.Wanted = append(in.Wanted, &inventoryv1.Demand{ProductId: d.ProductID, Quantity: d.Quantity})
	}
	out, err := c.to.CheckStock(ctx, in)
	return contract.StockChecked{Lacking: out.GetLacking()}, err
}
