package door

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/tidewire/tidewire/toolkit/span"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// steps are the requests of one route, as traces and logs show them. The names are those
// of https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
type steps struct {
	service    string
	pattern    string
	tracer     trace.Tracer // nil: nothing is traced
	attributes trace.SpanStartEventOption
}

func (o Options) steps(route Route) steps {
	method, path, _ := strings.Cut(route.Pattern, " ")
	service := cmp.Or(route.Service, "door")
	s := steps{service: service, pattern: route.Pattern, attributes: trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("http.route", path), attribute.String("url.scheme", "http"))}
	if o.Tracers != nil {
		s.tracer = o.Tracers.Tracer(service)
	}
	return s
}

// begin begins the step of a request: its first, under the traceparent that it brought.
// What is refused before it has reached a route is in no trace: it must cost nothing.
func (s steps) begin(r *http.Request, w *writer) (*http.Request, trace.Span) {
	ctx := store.WithStep(r.Context(), store.Step{Trace: w.trace, Service: s.service})
	if s.tracer == nil {
		return r.WithContext(ctx), nil
	}
	ctx, begun := span.Root(ctx, s.tracer, r.Header.Get("Traceparent"), s.pattern,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(w.started), s.attributes)
	w.belongs(store.TraceOf(ctx))
	return r.WithContext(ctx), begun
}

// end ends the step with its answer, or without one if it panics. Only what is our own
// fault is an error of the span.
func (s steps) end(begun trace.Span, w *writer) {
	if begun == nil {
		return
	}
	status := w.status
	if status == 0 {
		status = http.StatusInternalServerError // which it will be
	}
	begun.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		begun.SetStatus(codes.Error, http.StatusText(status))
	}
	begun.End()
}
