package door_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// says is a route that answers with what it is given.
func says(pattern string, a door.Answer, err error) door.Route {
	return door.Route{Pattern: pattern, Handle: func(*http.Request) (door.Answer, error) { return a, err }}
}

func send(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswer(t *testing.T) {
	a := door.Answer{Status: 202, Location: "/things/1", Body: struct {
		A string `json:"a"`
	}{"<b>"}, Header: http.Header{"Preference-Applied": {"wait=5"}}}
	got := send(door.Handler(door.Options{}, says("POST /things", a, nil)), httptest.NewRequest("POST", "/things", nil))
	if got.Code != 202 || got.Body.String() != `{"a":"<b>"}` {
		t.Errorf("got %d %s, want 202 and the body", got.Code, got.Body)
	}
	for name, want := range map[string]string{"Location": "/things/1", "Preference-Applied": "wait=5", "Content-Type": "application/json",
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got := got.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	sheet := send(door.Handler(door.Options{}, says("GET /sheet", door.Answer{Type: "application/pdf", Body: []byte("%PDF-\x00")}, nil)), httptest.NewRequest("GET", "/sheet", nil))
	if sheet.Code != 200 || sheet.Body.String() != "%PDF-\x00" || sheet.Header().Get("Content-Type") != "application/pdf" || sheet.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("sheet: got %d %q %v, want its bytes as they are", sheet.Code, sheet.Body, sheet.Header())
	}
	empty := send(door.Handler(door.Options{}, says("GET /", door.Answer{}, nil)), httptest.NewRequest("GET", "/", nil))
	if empty.Code != 200 || empty.Body.Len() != 0 || empty.Header().Get("Content-Type") != "" {
		t.Errorf("empty: got %d %q %v, want 200 and nothing", empty.Code, empty.Body, empty.Header())
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		cause  string
		reason string
		retry  bool
	}{
		{"invalid", door.Invalid(door.Field{Field: "quantity", Detail: "must be 1 or more"}), 422, "not-acceptable", "", false},
		{"of one cause", door.Invalid(door.Field{Field: "a", Detail: "is odd", Cause: "odd"}), 422, "odd", "", false},
		{"of one cause in two fields", door.Invalid(door.Field{Field: "a", Detail: "is odd", Cause: "odd"}, door.Field{Field: "b", Detail: "is odd", Cause: "odd"}), 422, "odd", "", false},
		{"of two causes", door.Invalid(door.Field{Field: "a", Detail: "is odd", Cause: "odd"}, door.Field{Field: "b", Detail: "is even", Cause: "even"}), 422, "not-acceptable", "", false},
		{"of a cause and none", door.Invalid(door.Field{Field: "a", Detail: "is odd", Cause: "odd"}, door.Field{Field: "b", Detail: "is even"}), 422, "not-acceptable", "", false},
		{"of no field", door.Invalid(), 422, "not-acceptable", "", false},
		{"of its own cause", door.Invalid(door.Field{Field: "userId", Detail: "is nobody"}).Cause("unknown-user"), 422, "unknown-user", "", false},
		{"bad request", door.BadRequest("No."), 400, "bad-request", "", false},
		{"not found", door.NotFound("order"), 404, "no-such-order", "", false},
		{"conflict", door.Conflict("out_of_stock", "None left."), 409, "out-of-stock", "out_of_stock", false},
		{"wrapped", fmt.Errorf("order: %w", door.NotFound("order")), 404, "no-such-order", "", false},
		{"not UTF-8", door.BadRequest("\xff"), 400, "bad-request", "", false},
		{"database", fmt.Errorf("open: %w", store.ErrUnavailable), 503, "database-unavailable", "", true},
		{"of a newer version", fmt.Errorf("order o: %w", aggregate.ErrNewer), 503, "newer-version", "", true},
		{"revoked", store.ErrRevoked, 503, "took-too-long", "", true},
		{"deadline", context.DeadlineExceeded, 503, "took-too-long", "", true},
		{"version", store.ErrConflict, 409, "changed-meanwhile", "changed_meanwhile", false},
		{"anything else", errors.New("password is hunter2"), 500, "internal", "", false},
		{"panic in a change", store.ErrPanic, 500, "internal", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			h := door.Handler(door.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, says("GET /x", door.Answer{}, c.err))
			got := send(h, httptest.NewRequest("GET", "/x", nil))
			p := documentOf(t, got)
			if got.Code != c.status || p.Status != c.status || p.Type != "urn:tidewire:problem:"+c.cause || p.Reason != c.reason {
				t.Errorf("got %d %+v, want %d %s %s", got.Code, p, c.status, c.cause, c.reason)
			}
			if retry := got.Header().Get("Retry-After") != ""; retry != c.retry {
				t.Errorf("Retry-After: got %v, want %v", retry, c.retry)
			}
			if c.status == 500 {
				trace := message.TraceID(got.Header().Get("Traceresponse"))
				if trace == "" || !strings.Contains(log.String(), trace) || !strings.Contains(log.String(), c.err.Error()) {
					t.Errorf("the log has not the error under trace %q: %s", trace, &log)
				}
				if strings.Contains(got.Body.String(), "hunter2") {
					t.Errorf("the answer tells internals: %s", got.Body)
				}
			}
		})
	}
}

