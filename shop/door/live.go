package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// A Live is an answer that goes on: events as they happen, as text/event-stream
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), until it ends, the client
// leaves or the door closes. The first event is how things are now, so that whoever comes
// back needs no Last-Event-ID.
type Live interface {
	// Next returns the next event, and io.EOF when there will be none. It is called again
	// after its context has ended, which is for a sign of life to be sent.
	Next(context.Context) (Event, error)
	Close()
}

// An Event is one of a Live.
type Event struct {
	Name string // of its type
	ID   string // "" for none
	Data any    // encoded as JSON
	Lost int64  // events just before it that the client was too slow for: it is told
}

const (
	heartbeat = 15 * time.Second // between signs of life: proxies cut what is silent
	sendLimit = 10 * time.Second // for a client to take one event
	eventType = "text/event-stream"
)

// acceptsEvents reports whether a client takes a stream of events.
func acceptsEvents(r *http.Request) bool {
	values := r.Header["Accept"]
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		refused := params["q"] != "" && strings.Trim(params["q"], "0.") == ""
		if err == nil && !refused && (kind == eventType || kind == "text/*" || kind == "*/*") {
			return true
		}
	}
	return len(values) == 0
}

// live sends what a Live says. It does not count among the requests in progress, and has a
// limit of its own.
func (w *writer) live(r *http.Request, l Live) {
	defer l.Close()
	if !acceptsEvents(r) {
		p := problem(http.StatusNotAcceptable, "not-event-stream", "Not to be had in that form")
		p.Detail = "It is " + eventType + ", which the Accept of the request leaves out."
		w.fail(r, p)
		return
	}
	leave, ok := w.lives.enter()
	defer leave()
	if !ok {
		w.fail(r, unavailable("too-many-streams", "As many clients as may are listening. What they hear can be asked for, too."))
		return
	}
	StandBy(r)
	ctx, cancel := context.WithCancel(w.whole)
	defer cancel()
	if door, ok := ctx.Value(closingKey{}).(context.Context); ok {
		defer context.AfterFunc(door, cancel)()
	}
	w.Header()["Content-Type"] = []string{eventType}
	w.status, w.took = http.StatusOK, time.Since(w.started)
	w.ResponseWriter.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	if err := w.events(ctx, l); err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "a stream of events has ended", "route", w.route, "error", err)
	}
	if ctx.Err() != nil && w.whole.Err() == nil { // the client comes back to another door, or a later one
		_ = w.emit("retry: 1000\n: the door closes\n\n") // it may have left
	}
}

// events sends events, and signs of life between them.
func (w *writer) events(ctx context.Context, l Live) error {
	for {
		quiet, cancel := context.WithTimeout(ctx, heartbeat)
		e, err := l.Next(quiet)
		cancel()
		text := ": here\n\n"
		switch {
		case err == nil:
			if text, err = e.text(); err != nil {
				return err
			}
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if err := w.emit(text); err != nil {
			return nil //nolint:nilerr // the client is gone, or too slow even for one: nobody is left to tell
		}
	}
}

// text is e as it is sent. JSON has no line's end in it.
func (e Event) text() (string, error) {
	var b strings.Builder
	if e.Lost > 0 {
		fmt.Fprintf(&b, "event: lost\ndata: {\"lost\":%d}\n\n", e.Lost)
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "event: %s\n", e.Name)
	if e.ID != "" {
		fmt.Fprintf(&b, "id: %s\n", e.ID)
	}
	fmt.Fprintf(&b, "data: %s\n\n", data)
	return b.String(), nil
}

// emit sends text at once, or fails.
func (w *writer) emit(text string) error {
	c := http.NewResponseController(w.ResponseWriter)
	if err := c.SetWriteDeadline(time.Now().Add(sendLimit)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(w.ResponseWriter, text); err != nil {
		return err
	}
	return c.Flush()
}
