package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

// Limits of a door. Messages are as large as bodies of the customers' door.
const (
	maxMessage  = 1 << 20          // bytes of a call
	maxAnswer   = 64 << 20         // bytes of an answer: a page has 1000 orders of 100 lines at most
	callLimit   = 30 * time.Second // of a call that brings no deadline
	longest     = 60 * time.Second // of any call
	maxStreams  = 512              // calls at a time on one connection
	pingsAtMost = 10 * time.Second // between two pings of a client
	idleLimit   = 15 * time.Minute // of a connection that nobody uses
	signOfLife  = time.Minute      // between two pings of ours
	pingLimit   = 20 * time.Second // for their answer
	helloLimit  = 10 * time.Second // for a connection to speak HTTP/2
	drainLimit  = 6 * time.Second  // of calls, once the door closes; as of the customers' door
)

// A Service is what one door has: what protoc-gen-go-grpc made, and who does it.
type Service struct {
	Name string // in the shop: order
	Desc *grpc.ServiceDesc
	Impl any
}

// Options are those of Serve. The zero value is the default.
type Options struct {
	Process *run.Process                // whose tracers record calls; none
	Ready   func(context.Context) error // what health answers follow; always ready
	Log     *slog.Logger                // slog.Default()
}

// Serve answers calls of a service on l until ctx ends, and tells its health and its
// contract (grpc.health.v1, reflection). Then health is NOT_SERVING, no more calls are taken,
// and it returns when those that it has taken are answered, or after six seconds.
func Serve(ctx context.Context, l net.Listener, s Service, o Options) error {
	if o.Process == nil {
		o.Process = &run.Process{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &calls{service: s.Name, process: o.Process, log: o.Log, closing: ctx}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(c.recover, c.limit, c.trace),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxAnswer), grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(helloLimit),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsAtMost, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleLimit, Time: signOfLife, Timeout: pingLimit}))
	server.RegisterService(s.Desc, s.Impl)
	grpc_health_v1.RegisterHealthServer(server, &health{names: []string{"", s.Desc.ServiceName}, ready: o.Ready, closing: ctx})
	reflection.Register(server)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	cut := time.AfterFunc(drainLimit, func() {
		o.Log.Warn("calls were cut off: they had no answer when the door closed", "service", s.Name, "after", drainLimit)
		server.Stop()
	})
	defer cut.Stop()
	server.GracefulStop()
	<-ended
	return nil
}

// calls is what every call of a door goes through.
type calls struct {
	service string
	process *run.Process
	log     *slog.Logger
	closing context.Context // ends when the door closes
}

// recover answers for a call that panicked. Its cause is in the log only.
func (c *calls) recover(ctx context.Context, in any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.ErrorContext(ctx, "call panicked", "method", info.FullMethod, "error", fmt.Sprint(v), "stack", string(debug.Stack()))
			out, err = nil, status.Error(codes.Internal, "Something went wrong here.")
		}
	}()
	out, err = handle(ctx, in)
	return out, explained(ctx, info.FullMethod, err)
}

// limit refuses what nobody waits for any more, and gives a limit to what has none.
func (c *calls) limit(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	end, limited := ctx.Deadline()
	if limited && !time.Now().Before(end) {
		return nil, status.Error(codes.DeadlineExceeded, "The deadline of the call had passed when it came: nothing was done.")
	}
	limit := longest
	if !limited {
		limit = callLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return handle(door.Within(ctx, c.closing), in)
}

// trace makes a call a step of the trace that it brings, or the first of one.
func (c *calls) trace(ctx context.Context, in any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	parent := ""
	if from, ok := metadata.FromIncomingContext(ctx); ok {
		if values := from.Get("traceparent"); len(values) > 0 {
			parent = values[0]
		}
	}
	ctx = store.WithStep(ctx, store.Step{Service: c.service})
	ctx, step := span.Root(ctx, c.process.Tracer(c.service), parent, info.FullMethod[1:], trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("rpc.system", "grpc"), attribute.String("rpc.method", info.FullMethod[1:])))
	out, err := handle(ctx, in)
	var failed error
	if code := status.Code(explained(ctx, info.FullMethod, err)); code == codes.Internal || code == codes.Unavailable || code == codes.Unknown {
		failed = err // only what is our own fault is an error of the span
	}
	span.End(step, failed)
	return out, err
}
