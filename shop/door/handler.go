package door

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Options are those of a Handler. The zero value is the default.
type Options struct {
	OpenMode    bool                 // answer nobody but this machine's own programs; false
	MaxInFlight int                  // requests at a time, the others are 503; half as many answers may go on beside them; 512
	MaxWork     int                  // requests for more work among them; 128
	Refuse      func() bool          // whether a request for more work is to be refused now; never
	Halted      func() bool          // whether nothing would be done about such a request, however long it waits; never
	Log         *slog.Logger         // of what is 500; slog.Default()
	Meter       metric.Meter         // of the time requests take; none
	Tracers     trace.TracerProvider // of each service by its name; none
}

// timeLimit ends what a request waits for, such as the turn of its change. What has begun
// to commit is not ended by it.
const timeLimit = 60 * time.Second

// Handler answers requests by routes. It panics if two patterns are in conflict, as
// http.ServeMux does.
func Handler(opts Options, routes ...Route) http.Handler {
	if opts.MaxInFlight == 0 {
		opts.MaxInFlight = 512
	}
	if opts.MaxWork == 0 {
		opts.MaxWork = 128
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	h := &handler{Options: opts, mux: http.NewServeMux(), timer: newTimer(opts.Meter), cross: http.NewCrossOriginProtection()}
	h.all.limit, h.work.limit, h.lives.limit = int64(opts.MaxInFlight), int64(opts.MaxWork), int64(opts.MaxInFlight/2)
	for _, route := range routes {
		h.mux.HandleFunc(route.Pattern, h.serve(route))
	}
	return h
}

// serve answers the requests of a route. What is shed is in no trace.
func (h *handler) serve(route Route) http.HandlerFunc {
	steps := h.steps(route)
	return func(rw http.ResponseWriter, r *http.Request) {
		w := rw.(*writer)
		w.route = route.Pattern
		if route.Sheds {
			if h.Halted != nil && h.Halted() {
				w.fail(r, unavailable("standstill", "Nobody would do anything about it: a service that has to does not read what it follows. What was accepted is not lost."))
				return
			}
			leave, ok := h.work.enter()
			defer leave()
			if !ok || h.Refuse != nil && h.Refuse() {
				w.fail(r, unavailable("overloaded", "More is to be done than can be. What was accepted goes on."))
				return
			}
			r = r.WithContext(leaving(r.Context(), leave))
		}
		r, span := steps.begin(r, w)
		defer steps.end(span, w)
		w.answer(r, route)
	}
}

type handler struct {
	Options
	mux   *http.ServeMux
	cross *http.CrossOriginProtection
	timer timer
	all   crowd // requests
	work  crowd // requests for more work among them
	lives crowd // answers that go on
}

// ServeHTTP answers one request, whatever becomes of it.
func (h *handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w := &writer{ResponseWriter: rw, log: h.Log, started: start, whole: r.Context(), lives: &h.lives}
	defer func() {
		if v := recover(); v != nil {
			w.panicked(r, v)
		}
		h.timer.record(r.Context(), w.route, w.status, cmp.Or(w.took, time.Since(start)))
	}()
	w.secure()
	w.belongs(message.Trace(r.Header.Get("Traceparent"))) // a route may record it
	// Before the body is read: what is shed must cost next to nothing.
	leave, ok := h.all.enter()
	defer leave()
	if !ok {
		w.fail(r, unavailable("overloaded", "More requests than can be answered are being made."))
		return
	}
	p := h.refuse(r)
	if p == nil {
		p = malformed(r.URL)
	}
	if p != nil {
		w.fail(r, p)
		return
	}
	ctx, cancel := context.WithTimeout(leaving(r.Context(), leave), timeLimit)
	defer cancel()
	h.mux.ServeHTTP(w, r.WithContext(ctx))
}

// refuse returns the problem with where r comes from. In open mode there are no
// passwords, so a page of another site in a browser on this machine is kept out: by
// name (DNS rebinding) and by origin.
func (h *handler) refuse(r *http.Request) *Problem {
	if !h.OpenMode {
		return nil
	}
	if !Loopback(r.Host) {
		p := problem(http.StatusMisdirectedRequest, "not-this-host", "Not a host that is answered for")
		p.Detail = "In open mode only localhost is answered for."
		return p
	}
	if h.cross.Check(r) != nil {
		return problem(http.StatusForbidden, "cross-origin", "Not allowed from another site")
	}
	return nil
}
