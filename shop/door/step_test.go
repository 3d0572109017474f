package door_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// A request that reaches a route is a span, in the trace that it brought, with its route
// and its answer; what is refused before is none. The client is told which it is.
func TestRequestsAreSpans(t *testing.T) {
	const brought = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, tt := range []struct {
		name, target string
		sent         string // traceparent
		err          error
		panics       bool
		status       int64 // 0: no span
		code         codes.Code
	}{
		{"of its own", "/x/1", "", nil, false, 200, codes.Unset},
		{"brought", "/x/1", brought, nil, false, 200, codes.Unset},
		{"brought, and not to be recorded", "/x/1", brought[:53] + "00", nil, false, 0, codes.Unset},
		{"the client's fault", "/x/1", "", door.NotFound("x"), false, 404, codes.Unset},
		{"ours", "/x/1", "", errors.New("broken"), false, 500, codes.Error},
		{"a panic", "/x/1", "", nil, true, 500, codes.Error},
		{"no route", "/y", brought, nil, false, 0, codes.Unset},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			var step store.Step
			h := door.Handler(door.Options{Tracers: sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))},
				door.Route{Pattern: "GET /x/{id}", Service: "things", Handle: func(r *http.Request) (door.Answer, error) {
					step = store.StepOf(r.Context())
					if tt.panics {
						panic("oh")
					}
					return door.Answer{}, tt.err
				}})
			r := httptest.NewRequest("GET", tt.target, nil)
			r.Header.Set("Traceparent", tt.sent)
			w := send(h, r)
			told := w.Header().Get("Traceresponse")
			if tt.sent != "" && told[3:35] != brought[3:35] {
				t.Errorf("the client is told %s, want the trace that it brought", told)
			}
			spans := recorder.Ended()
			if tt.status == 0 {
				if len(spans) != 0 {
					t.Errorf("%d spans, want none", len(spans))
				}
				return
			}
			if len(spans) != 1 {
				t.Fatalf("%d spans, want one", len(spans))
			}
			s := spans[0]
			attrs := attribute.NewSet(s.Attributes()...)
			status, _ := attrs.Value("http.response.status_code")
			route, _ := attrs.Value("http.route")
			if s.Name() != "GET /x/{id}" || s.SpanKind() != trace.SpanKindServer || route.AsString() != "/x/{id}" || status.AsInt64() != tt.status || s.Status().Code != tt.code {
				t.Errorf("%s, %v with %v, %v; want %d, %v", s.Name(), s.SpanKind(), s.Attributes(), s.Status(), tt.status, tt.code)
			}
			if id := s.SpanContext().SpanID().String(); told[36:52] != id || step.Trace != told || step.Service != "things" {
				t.Errorf("the span is %s, the client is told %s, and the route is in %+v", id, told, step)
			}
			if parent := s.Parent().SpanID().String(); tt.sent != "" && parent != brought[36:52] {
				t.Errorf("its parent is %s, want what was brought", parent)
			}
		})
	}
}
