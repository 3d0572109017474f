package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	_ "google.golang.org/grpc/balancer/leastrequest" // named in the service config
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // which the service config asks for
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
)

// How a Client goes about it.
const (
	askLimit    = 2 * time.Second // for an answer, unless who asks has less time
	connecting  = time.Second     // to an instance, at least
	firstPause  = 100 * time.Millisecond
	longPause   = 3 * time.Second // between two tries to connect
	pingEvery   = 20 * time.Second
	failedShare = 0.5             // of calls, from which on a service is left alone
	failedCalls = 10              // below which it never is
	failedIn    = 5 * time.Second // of which calls are counted
	aloneFor    = 2 * time.Second // until some calls try whether it is back
	trials      = 3
)

// policy is how calls are spread and repeated: to the instance with the least calls out of
// two that are healthy, and again where nobody took it.
const policy = `{"loadBalancingConfig":[{"least_request_experimental":{"choiceCount":2}}],
	"healthCheckConfig":{"serviceName":"%s"},
	"methodConfig":[{"name":[{"service":"%s"}],"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.02s","maxBackoff":"0.2s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// A Peer is a service that runs elsewhere, in one instance or several. Fields that name no
// default are required.
type Peer struct {
	Name      string        // in the shop: user
	Service   string        // in its contract: tidewire.user.v1.UserService
	Addresses []string      // HOST:PORT of its instances
	Process   *run.Process  // who asks
	Limit     time.Duration // for an answer; 2s
}

// A Client calls a Peer. Only questions are asked of others, which may be asked twice.
type Client struct {
	Peer
	conn    *grpc.ClientConn
	breaker circuitbreaker.CircuitBreaker[any]
	asked   metric.Int64Counter
}

var _ grpc.ClientConnInterface = (*Client)(nil)

// Dial returns a Client of p. It connects when it is asked for the first time, or later: an
// instance that is away now may come back. Whoever made it closes it.
func Dial(p Peer) (*Client, error) {
	c := &Client{Peer: p}
	var err error
	c.asked, err = p.Process.Meters().Int64Counter("tidewire.rpc.asked", metric.WithDescription("Questions to services that run elsewhere, by what came of them: answered, away (no answer: what is done instead is the caller's), spared (not asked, as others had no answer)."))
	if err != nil {
		return nil, err
	}
	at := manual.NewBuilderWithScheme("tidewire")
	var found resolver.State
	for _, a := range p.Addresses {
		found.Endpoints = append(found.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: a}}})
	}
	at.InitialState(found)
	c.conn, err = grpc.NewClient("tidewire:///"+p.Name, grpc.WithResolvers(at), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(fmt.Sprintf(policy, p.Service, p.Service)), grpc.WithAuthority(p.Addresses[0]),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)), grpc.WithIdleTimeout(0),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: connecting,
			Backoff: backoff.Config{BaseDelay: firstPause, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longPause}}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: askLimit}))
	c.breaker = circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(failedShare, failedCalls, failedIn).
		WithDelay(aloneFor).WithJitterFactor(0.2).WithSuccessThresholdRatio(trials/2+1, trials).OnStateChanged(c.changed).Build()
	return c, err
}

// Close ends the connections.
func (c *Client) Close() error { return c.conn.Close() }

// changed tells the operator. Trials in between that fail are no news.
func (c *Client) changed(e circuitbreaker.StateChangedEvent) {
	switch {
	case e.OldState == circuitbreaker.ClosedState && e.NewState == circuitbreaker.OpenState:
		slog.Warn("a service does not answer and is left alone for a while", "asked", c.Name, "at", c.Addresses, "key", "services."+c.Name)
	case e.NewState == circuitbreaker.ClosedState:
		slog.Info("a service answers again", "asked", c.Name)
	}
}

// NewStream is for what no service asks of another.
func (c *Client) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "services ask each other questions, and no more")
}

// Invoke asks one question, within the limit. It is door.ErrAway where the service does not
// answer, or has not answered others so often that it is spared; and the error of ctx where
// who asks has gone.
func (c *Client) Invoke(ctx context.Context, method string, question, answer any, opts ...grpc.CallOption) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !c.breaker.TryAcquirePermit() {
		c.count(ctx, "spared")
		return fmt.Errorf("%w: %s, which is left alone for %s", door.ErrAway, c.Name, c.breaker.RemainingDelay().Round(time.Millisecond))
	}
	away := true // also if the call panics
	defer func() {
		if away {
			c.breaker.RecordFailure()
		} else {
			c.breaker.RecordSuccess()
		}
	}()
	err := c.ask(ctx, method, question, answer, opts...)
	switch {
	case err == nil:
		away = false
		c.count(ctx, "answered")
		return nil
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded): // who asked has gone: that says nothing of the service
		away = false
		return ctx.Err()
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.Unauthenticated, codes.PermissionDenied:
		away = false // an answer, of which who asks can make nothing
		c.count(ctx, "answered")
		return fmt.Errorf("ask %s: %w", c.Name, err)
	}
	c.count(ctx, "away")
	return fmt.Errorf("%w: %s: %w", door.ErrAway, c.Name, err)
}

// ask makes the call, as a step of the trace of who asks.
func (c *Client) ask(ctx context.Context, method string, question, answer any, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Limit, askLimit))
	defer cancel()
	service := store.StepOf(ctx).Service
	ctx, asking := span.Start(ctx, c.Process.Tracer(service), store.TraceOf(ctx), method[1:], trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("rpc.system", "grpc"), attribute.String("rpc.method", method[1:])))
	if parent := store.TraceOf(ctx); parent != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
	}
	err := c.conn.Invoke(ctx, method, question, answer, opts...)
	span.End(asking, err)
	return err
}

func (c *Client) count(ctx context.Context, result string) {
	c.asked.Add(ctx, 1, metric.WithAttributes(attribute.String("service", c.Name), attribute.String("result", result)))
}
