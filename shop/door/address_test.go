package door_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

// What a database would choke on is refused before any route sees it.
func TestMalformedAddresses(t *testing.T) {
	h := door.Handler(door.Options{}, door.Route{Pattern: "GET /things/{id}", Query: []string{"limit", "cursor", "user"}, Handle: func(r *http.Request) (door.Answer, error) {
		return door.Answer{Status: http.StatusOK, Body: r.PathValue("id")}, nil
	}})
	for _, tt := range []struct {
		address string
		want    int
	}{
		{"/things/a", 200},
		{"/things/a%20b?limit=1&cursor=x", 200},
		{"/things/a?", 200},
		{"/things/a?&", 200},
		{"/things/%00", 404},
		{"/things/%ff", 404},
		{"/things/a?limit=%zz", 400},
		{"/things/a?limit=1&limit=2", 400},
		{"/things/a?user=%00", 400},
		{"/things/a?user=%ff", 400},
		{"/things/a?%ff=1", 400},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.address, nil))
		if w.Code != tt.want {
			t.Errorf("GET %s: %d %s; want %d", tt.address, w.Code, w.Body, tt.want)
		}
	}
}

// A parameter that a route does not have, or an empty one, is named.
func TestParametersOfARoute(t *testing.T) {
	things := func(*http.Request) (door.Answer, error) { return door.Answer{Body: "things"}, nil }
	h := door.Handler(door.Options{}, door.Route{Pattern: "GET /things", Handle: things, Query: []string{"user", "limit"}},
		door.Route{Pattern: "POST /things", Handle: things})
	for _, tt := range []struct{ method, query, cause, field string }{
		{"GET", "", "", ""},
		{"GET", "user=1&limit=2", "", ""},
		{"GET", "User=1", "unknown-parameter", "User"},
		{"GET", "user=1&USER=1", "unknown-parameter", "USER"},
		{"GET", "b=1&a=1", "unknown-parameter", "a"},
		{"GET", "user+=1", "unknown-parameter", "user "},
		{"GET", "=1", "unknown-parameter", ""},
		{"GET", "user=", "empty-parameter", "user"},
		{"GET", "limit", "empty-parameter", "limit"},
		{"GET", "limit=1&user=", "empty-parameter", "user"},
		{"GET", "user=1&user=1", "bad-parameter", "user"},
		{"POST", "user=1", "unknown-parameter", "user"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, "/things?"+tt.query, nil))
		if tt.cause == "" {
			if w.Code != http.StatusOK {
				t.Errorf("%s ?%s: %d %s; want 200", tt.method, tt.query, w.Code, w.Body)
			}
			continue
		}
		var p door.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusBadRequest || p.Type != "urn:tidewire:problem:"+tt.cause || len(p.Errors) != 1 || p.Errors[0].Field != tt.field {
			t.Errorf("%s ?%s: %d %s; want 400 %s of %q", tt.method, tt.query, w.Code, w.Body, tt.cause, tt.field)
		}
	}
}
