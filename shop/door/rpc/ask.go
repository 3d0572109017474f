package rpc

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A Door answers calls with what the customers' door answers to the same request.
type Door struct {
	Customers http.Handler
}

// An Ask is the request that a call stands for.
type Ask struct {
	Method string
	Path   string
	Query  url.Values    // without those that are empty
	Body   proto.Message // nil: none
}

// What is a header of the customers' door is metadata here, under its name in lower case.
var (
	brought  = []string{"idempotency-key", "if-match", "prefer", "tidewire-position"}
	answered = []string{"etag", "location", "preference-applied", "retry-after", "tidewire-position", "traceresponse"}
)

// Ask puts the answer into a message whose JSON it is, and returns its status; or the
// problem, as a gRPC status.
func (d Door) Ask(ctx context.Context, a Ask, into proto.Message) (status int, err error) {
	r, err := a.request(ctx)
	if err != nil {
		return 0, err
	}
	w := &recorder{header: http.Header{}}
	d.Customers.ServeHTTP(w, r)
	if err := grpc.SetHeader(ctx, w.metadata()); err != nil {
		return 0, err
	}
	if w.status >= http.StatusBadRequest {
		return w.status, w.failed()
	}
	// What the door shows and the contract has not yet is left out.
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(w.body.Bytes(), into); err != nil {
		return w.status, fmt.Errorf("the answer of %s is no %s: %w", a.Path, into.ProtoReflect().Descriptor().FullName(), err)
	}
	return w.status, nil
}

// request makes the request. Its body is canonical: whoever repeats a call with its
// idempotency-key sends the same, whichever version of a library writes it.
func (a Ask) request(ctx context.Context) (*http.Request, error) {
	var body []byte
	if a.Body != nil {
		text, err := protojson.Marshal(a.Body)
		if err != nil {
			return nil, err
		}
		value := jsontext.Value(text)
		if err := value.Canonicalize(); err != nil {
			return nil, err
		}
		body = value
	}
	for name := range a.Query {
		if a.Query.Get(name) == "" {
			a.Query.Del(name)
		}
	}
	address := "http://localhost" + a.Path
	if len(a.Query) > 0 {
		address += "?" + a.Query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, a.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if a.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	from, _ := metadata.FromIncomingContext(ctx)
	for _, name := range brought {
		for _, value := range from.Get(name) {
			r.Header.Add(name, value)
		}
	}
	r.Header.Set("Traceparent", store.TraceOf(ctx))
	return r, nil
}

// Path joins the parts of an address, of which every second one is a caller's own.
func Path(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i%2 == 1 {
			p = url.PathEscape(p)
		}
		b.WriteString(p)
	}
	return b.String()
}

// Query makes the parameters of an address from names and values in turn.
func Query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// Number writes a parameter; "" if it is absent.
func Number(n *int32) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(int(*n))
}

// A recorder takes the answer to a request.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader keeps the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write keeps the body.
func (w *recorder) Write(text []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(text)
}

func (w *recorder) metadata() metadata.MD {
	md := metadata.MD{}
	for _, name := range answered {
		md.Append(name, w.header.Values(name)...)
	}
	return md
}

// failed is the status of a problem document.
func (w *recorder) failed() error {
	p := door.Problem{Header: w.header}
	if err := json.Unmarshal(w.body.Bytes(), &p); err != nil {
		return fmt.Errorf("an answer of status %d is no problem document: %w", w.status, err)
	}
	return statusOf(&p).Err()
}