func TestDetailNamesTheFields(t *testing.T) {
	p := door.Invalid(door.Field{Field: "a", Detail: "is odd"}, door.Field{Field: "b", Detail: "is even"})
	got := documentOf(t, send(door.Handler(door.Options{}, says("GET /x", door.Answer{}, p)), httptest.NewRequest("GET", "/x", nil)))
	if want := "a is odd; b is even."; got.Detail != want || len(got.Errors) != 2 {
		t.Errorf("got %q and %v, want %q and both", got.Detail, got.Errors, want)
	}
	if want := "Not acceptable as it is: a is odd; b is even."; p.Error() != want {
		t.Errorf("got %q, want %q", p.Error(), want)
	}
}

func TestErrorSaysItOnce(t *testing.T) {
	for want, p := range map[string]*door.Problem{
		"There is no such order.":                   door.NotFound("order"),
		"Not possible in this state: None is left.": door.Conflict("out_of_stock", "None is left."),
		"Bad request.":                              {Title: "Bad request", Detail: "Bad request."}, // as a client reads it
	} {
		if got := p.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// http.ServeMux would send clients on to the clean path, in HTML.
func TestPathsThatAreNotClean(t *testing.T) {
	h := door.Handler(door.Options{}, says("GET /x/{id}", door.Answer{}, nil), says("POST /x/{id}/y", door.Answer{}, nil))
	for _, c := range []struct{ method, path string }{
		{"GET", "/x//1"}, {"GET", "//x/1"}, {"GET", "/x/./1"}, {"GET", "/x/2/../1"}, {"GET", "/x/1/"}, {"GET", "/x//1?limit=1"},
		{"HEAD", "/x//1"}, {"POST", "/x//1/y"}, {"POST", "/x/1//y"}, {"DELETE", "/x//1"}, {"GET", "/nothing//there"},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.path, "?")
		got := send(h, r)
		if p := documentOf(t, got); got.Code != 404 || p.Type != "urn:tidewire:problem:no-such-route" || got.Header().Get("Location") != "" {
			t.Errorf("%s %s: got %d %s, Location %q; want 404 and no redirect", c.method, c.path, got.Code, got.Body, got.Header().Get("Location"))
		}
	}
}

func TestPanicIs500(t *testing.T) {
	var log bytes.Buffer
	h := door.Handler(door.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), MaxInFlight: 1},
		door.Route{Pattern: "GET /x", Handle: func(*http.Request) (door.Answer, error) { panic("oh") }})
	for range 2 { // the second shows that the first has given its place back
		got := send(h, httptest.NewRequest("GET", "/x", nil))
		if p := documentOf(t, got); p.Status != 500 || !strings.Contains(log.String(), "handler_test.go") {
			t.Errorf("got %+v and log %s, want 500 and the stack", p, &log)
		}
	}
}

func TestNoRoute(t *testing.T) {
	h := door.Handler(door.Options{}, says("GET /x", door.Answer{}, nil), says("POST /x", door.Answer{}, nil), says("GET /x/{id}", door.Answer{}, nil))
	for _, c := range []struct {
		method, path string
		want         int
		allow        string
	}{
		{"GET", "/x", 200, ""},
		{"HEAD", "/x", 200, ""},
		{"GET", "/y", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/x/1/2", 404, ""},
		{"DELETE", "/x", 405, "GET, HEAD, POST"},
		{"BREW", "/x/1", 405, "GET, HEAD"},
		{"OPTIONS", "/x/1", 405, "GET, HEAD"},
	} {
		got := send(h, httptest.NewRequest(c.method, c.path, nil))
		if got.Code != c.want || got.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d, Allow %q; want %d, %q", c.method, c.path, got.Code, got.Header().Get("Allow"), c.want, c.allow)
		}
		if c.want >= 400 {
			documentOf(t, got)
		}
	}
}

