package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	userv1 "github.com/tidewire/tidewire/shop/api/tidewire/user/v1"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

// desk is a user service of which a test says what CheckUser does.
type desk struct {
	userv1.UnimplementedUserServiceServer
	door  Door
	check func(context.Context, string) (bool, error)
}

func (d *desk) CheckUser(ctx context.Context, in *userv1.CheckUserRequest) (*userv1.CheckUserResponse, error) {
	known, err := d.check(ctx, in.Id)
	return &userv1.CheckUserResponse{Known: known}, err
}

func (d *desk) GetUser(ctx context.Context, in *userv1.GetUserRequest) (*userv1.GetUserResponse, error) {
	out := &userv1.GetUserResponse{User: &userv1.User{}}
	_, err := d.door.Ask(ctx, Ask{Method: "GET", Path: Path("/api/users/", in.Id)}, out.User)
	return out, err
}

// serve has d answer on a door of its own until stop is called, at an address if one is given.
func serve(t *testing.T, d *desk, at string, ready func(context.Context) error) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, Service{Name: "user", Desc: &userv1.UserService_ServiceDesc, Impl: d}, Options{Ready: ready})
	}()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// client is a Client of instances of the user service.
func client(t *testing.T, addresses ...string) *Client {
	t.Helper()
	c, err := Dial(Peer{Name: "user", Service: "tidewire.user.v1.UserService", Addresses: addresses, Process: &run.Process{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func plain(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func known(ctx context.Context, c grpc.ClientConnInterface, id string) (bool, error) {
	out, err := userv1.NewUserServiceClient(c).CheckUser(ctx, &userv1.CheckUserRequest{Id: id})
	return out.GetKnown(), err
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	limit, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-limit:
			t.Fatalf("%s: not within 20 s", what)
		case <-tick.C:
		}
	}
}

// The table of causes: what callers of each kind of door are told of an error.
func TestCodes(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		want   codes.Code
		cause  string
	}{
		{door.BadRequest("No."), 400, codes.InvalidArgument, "BAD_REQUEST"},
		{door.Invalid(door.Field{Cause: "no-name", Field: "name", Detail: "must be given"}), 422, codes.InvalidArgument, "NO_NAME"},
		{door.NotFound("user"), 404, codes.NotFound, "NO_SUCH_USER"},
		{door.Conflict("id_taken", "Taken."), 409, codes.AlreadyExists, "ID_TAKEN"},
		{door.Conflict("order_ended", "Over."), 409, codes.FailedPrecondition, "ORDER_ENDED"},
		{store.ErrConflict, 409, codes.Aborted, "CHANGED_MEANWHILE"},
		{store.ErrUnavailable, 503, codes.Unavailable, "DATABASE_UNAVAILABLE"},
		{fmt.Errorf("%w: user", door.ErrAway), 503, codes.Unavailable, "SERVICE_UNAVAILABLE"},
		{store.ErrRevoked, 503, codes.DeadlineExceeded, "TOOK_TOO_LONG"},
		{context.DeadlineExceeded, 503, codes.DeadlineExceeded, "TOOK_TOO_LONG"},
		{errors.New("a secret of ours"), 500, codes.Internal, "INTERNAL"},
		{(&door.Problem{Status: 401}).Cause("x"), 401, codes.Unauthenticated, "X"},
		{(&door.Problem{Status: 403}).Cause("x"), 403, codes.PermissionDenied, "X"},
		{(&door.Problem{Status: 405}).Cause("x"), 405, codes.Unimplemented, "X"},
		{(&door.Problem{Status: 412}).Cause("x"), 412, codes.FailedPrecondition, "X"},
		{(&door.Problem{Status: 429}).Cause("x"), 429, codes.ResourceExhausted, "X"},
	} {
		p := door.Explain(t.Context(), tt.err)
		s := status.Convert(explained(t.Context(), "m", tt.err))
		var info *errdetails.ErrorInfo
		violations, retries := 0, false
		for _, d := range s.Details() {
			switch d := d.(type) {
			case *errdetails.ErrorInfo:
				info = d
			case *errdetails.BadRequest:
				violations = len(d.FieldViolations)
			case *errdetails.RetryInfo:
				retries = d.RetryDelay.AsDuration() > 0
			}
		}
		if p.Status != tt.status || s.Code() != tt.want || info.GetReason() != tt.cause || info.GetDomain() != "tidewire" || violations != len(p.Errors) || retries != (tt.status == 503) {
			t.Errorf("%v: got %d, %v with %v, %d fields, retry %v; want %d, %v, %s", tt.err, p.Status, s.Code(), info, violations, retries, tt.status, tt.want, tt.cause)
		}
		if strings.Contains(s.Message(), "secret") {
			t.Errorf("told: %s", s.Message())
		}
	}
}

// A call ends well or badly, and never the process; it has a limit, and belongs to the trace
// that it brings.
func TestCalls(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var limit time.Duration
	var trace string
	d := &desk{check: func(ctx context.Context, id string) (bool, error) {
		end, _ := ctx.Deadline()
		limit, trace = time.Until(end), store.TraceOf(ctx)
		if id == "panics" {
			panic("oh")
		}
		return true, nil
	}}
	d.door.Customers = door.Handler(door.Options{OpenMode: true}, door.Route{Pattern: "GET /api/users/{id}", Handle: func(r *http.Request) (door.Answer, error) {
		trace = store.TraceOf(r.Context())
		return door.Answer{Body: map[string]string{"id": r.PathValue("id"), "later": "not in the contract"}}, nil
	}})
	at, _ := serve(t, d, "127.0.0.1:0", nil)
	c := plain(t, at)
	if _, err := known(t.Context(), c, "panics"); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "oh") {
		t.Errorf("a panic: %v", err)
	}
	if ok, err := known(t.Context(), c, "1"); !ok || err != nil || limit <= 0 || limit > callLimit {
		t.Errorf("without a deadline: %v, %v, limit %v", ok, err, limit)
	}
	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if ok, err := known(short, c, "1"); !ok || err != nil || limit > 5*time.Second {
		t.Errorf("with a deadline: %v, %v, limit %v", ok, err, limit)
	}
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := (&calls{}).limit(past, nil, nil, nil); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a deadline in the past: %v", err)
	}
	traced := metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent)
	if _, err := known(traced, c, "1"); err != nil || trace[:35] != parent[:35] {
		t.Errorf("a question: %v, trace %s", err, trace)
	}
	trace = ""
	out, err := userv1.NewUserServiceClient(c).GetUser(traced, &userv1.GetUserRequest{Id: "a b/c"})
	if err != nil || out.GetUser().GetId() != "a b/c" || trace[:35] != parent[:35] {
		t.Errorf("a request: %v, %v, trace %s", out, err, trace)
	}
	if _, err := userv1.NewUserServiceClient(c).RegisterUser(t.Context(), &userv1.RegisterUserRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("what nobody does: %v", err)
	}
	// A Client passes its own trace and deadline on.
	ours := store.WithTrace(short, parent)
	if ok, err := known(ours, client(t, at), "1"); !ok || err != nil || trace[:35] != parent[:35] || limit > askLimit {
		t.Errorf("a client: %v, %v, trace %s, limit %v", ok, err, trace, limit)
	}
}

