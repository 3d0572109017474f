package inventory

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
)

func (s *Service) ask(t *testing.T, method, target, body string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestDoor(t *testing.T) {
	s := start(t)
	s.hears(t, "full", contract.ProductCreated{ProductID: "full", Stock: new(int64(maxOnHand))})
	s.hears(t, "o", paid("o", line("a", 4)))
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string // in the answer
	}{
		{"GET", "/api/inventory/a", "", 200, `{"productId":"a","onHand":6,"reserved":0,"available":6,"tracked":true}`},
		{"GET", "/api/inventory/c", "", 200, `{"productId":"c","onHand":0,"reserved":0,"available":0,"tracked":false}`},
		{"GET", "/api/inventory/nothing", "", 404, `no-such-product`},
		{"POST", "/api/inventory/a/restock", `{"quantity":3}`, 200, `{"productId":"a","onHand":9,"reserved":0,"available":9,"tracked":true}`},
		{"POST", "/api/inventory/a/restock", `{"quantity":0}`, 422, `quantity-out-of-range`},
		{"POST", "/api/inventory/a/restock", `{}`, 422, `"field":"quantity"`},
		{"POST", "/api/inventory/a/restock", `{"quantity":1000001}`, 422, `"field":"quantity"`},
		{"POST", "/api/inventory/a/restock", `{"quantity":1.5}`, 400, `"field":"quantity"`},
		{"POST", "/api/inventory/nothing/restock", `{"quantity":1}`, 404, `"detail":"There is no such product."`},
		{"POST", "/api/inventory/c/restock", `{"quantity":1}`, 409, `"reason":"not_tracked"`},
		{"POST", "/api/inventory/full/restock", `{"quantity":1}`, 409, `"reason":"too_much"`},
	} {
		status, text := s.ask(t, c.method, c.target, c.body)
		if status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s %s: %d %s; want %d %s", c.method, c.target, c.body, status, text, c.status, c.want)
		}
	}
	s.checkSound(t)
}

func TestRestockOncePerKey(t *testing.T) {
	s := start(t)
	for range 3 {
		if status, text := s.ask(t, "POST", "/api/inventory/a/restock", `{"quantity":5}`, "Idempotency-Key: k"); status != 200 || !strings.Contains(text, `"onHand":15`) {
			t.Errorf("%d %s", status, text)
		}
	}
	if got := s.onHand(t, "a"); got != 15 {
		t.Errorf("%d on hand, want 15", got)
	}
	s.checkSound(t)
}

func TestDecidesOnOrderAndProducts(t *testing.T) {
	if got, want := rows("o", lines("a", "b")), []string{"o", "a", "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
