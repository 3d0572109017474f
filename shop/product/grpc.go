package product

import (
	"context"

	productv1 "github.com/tidewire/tidewire/shop/api/tidewire/product/v1"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/door/rpc"
	"github.com/tidewire/tidewire/shop/money"
)

// maxAsked is how many products can be asked about at a time.
const maxAsked = 1000

const path = "/api/products"

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "product", Desc: &productv1.ProductService_ServiceDesc, Impl: &calls{s: s, door: customers}}
}

// calls are what others can call.
type calls struct {
	productv1.UnimplementedProductServiceServer
	s    *Service
	door rpc.Door
}

// CreateProduct lists a product.
func (c *calls) CreateProduct(ctx context.Context, in *productv1.CreateProductRequest) (*productv1.CreateProductResponse, error) {
	out := &productv1.CreateProductResponse{Product: &productv1.Product{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "POST", Path: path, Body: in}, out.Product)
	return out, err
}

// GetProduct shows a product.
func (c *calls) GetProduct(ctx context.Context, in *productv1.GetProductRequest) (*productv1.GetProductResponse, error) {
	out := &productv1.GetProductResponse{Product: &productv1.Product{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path(path+"/", in.Id)}, out.Product)
	return out, err
}

// UpdateProduct changes what is named.
func (c *calls) UpdateProduct(ctx context.Context, in *productv1.UpdateProductRequest) (*productv1.UpdateProductResponse, error) {
	change := &productv1.UpdateProductRequest{Name: in.Name, Price: in.Price, Description: in.Description, Category: in.Category}
	out := &productv1.UpdateProductResponse{Product: &productv1.Product{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "PATCH", Path: rpc.Path(path+"/", in.Id), Body: change}, out.Product)
	return out, err
}

// SearchProducts gives a page of products.
func (c *calls) SearchProducts(ctx context.Context, in *productv1.SearchProductsRequest) (*productv1.SearchProductsResponse, error) {
	out := &productv1.SearchProductsResponse{}
	query := rpc.Query("query", in.Query, "category", in.Category, "limit", rpc.Number(in.Limit), "cursor", in.Cursor)
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: path, Query: query}, out)
	return out, err
}

// LookupProducts answers Lookup.
func (c *calls) LookupProducts(ctx context.Context, in *productv1.LookupProductsRequest) (*productv1.LookupProductsResponse, error) {
	if len(in.Ids) > maxAsked {
		return nil, door.Invalid(door.Field{Cause: "too-many", Field: "ids", Detail: "must be at most 1000"})
	}
	found, err := c.s.Lookup(ctx, in.Ids)
	out := &productv1.LookupProductsResponse{}
	for _, p := range found {
		out.Offers = append(out.Offers, &productv1.Offer{ProductId: p.ID, Name: p.Name, Price: money.Format(p.Price, p.Currency), Currency: p.Currency})
	}
	return out, err
}
