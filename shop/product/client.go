package product

import (
	"context"
	"fmt"

	productv1 "github.com/tidewire/tidewire/shop/api/tidewire/product/v1"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/money"
	"google.golang.org/grpc"
)

// A Client is the product service for those in other processes. What it is asked for fails
// with door.ErrAway where there is no answer.
type Client struct {
	to productv1.ProductServiceClient
}

// NewClient returns a Client that asks by a connection.
func NewClient(by grpc.ClientConnInterface) *Client {
	return &Client{to: productv1.NewProductServiceClient(by)}
}

// Lookup returns the products of ids, in no order. What there is not is left out. An order
// has 100 lines at most, so that one question is enough.
func (c *Client) Lookup(ctx context.Context, ids []string) (products []contract.Product, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := c.to.LookupProducts(ctx, &productv1.LookupProductsRequest{Ids: ids})
	if err != nil {
		return nil, err
	}
	for _, o := range out.Offers {
		price, err := money.Parse(o.Price, o.Currency)
		if err != nil {
			return nil, fmt.Errorf("product %s costs %q %q: %w", o.ProductId, o.Price, o.Currency, err)
		}
		products = append(products, contract.Product{ID: o.ProductId, Name: o.Name, Price: price, Currency: o.Currency})
	}
	return products, nil
}