// Health is that of readiness, and of nothing else; the contract can be read.
func TestHealthAndReflection(t *testing.T) {
	var sick atomic.Bool
	at, stop := serve(t, &desk{}, "127.0.0.1:0", func(context.Context) error {
		if sick.Load() {
			return errors.New("sick")
		}
		return nil
	})
	conn := plain(t, at)
	h := grpc_health_v1.NewHealthClient(conn)
	is := func(service string) string {
		out, err := h.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil {
			return status.Code(err).String()
		}
		return out.Status.String()
	}
	const name = "tidewire.user.v1.UserService"
	watch, err := h.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name})
	if err != nil {
		t.Fatal(err)
	}
	next := func() string {
		out, err := watch.Recv()
		if err != nil {
			return status.Code(err).String()
		}
		return out.Status.String()
	}
	got := []string{is(""), is(name), is("other"), next()}
	sick.Store(true)
	got = append(got, is(name), next())
	sick.Store(false)
	got = append(got, is(""), next())
	if want := []string{"SERVING", "SERVING", "NotFound", "SERVING", "NOT_SERVING", "NOT_SERVING", "SERVING", "SERVING"}; !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	listed, err := stream.Recv()
	if text := fmt.Sprint(listed); err != nil || !strings.Contains(text, name) || !strings.Contains(text, "grpc.health.v1.Health") {
		t.Errorf("the door lists %s, %v", text, err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	_, _ = stream.Recv()
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	if got := []string{next(), next()}; !slices.Equal(got, []string{"NOT_SERVING", "Unavailable"}) {
		t.Errorf("while it closes, who watches is told %v", got)
	}
	<-ended
}

// Of two instances the slow one is asked less, one that is away not at all, and one that comes
// back again.
func TestBalance(t *testing.T) {
	var fast, slow atomic.Int64
	counts := func(n *atomic.Int64, wait time.Duration) *desk {
		return &desk{check: func(context.Context, string) (bool, error) {
			n.Add(1)
			<-time.After(wait)
			return true, nil
		}}
	}
	one, stop := serve(t, counts(&fast, 0), "127.0.0.1:0", nil)
	two, _ := serve(t, counts(&slow, 100*time.Millisecond), "127.0.0.1:0", nil)
	c := client(t, one, two)
	ask := func(n int) (failed int64) {
		var wrong atomic.Int64
		turns := make(chan struct{}, 8)
		for range n {
			turns <- struct{}{}
			go func() {
				defer func() { <-turns }()
				if ok, err := known(t.Context(), c, "1"); !ok || err != nil {
					wrong.Add(1)
				}
			}()
		}
		for range cap(turns) {
			turns <- struct{}{}
		}
		return wrong.Load()
	}
	until(t, "both are connected", func() bool { return ask(16) == 0 && fast.Load() > 0 && slow.Load() > 0 })
	fast.Store(0)
	slow.Store(0)
	if failed := ask(400); failed != 0 || slow.Load() == 0 || fast.Load() < 2*slow.Load() {
		t.Errorf("%d failed; the fast one had %d, the slow one %d", failed, fast.Load(), slow.Load())
	}
	stop()
	if failed := ask(40); failed != 0 {
		t.Errorf("%d failed while one of two was away", failed)
	}
	fast.Store(0)
	serve(t, counts(&fast, 0), one, nil)
	until(t, "it is asked again", func() bool { return ask(8) == 0 && fast.Load() > 0 })
}

// A service that is away is door.ErrAway, soon without being asked, and asked again when it is
// back. Who asks and leaves says nothing about it.
func TestAway(t *testing.T) {
	var asked atomic.Int64
	d := &desk{check: func(_ context.Context, id string) (bool, error) {
		asked.Add(1)
		if id == "wrong" {
			return false, door.Invalid(door.Field{Field: "id", Detail: "is wrong"})
		}
		return true, nil
	}}
	at, stop := serve(t, d, "127.0.0.1:0", nil)
	c := client(t, at)
	if ok, err := known(t.Context(), c, "1"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := known(t.Context(), c, "wrong"); err == nil || errors.Is(err, door.ErrAway) {
		t.Errorf("an answer of which nothing can be made: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := known(gone, c, "1"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone: %v", err)
	}
	stop()
	began := time.Now()
	until(t, "it is spared", func() bool {
		_, err := known(t.Context(), c, "1")
		if !errors.Is(err, door.ErrAway) {
			t.Fatalf("away: %v", err)
		}
		return strings.Contains(err.Error(), "left alone")
	})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	serve(t, d, at, nil)
	asked.Store(0)
	until(t, "it answers again", func() bool { ok, err := known(t.Context(), c, "1"); return ok && err == nil })
	if asked.Load() == 0 {
		t.Error("nobody was asked")
	}
}
