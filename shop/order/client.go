package order

import (
	"context"
	"maps"
	"slices"

	orderv1 "github.com/tidewire/tidewire/shop/api/tidewire/order/v1"
	"google.golang.org/grpc"
)

// A Client is the order service for those in other processes. What it is asked for fails
// with door.ErrAway where there is no answer.
type Client struct{ to orderv1.OrderServiceClient }

// NewClient returns a Client that asks by a connection.
func NewClient(by grpc.ClientConnInterface) *Client {
	return &Client{to: orderv1.NewOrderServiceClient(by)}
}

// Ended returns which of these orders have ended, as Service.Ended does.
func (c *Client) Ended(ctx context.Context, ids []string) (map[string]bool, error) {
	completed := map[string]bool{}
	for some := range slices.Chunk(ids, maxAsked) {
		out, err := c.to.ListEnded(ctx, &orderv1.ListEndedRequest{OrderIds: some})
		if err != nil {
			return nil, err
		}
		maps.Copy(completed, out.Completed)
	}
	return completed, nil
}
