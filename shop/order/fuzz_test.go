package order

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
)

// Whatever is sent as an order: it is the client's fault, or it is accepted, with its
// sums right and everything within its bounds. Nothing else, and what is refused leaves
// no order.
func FuzzOrder(f *testing.F) {
	for _, seed := range []string{
		laptops, `{}`, `{"userId":"1"}`, `{"userId":"1","items":[]}`, `{"userId":"3","productId":"1","quantity":1}`, `{"userId":"1","productId":"9","quantity":1}`,
		`{"userId":"1","productId":"1","quantity":0}`, `{"userId":"1","productId":"1","quantity":-1}`, `{"userId":"1","productId":"1","quantity":1000001}`,
		`{"userId":"1","productId":"1","quantity":2.5}`, `{"userId":"1","productId":"1","quantity":1e3}`, `{"userId":"1","productId":"1","quantity":9223372036854775807}`,
		`{"userId":"1","productId":"4","quantity":7}`, `{"userId":"1","productId":"4","quantity":8}`, `{"userId":"1","items":[{"productId":"4","quantity":7},{"productId":"4","quantity":7}]}`,
		`{"userId":"2","items":[{"productId":"1","quantity":1000000},{"productId":"1","quantity":1},{"productId":"2","quantity":3}],"currency":"USD"}`,
		`{"userId":"1","items":[{"productId":"1","quantity":1},{"productId":"3","quantity":1}]}`, `{"userId":"1","productId":"3","quantity":1,"currency":"USD"}`,
		`{"id":"a","userId":"1","productId":"1","quantity":2}`, `{"id":"..","userId":"1","productId":"1","quantity":2}`, `{"id":"a","userId":"1","productId":"1","quantity":3}`,
		`{"userId":"1","productId":"1","quantity":1,"style":"choreographed","payment":{"method":"declined"}}`, `{"userId":"1","productId":"1","quantity":1,"style":"parallel"}`,
		`{"userId":"1","productId":"1","quantity":1,"items":[{"productId":"1","quantity":1}]}`, `{"userId":"1","productId":"\u0000","quantity":1}`, "{\"userId\":\"1\xff\"}",
		`{"userId":"1","items":[` + strings.Repeat(`{"productId":"1","quantity":1},`, 100) + `{"productId":"1","quantity":1}]}`,
	} {
		f.Add(seed)
	}
	goods := shelf{{ID: "1", Name: "Laptop", Price: 120000, Currency: "USD"}, {ID: "2", Name: "Mouse", Price: 1999, Currency: "USD"},
		{ID: "3", Name: "Tea", Price: 500, Currency: "JPY"}, {ID: "4", Name: "Yacht", Price: 1 << 60, Currency: "USD"}}
	s := &Service{DB: database(f), Catalogue: goods, Users: goods}
	h := door.Handler(door.Options{}, s.Routes()...)
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest("POST", "/api/orders", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		before := s.count(t, `SELECT count(*) FROM orders`)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		more := s.count(t, `SELECT count(*) FROM orders`) - before
		if w.Code != http.StatusAccepted {
			if w.Code < 400 || w.Code > 499 || more != 0 {
				t.Fatalf("%q: %d %s, and %d orders more", text, w.Code, w.Body, more)
			}
			return
		}
		var d document
		if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || more > 1 {
			t.Fatalf("%q: %s, %v, and %d orders more", text, w.Body, err, more)
		}
		check(t, text, goods, d)
	})
}

// check fails the test unless an accepted order is within its bounds.
func check(t *testing.T, text string, goods shelf, d document) {
	t.Helper()
	var total int64
	for _, l := range d.Items {
		unit := must(t, l.UnitPrice, d.Currency)
		if !known(goods, l.ProductID, unit, d.Currency) || l.Quantity < 1 || l.Quantity > maxQuantity {
			t.Errorf("%q: a line %+v", text, l)
		}
		sum := must(t, l.Total, d.Currency)
		if sum/l.Quantity != unit || sum%l.Quantity != 0 || total+sum < total {
			t.Errorf("%q: a sum %+v", text, l)
		}
		total += sum
	}
	if n := len(d.Items); n < 1 || n > maxLines || must(t, d.Total, d.Currency) != total || d.Status != Pending || !door.ValidID(d.ID) {
		t.Errorf("%q: accepted %+v", text, d)
	}
}

func known(goods shelf, id string, price int64, currency string) bool {
	for _, p := range goods {
		if p == (contract.Product{ID: id, Name: p.Name, Price: price, Currency: currency}) {
			return true
		}
	}
	return false
}

// must reads an amount that is too large for money.Parse as well.
func must(t *testing.T, text, currency string) (minor int64) {
	t.Helper()
	one := int64(len(money.Format(0, currency))) // 0.00 or 0
	digits := strings.Replace(text, ".", "", 1)
	if err := json.Unmarshal([]byte(strings.TrimLeft(digits, "0")), &minor); err != nil || one > 1 && len(text)-strings.Index(text, ".") != int(one)-1 {
		t.Fatalf("%q is no amount: %v", text, err)
	}
	return minor
}