func TestOpenModeAnswersThisMachineOnly(t *testing.T) {
	h := door.Handler(door.Options{OpenMode: true}, says("POST /x", door.Answer{}, nil))
	for _, c := range []struct {
		host, header, value string
		want                int
	}{
		{"localhost", "", "", 200},
		{"localhost:3000", "", "", 200},
		{"LOCALHOST:3000", "", "", 200},
		{"127.0.0.1:3000", "", "", 200},
		{"127.8.9.1", "", "", 200},
		{"[::1]:3000", "", "", 200},
		{"[::1]", "", "", 200},
		{"", "", "", 421},
		{"evil.example", "", "", 421},
		{"localhost.evil.example:3000", "", "", 421},
		{"127.0.0.1.evil.example", "", "", 421},
		{"10.0.0.1:3000", "", "", 421},
		{"0.0.0.0:3000", "", "", 421},
		{"localhost:3000", "Origin", "http://localhost:3000", 200},
		{"localhost:3000", "Origin", "http://evil.example", 403},
		{"localhost:3000", "Sec-Fetch-Site", "cross-site", 403},
		{"localhost:3000", "Sec-Fetch-Site", "same-origin", 200},
	} {
		r := httptest.NewRequest("POST", "/x", nil)
		r.Host = c.host
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		if got := send(h, r); got.Code != c.want {
			t.Errorf("Host %q, %s %q: got %d, want %d", c.host, c.header, c.value, got.Code, c.want)
		}
	}
	r := httptest.NewRequest("POST", "/x", nil)
	r.Host = "shop.example"
	if got := send(door.Handler(door.Options{}, says("POST /x", door.Answer{}, nil)), r); got.Code != 200 {
		t.Errorf("not in open mode: got %d, want 200", got.Code)
	}
}

func TestShedsWhatIsTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := door.Handler(door.Options{MaxInFlight: 2}, door.Route{Pattern: "POST /x", Handle: func(*http.Request) (door.Answer, error) {
			<-release
			return door.Answer{}, nil
		}})
		codes := make(chan int, 2)
		for range 2 {
			go func() { codes <- send(h, httptest.NewRequest("POST", "/x", nil)).Code }()
		}
		synctest.Wait()
		r := httptest.NewRequest("POST", "/x", untouched{t})
		if got := send(h, r); got.Code != 503 || got.Header().Get("Retry-After") == "" {
			t.Errorf("third: got %d, want 503 with Retry-After", got.Code)
		}
		close(release)
		if a, b := <-codes, <-codes; a != 200 || b != 200 {
			t.Errorf("first two: got %d and %d, want 200", a, b)
		}
		if got := send(h, httptest.NewRequest("POST", "/x", nil)); got.Code != 200 {
			t.Errorf("afterwards: got %d, want 200", got.Code)
		}
	})
}

// TestShedsMoreWork refuses what would be more work, and nothing else: what was begun can
// be looked at and called off.
func TestShedsMoreWork(t *testing.T) {
	busy := true
	h := door.Handler(door.Options{Refuse: func() bool { return busy }},
		door.Route{Pattern: "POST /work", Sheds: true, Handle: func(*http.Request) (door.Answer, error) { return door.Answer{}, nil }},
		door.Route{Pattern: "GET /work", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{}, nil }})
	got := send(h, httptest.NewRequest("POST", "/work", untouched{t}))
	if got.Code != 503 || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "problem:overloaded") {
		t.Errorf("more work: got %d %v %s, want 503 with Retry-After", got.Code, got.Header(), got.Body)
	}
	if got := send(h, httptest.NewRequest("GET", "/work", nil)); got.Code != 200 {
		t.Errorf("a look: got %d, want 200", got.Code)
	}
	busy = false
	if got := send(h, httptest.NewRequest("POST", "/work", nil)); got.Code != 200 {
		t.Errorf("afterwards: got %d, want 200", got.Code)
	}
}

