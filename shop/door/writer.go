package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/message"
)

// A writer writes the answer to one request. What http.ServeMux writes through it, when
// it found no route, becomes a problem document.
type writer struct {
	http.ResponseWriter
	log     *slog.Logger
	started time.Time
	trace   string          // traceparent
	route   string          // its pattern; "" while none was found
	status  int             // 0 while nothing was written
	whole   context.Context // of the request, without a limit in time
	lives   *crowd          // of those whose answer goes on
	took    time.Duration   // until an answer that goes on has begun
}

// secure sets what goes with every answer: it is data, of one moment, for its client.
func (w *writer) secure() {
	h := w.Header()
	h["Cache-Control"] = noStore
	h["Content-Security-Policy"] = noContent
	h["X-Content-Type-Options"] = noSniff
}

// belongs tells the client which trace its request is in.
func (w *writer) belongs(traceparent string) {
	w.trace = traceparent
	w.Header()["Traceresponse"] = []string{traceparent}
}

// Shared by all answers: nobody changes a header's values in place.
var (
	noStore     = []string{"no-store"}
	noContent   = []string{"default-src 'none'; frame-ancestors 'none'"}
	noSniff     = []string{"nosniff"}
	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
)

// WriteHeader is called by http.ServeMux for what is no route's, and only by it.
func (w *writer) WriteHeader(status int) {
	if status == http.StatusMethodNotAllowed {
		p := problem(status, "method-not-allowed", "Not a method of this route")
		p.Detail = "It has " + w.Header().Get("Allow") + "."
		w.problem(p)
		return
	}
	// It redirects to a clean path, but /orders//x is not /orders/x: there is no such thing.
	w.Header().Del("Location")
	w.problem(NotFound("route"))
}

// Write drops the text that http.ServeMux has for people.
func (w *writer) Write(text []byte) (int, error) { return len(text), nil }

// answer runs a route and writes what it says.
func (w *writer) answer(r *http.Request, route Route) {
	w.route = route.Pattern
	if p := unasked(r.URL, route.Query); p != nil {
		w.fail(r, p)
		return
	}
	a, err := handled(r, route)
	if err != nil {
		w.fail(r, err)
		return
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Location != "" {
		w.Header()["Location"] = []string{a.Location}
	}
	if a.Live != nil {
		w.live(r, a.Live)
		return
	}
	if a.Type != "" {
		data, _ := a.Body.([]byte)
		w.Header()["Content-Type"] = []string{a.Type}
		w.send(a.Status, data)
		return
	}
	text, _ := a.Body.(jsontext.Value)
	if text != nil {
		w.Header()["Content-Type"] = jsonType
	}
	w.send(a.Status, text)
}

// handled waits for what the client has seen, and has the route answer.
func handled(r *http.Request, route Route) (Answer, error) {
	if err := await(r, route.Reached); err != nil {
		return Answer{}, err
	}
	a, err := route.Handle(r)
	if err == nil {
		a, err = a.encoded()
	}
	if err != nil {
		return a, err
	}
	return a.unchanged(r)
}

// fail answers with the problem that err is, or that it stands for.
func (w *writer) fail(r *http.Request, err error) {
	p := Explain(r.Context(), err)
	switch {
	case p.Status == http.StatusInternalServerError:
		w.log.ErrorContext(r.Context(), "request failed", "route", w.route, "trace_id", message.TraceID(w.trace), "error", err)
	case errors.Is(err, aggregate.ErrNewer):
		w.log.WarnContext(r.Context(), "a newer version has written what was asked for", "route", w.route, "trace_id", message.TraceID(w.trace), "error", err)
	}
	w.problem(p)
}

// panicked answers for a route that panicked. http.ErrAbortHandler goes on to the server.
func (w *writer) panicked(r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	w.log.ErrorContext(r.Context(), "request panicked", "route", w.route, "trace_id", message.TraceID(w.trace),
		"error", fmt.Sprint(v), "stack", string(debug.Stack()))
	if w.status == 0 {
		w.problem(internal())
	}
}

// problem writes a problem document. A detail may quote what a client sent, valid or not.
func (w *writer) problem(p *Problem) {
	document := *p
	document.Detail = p.told()
	text, err := json.Marshal(&document, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // it is made of strings and a number
	}
	for name, values := range p.Header {
		w.Header()[name] = values
	}
	w.Header()["Content-Type"] = problemType
	w.send(p.Status, text)
}

func (w *writer) send(status int, text []byte) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
	if len(text) > 0 {
		w.ResponseWriter.Write(text) //nolint:errcheck // the client is gone: nobody is left to tell
	}
}
