package door_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

// What a database would choke on is refused before any route sees it.
func TestMalformedAddresses(t *testing.T) {
	h := door.Handler(door.Options{}, door.Route{Pattern: "GET /things/{id}", Handle: func(r *http.Request) (door.Answer, error) {
		return door.Answer{Status: http.StatusOK, Body: r.PathValue("id")}, nil
	}})
	for _, tt := range []struct {
		address string
		want    int
	}{
		{"/things/a", 200},
		{"/things/a%20b?limit=1&cursor=x", 200},
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