// TestHalted refuses what nobody would do, whatever else is going on, and nothing else.
func TestHalted(t *testing.T) {
	halted := true
	h := door.Handler(door.Options{Halted: func() bool { return halted }, Refuse: func() bool { return halted }},
		door.Route{Pattern: "POST /work", Sheds: true, Handle: func(*http.Request) (door.Answer, error) { return door.Answer{}, nil }},
		door.Route{Pattern: "GET /work", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{}, nil }})
	got := send(h, httptest.NewRequest("POST", "/work", untouched{t}))
	if got.Code != 503 || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "problem:standstill") {
		t.Errorf("more work: got %d %v %s, want 503 with Retry-After", got.Code, got.Header(), got.Body)
	}
	if got := send(h, httptest.NewRequest("GET", "/work", nil)); got.Code != 200 {
		t.Errorf("a look: got %d, want 200", got.Code)
	}
	halted = false
	if got := send(h, httptest.NewRequest("POST", "/work", nil)); got.Code != 200 {
		t.Errorf("afterwards: got %d, want 200", got.Code)
	}
}

// TestStandBy shows that who only waits keeps nobody out, and gives its place back once.
func TestStandBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := door.Handler(door.Options{MaxInFlight: 2, MaxWork: 1},
			door.Route{Pattern: "POST /work", Sheds: true, Query: []string{"standby"}, Handle: func(r *http.Request) (door.Answer, error) {
				if r.URL.RawQuery == "standby=1" {
					door.StandBy(r)
					door.StandBy(r)
				}
				<-release
				return door.Answer{}, nil
			}},
			door.Route{Pattern: "GET /work", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{}, nil }})
		codes := make(chan int)
		for _, path := range []string{"/work?standby=1", "/work?standby=1", "/work?standby=1", "/work"} {
			go func() { codes <- send(h, httptest.NewRequest("POST", path, nil)).Code }()
			synctest.Wait()
		}
		if got := send(h, httptest.NewRequest("POST", "/work", nil)); got.Code != 503 {
			t.Errorf("work beside work: got %d, want 503", got.Code)
		}
		if got := send(h, httptest.NewRequest("GET", "/work", nil)); got.Code != 200 {
			t.Errorf("a look beside work: got %d, want 200", got.Code)
		}
		close(release)
		for range 4 {
			if code := <-codes; code != 200 {
				t.Errorf("got %d, want 200", code)
			}
		}
	})
}

// untouched is a body that must not be read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body of a request that is shed was read")
	return 0, errors.New("not to be read")
}

func TestRequestEndsWithItsTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := door.Handler(door.Options{}, door.Route{Pattern: "GET /x", Handle: func(r *http.Request) (door.Answer, error) {
			<-r.Context().Done()
			return door.Answer{}, r.Context().Err()
		}})
		start := time.Now()
		got := send(h, httptest.NewRequest("GET", "/x", nil))
		if got.Code != 503 || time.Since(start) != time.Minute {
			t.Errorf("got %d after %v, want 503 after a minute", got.Code, time.Since(start))
		}
	})
}

func TestMetrics(t *testing.T) {
	reader := metric.NewManualReader()
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("door")
	h := door.Handler(door.Options{Meter: meter}, says("GET /x/{id}", door.Answer{}, nil))
	for _, path := range []string{"/x/1", "/x/2", "/y/1"} {
		send(h, httptest.NewRequest("GET", path, nil))
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, p := range all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints {
		route, _ := p.Attributes.Value("http.route")
		status, _ := p.Attributes.Value("http.response.status_code")
		got[route.AsString()+" "+status.AsString()] = p.Count
	}
	if got["GET /x/{id} 200"] != 2 || got[" 404"] != 1 || len(got) != 2 {
		t.Errorf("got %v, want two of the route and one of none", got)
	}
}

// documentOf reads an answer as the problem document that it must be.
func documentOf(t *testing.T, w *httptest.ResponseRecorder) (p door.Problem) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type: got %q, want a problem document", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Title == "" || p.Type == "" || p.Detail == "" || p.Status != w.Code {
		t.Errorf("%d is not a problem document: %s, %v", w.Code, w.Body, err)
	}
	return p
}
