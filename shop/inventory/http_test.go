package inventory

import (
	"encoding/json"
	"fmt"
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
	s.hears(t, "full", contract.ProductCreated{ProductID: "full", Stock: new(int64(maxOnHand)), Price: 99_999_999_999, Currency: "USD"})
	s.hears(t, "o", payment("o", line("a", 4)))
	const adjust, restock = "/api/inventory/a/adjust", "/api/inventory/a/restock"
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string // in the answer
	}{
		{"GET", "/api/inventory/a", "", 200, `{"productId":"a","onHand":10,"reserved":4,"available":6,"tracked":true,"value":"25.00","currency":"USD"}`},
		{"GET", "/api/inventory/c", "", 200, `{"productId":"c","onHand":0,"reserved":0,"available":0,"tracked":false,"value":"0","currency":"JPY"}`},
		{"GET", "/api/inventory/full", "", 200, `"value":"9007199254650919007452590.09"`},
		{"GET", "/api/inventory/nothing", "", 404, `no-such-product`},
		{"GET", "/api/inventory/a%20b", "", 404, `no-such-product`},
		{"GET", "/api/inventory/nothing/movements", "", 404, `no-such-product`},
		{"GET", "/api/inventory/a/movements?cursor=!", "", 400, `bad-cursor`},
		{"GET", "/api/inventory/a/movements?cursor=" + door.Cursor("x"), "", 400, `bad-cursor`},
		{"GET", "/api/inventory/a/movements?limit=0", "", 400, `bad-limit`},
		{"GET", "/api/inventory/c/movements", "", 200, `{"items":[]}`},
		{"POST", restock, `{"quantity":3}`, 200, `{"productId":"a","onHand":13,"reserved":4,"available":9,"tracked":true,"value":"32.50","currency":"USD"}`},
		{"POST", restock, `{"quantity":0}`, 422, `quantity-out-of-range`},
		{"POST", restock, `{}`, 422, `"field":"quantity"`},
		{"POST", restock, `{"quantity":1000001}`, 422, `"field":"quantity"`},
		{"POST", restock, `{"quantity":1.5}`, 400, `"field":"quantity"`},
		{"POST", "/api/inventory/nothing/restock", `{"quantity":1}`, 404, `"detail":"There is no such product."`},
		{"POST", "/api/inventory/c/restock", `{"quantity":1}`, 409, `"reason":"not_tracked"`},
		{"POST", "/api/inventory/full/restock", `{"quantity":1}`, 409, `"reason":"too_much"`},
		{"POST", adjust, `{"quantity":-10,"reason":"the cellar was wet"}`, 409, `"reason":"not_available"`},
		{"POST", adjust, `{"quantity":-9,"reason":"the cellar was wet"}`, 200, `"onHand":4,"reserved":4,"available":0`},
		{"POST", adjust, `{"quantity":-1,"reason":"the cellar was wet"}`, 409, `"reason":"not_available"`},
		{"POST", adjust, `{"quantity":2,"reason":"` + strings.Repeat("ü", 200) + `"}`, 200, `"onHand":6`},
		{"POST", adjust, `{"quantity":2,"reason":"` + strings.Repeat("ü", 201) + `"}`, 422, `bad-reason`},
		{"POST", adjust, `{"quantity":2,"reason":" "}`, 422, `bad-reason`},
		{"POST", adjust, `{"quantity":2,"reason":"one\ntwo"}`, 422, `bad-reason`},
		{"POST", adjust, `{"quantity":2}`, 422, `"field":"reason"`},
		{"POST", adjust, `{"quantity":0,"reason":"none"}`, 422, `quantity-out-of-range`},
		{"POST", adjust, `{"quantity":-1000001,"reason":"all"}`, 422, `quantity-out-of-range`},
		{"POST", adjust, `{}`, 422, `"field":"reason"`},
		{"POST", adjust, `{"quantity":2,"why":"x"}`, 400, `unknown-field`},
		{"POST", "/api/inventory/nothing/adjust", `{"quantity":1,"reason":"x"}`, 404, `no-such-product`},
		{"POST", "/api/inventory/c/adjust", `{"quantity":1,"reason":"x"}`, 409, `"reason":"not_tracked"`},
		{"POST", "/api/inventory/full/adjust", `{"quantity":1,"reason":"x"}`, 409, `"reason":"too_much"`},
	} {
		status, text := s.ask(t, c.method, c.target, c.body)
		if status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s %s: %d %s; want %d %s", c.method, c.target, c.body, status, text, c.status, c.want)
		}
	}
	s.checkSound(t)
}

