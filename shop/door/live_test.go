package door_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/shop/door"
)

// A script is a Live that says what comes of a channel, until that is closed.
type script struct {
	events chan door.Event
	closed atomic.Bool
}

func (s *script) Next(ctx context.Context) (door.Event, error) {
	select {
	case e, more := <-s.events:
		if !more {
			return e, io.EOF
		}
		if e.Name == "broken" {
			return e, errors.New("broken")
		}
		return e, nil
	case <-ctx.Done():
		return door.Event{}, ctx.Err()
	}
}

func (s *script) Close() { s.closed.Store(true) }

func scripted(events ...door.Event) *script {
	s := &script{events: make(chan door.Event, 100)}
	for _, e := range events {
		s.events <- e
	}
	return s
}

func liveRoute(s door.Live) door.Route {
	return door.Route{Pattern: "GET /live", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{Live: s}, nil }}
}

func TestLiveSaysEvents(t *testing.T) {
	s := scripted(door.Event{Name: "order", ID: "1", Data: map[string]string{"text": "a\nb"}}, door.Event{Name: "order", Data: 2, Lost: 3})
	close(s.events)
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, liveRoute(s)).ServeHTTP(w, httptest.NewRequest("GET", "/live", nil))
	const want = "event: order\nid: 1\ndata: {\"text\":\"a\\nb\"}\n\n" + "event: lost\ndata: {\"lost\":3}\n\n" + "event: order\ndata: 2\n\n"
	if got := w.Body.String(); w.Code != 200 || got != want || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("Cache-Control") != "no-store" || !w.Flushed {
		t.Errorf("%d %v\n%s\nwant\n%s", w.Code, w.Header(), got, want)
	}
	if !s.closed.Load() {
		t.Error("it was not closed")
	}
}

func TestLiveIsNotForEverybody(t *testing.T) {
	for accept, want := range map[string]int{
		"": 200, "text/event-stream": 200, "*/*": 200, "text/*;q=0.1": 200, "application/json, text/event-stream;q=0.5": 200,
		"application/json": 406, "text/html": 406, "text/event-stream;q=0": 406, "text/event-stream;q=0.000, text/plain": 406, "nonsense": 406,
	} {
		s := scripted()
		close(s.events)
		r := httptest.NewRequest("GET", "/live", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		w := httptest.NewRecorder()
		door.Handler(door.Options{}, liveRoute(s)).ServeHTTP(w, r)
		if w.Code != want || !s.closed.Load() {
			t.Errorf("Accept %q: %d, closed %v; want %d", accept, w.Code, s.closed.Load(), want)
		}
	}
}

// An error in the middle ends a stream: its status was sent long ago.
func TestLiveBreaks(t *testing.T) {
	s := scripted(door.Event{Name: "a", Data: 1}, door.Event{Name: "broken"}, door.Event{Name: "b", Data: 2})
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, liveRoute(s)).ServeHTTP(w, httptest.NewRequest("GET", "/live", nil))
	if got := w.Body.String(); got != "event: a\ndata: 1\n\n" || !s.closed.Load() {
		t.Errorf("got %q", got)
	}
}

// Where nothing happens a sign of life is sent; the time limit of a request is none of a
// stream's.
func TestLiveShowsThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scripted()
		ctx, leave := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer leave()
		w := httptest.NewRecorder()
		door.Handler(door.Options{}, liveRoute(s)).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/live", nil))
		if n := strings.Count(w.Body.String(), ": here\n\n"); n != 20 {
			t.Errorf("%d signs of life in five minutes, want 20", n)
		}
	})
}

// Streams have a limit of their own, and take nobody's place among the requests. A door that
// closes ends them at once.
func TestLiveHasALimitAndEndsWithTheDoor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var scripts []*script
	made := make(chan *script, 10)
	routes := []door.Route{
		{Pattern: "GET /live", Handle: func(*http.Request) (door.Answer, error) {
			s := scripted(door.Event{Name: "now", Data: 1})
			made <- s
			return door.Answer{Live: s}, nil
		}},
		{Pattern: "GET /plain", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{Body: 1}, nil }},
	}
	ctx, shut := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- door.Serve(ctx, l, door.Handler(door.Options{MaxInFlight: 4}, routes...)) }()
	open := func(path string) *http.Response {
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	var bodies []*bufio.Reader
	for range 2 {
		resp := open("/live")
		body := bufio.NewReader(resp.Body)
		if line, err := body.ReadString('\n'); resp.StatusCode != 200 || line != "event: now\n" || err != nil {
			t.Fatalf("%d %q, %v", resp.StatusCode, line, err)
		}
		bodies = append(bodies, body)
		scripts = append(scripts, <-made)
	}
	if resp := open("/live"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the third stream: %d", resp.StatusCode)
	}
	if resp := open("/plain"); resp.StatusCode != 200 {
		t.Errorf("a request beside two streams: %d", resp.StatusCode)
	}
	started := time.Now()
	shut()
	for _, body := range bodies {
		rest, err := io.ReadAll(body)
		if err != nil || !strings.HasSuffix(string(rest), "retry: 1000\n: the door closes\n\n") {
			t.Errorf("the end of a stream is %q, %v", rest, err)
		}
	}
	if err := <-served; err != nil || time.Since(started) > 5*time.Second {
		t.Errorf("the door closed after %v, %v", time.Since(started), err)
	}
	for _, s := range scripts {
		if !s.closed.Load() {
			t.Error("a stream was not closed")
		}
	}
}
