package analytics

import (
	"context"

	analyticsv1 "github.com/tidewire/tidewire/shop/api/tidewire/analytics/v1"
	"github.com/tidewire/tidewire/shop/door/rpc"
)

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "analytics", Desc: &analyticsv1.AnalyticsService_ServiceDesc, Impl: &calls{door: customers}}
}

// calls are what others can call.
type calls struct {
	analyticsv1.UnimplementedAnalyticsServiceServer
	door rpc.Door
}

// GetAnalytics gives all numbers.
func (c *calls) GetAnalytics(ctx context.Context, in *analyticsv1.GetAnalyticsRequest) (*analyticsv1.GetAnalyticsResponse, error) {
	out := &analyticsv1.GetAnalyticsResponse{}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: "/api/analytics", Query: rpc.Query("days", rpc.Number(in.Days), "top", rpc.Number(in.Top))}, out)
	return out, err
}