// The value of what is there follows the price.
func TestValueFollowsThePrice(t *testing.T) {
	s := start(t)
	s.hears(t, "a", contract.ProductPriceUpdated{ProductID: "a", Price: 301, OldPrice: 250, Currency: "USD"})
	if _, text := s.ask(t, "GET", "/api/inventory/a", ""); !strings.Contains(text, `"value":"30.10"`) {
		t.Errorf("%s; want ten of 3.01", text)
	}
	s.hears(t, "a", contract.ProductCreated{ProductID: "a", Stock: new(int64(10)), Price: 250, Currency: "USD"})
	s.hears(t, "never", contract.ProductPriceUpdated{ProductID: "never", Price: 1})
	if _, text := s.ask(t, "GET", "/api/inventory/a", ""); !strings.Contains(text, `"value":"30.10"`) {
		t.Errorf("%s; a word that is doubled has taken the price back", text)
	}
	if status, _ := s.ask(t, "GET", "/api/inventory/never", ""); status != 404 {
		t.Errorf("%d; a price made a product known", status)
	}
}

// All pages together are every movement, the last one first, and sum to the stock.
func TestMovementsInPages(t *testing.T) {
	s := start(t)
	s.hears(t, "o", payment("o", line("a", 4)), contract.OrderCompleted{OrderID: "o"})
	s.hears(t, "p", payment("p", line("a", 1)), contract.OrderFailed{OrderID: "p"})
	s.comes(t, 5, "a")
	if status, text := s.ask(t, "POST", "/api/inventory/a/adjust", `{"quantity":-2,"reason":"broken"}`); status != 200 {
		t.Fatal(status, text)
	}
	for _, limit := range []string{"1", "2", "4", "50"} {
		var got []string
		sum := int64(0)
		for target := "/api/inventory/a/movements?limit=" + limit; target != ""; {
			status, text := s.ask(t, "GET", target, "")
			var page door.List[entry]
			if err := json.Unmarshal([]byte(text), &page); status != 200 || err != nil {
				t.Fatalf("%s: %d %s (%v)", target, status, text, err)
			}
			for _, e := range page.Items {
				if e.At.IsZero() {
					t.Errorf("%v has no time", e)
				}
				sum += e.Quantity
				got = append(got, fmt.Sprintf("%s %d %s %s → %d", e.Kind, e.Quantity, e.OrderID, e.Reason, e.Balance))
			}
			if target = ""; page.Next != "" {
				target = "/api/inventory/a/movements?limit=" + limit + "&cursor=" + page.Next
			}
		}
		want := []string{"adjustment -2  broken → 9", "restock 5   → 11", "shipped -4 o  → 6", "initial 10   → 10"}
		if !reflect.DeepEqual(got, want) || sum != s.onHand(t, "a") {
			t.Errorf("by %s: %q, in all %d; want %q", limit, got, sum, want)
		}
	}
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

func TestAdjustOncePerKey(t *testing.T) {
	s := start(t)
	for range 3 {
		status, text := s.ask(t, "POST", "/api/inventory/a/adjust", `{"quantity":-5,"reason":"lost"}`, "Idempotency-Key: k")
		if status != 200 || !strings.Contains(text, `"onHand":5`) {
			t.Errorf("%d %s", status, text)
		}
	}
	if got := s.onHand(t, "a"); got != 5 {
		t.Errorf("%d on hand, want 5", got)
	}
	s.checkSound(t)
}

func TestDecidesOnOrderAndProducts(t *testing.T) {
	if got, want := rows("o", lines("a", "b")), []string{"o", "a", "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
