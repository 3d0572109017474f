package rpc

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// lookEvery is between two looks for whoever watches. Nobody looks where nobody asks.
const lookEvery = 2 * time.Second

// health answers as grpc.health.v1 has it, for the door as a whole and for its service: it
// serves while it is ready, and no more once it closes.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	names   []string
	ready   func(context.Context) error
	closing context.Context
}

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	noService  = grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
)

// Check tells how it is now.
func (h *health) Check(ctx context.Context, in *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if !slices.Contains(h.names, in.Service) {
		return nil, status.Error(codes.NotFound, "There is no such service at this door.")
	}
	return &grpc_health_v1.HealthCheckResponse{Status: h.now(ctx)}, nil
}

// List tells how all are.
func (h *health) List(ctx context.Context, _ *grpc_health_v1.HealthListRequest) (*grpc_health_v1.HealthListResponse, error) {
	all := map[string]*grpc_health_v1.HealthCheckResponse{}
	for _, name := range h.names {
		all[name] = &grpc_health_v1.HealthCheckResponse{Status: h.now(ctx)}
	}
	return &grpc_health_v1.HealthListResponse{Statuses: all}, nil
}

// Watch tells how it is, and again each time that it is otherwise, until the door closes.
func (h *health) Watch(in *grpc_health_v1.HealthCheckRequest, out grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	told := grpc_health_v1.HealthCheckResponse_UNKNOWN
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		now := noService
		if slices.Contains(h.names, in.Service) {
			now = h.now(out.Context())
		}
		if now != told {
			if err := out.Send(&grpc_health_v1.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			told = now
		}
		if h.closing.Err() != nil { // it has been told
			return status.Error(codes.Unavailable, "The door closes.")
		}
		select {
		case <-out.Context().Done():
			return out.Context().Err()
		case <-h.closing.Done():
		case <-tick.C:
		}
	}
}

func (h *health) now(ctx context.Context) grpc_health_v1.HealthCheckResponse_ServingStatus {
	if h.closing.Err() != nil || h.ready != nil && h.ready(ctx) != nil {
		return notServing
	}
	return serving
}
