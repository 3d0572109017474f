package analytics

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

func TestPageOfNothing(t *testing.T) {
	_, got := start(t).page(t, "")
	const want = `{"totalOrders":0,"completed":0,"failed":0,"cancelled":0,"successRate":null,"failures":[],"revenue":[],"revenueByDay":[],"refunded":[],"topProducts":[],"users":0,"asOf":null}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPage(t *testing.T) {
	s := start(t)
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	s.hears(t, registers("1", day(-40)), lists("a", "Apple", day(-40)),
		of("1", "USD", day(-31)), completes("1", day(-30)),
		of("2", "USD", day(-30)), completes("2", day(-29)),
		of("3", "USD", noon), completes("3", noon),
		of("4", "JPY", noon), completes("4", noon),
		of("5", "USD", noon), fails("5", contract.TimedOut, noon),
		of("6", "EUR", noon), fails("6", contract.OutOfStock, noon), refunds("6", "EUR", noon),
		of("7", "USD", noon), fails("7", contract.OutOfStock, noon.Add(time.Second)),
		of("8", "USD", noon), cancels("8", noon), of("9", "USD", noon))
	const numbers = `"totalOrders":9,"completed":4,"failed":3,"cancelled":1,"successRate":0.5,"failures":[{"reason":"out_of_stock","orders":2},{"reason":"timed_out","orders":1}],` +
		`"revenue":[{"currency":"JPY","amount":"1250"},{"currency":"USD","amount":"37.50"}],`
	const rest = `"refunded":[{"currency":"EUR","amount":"12.50"}],`
	const today = `{"day":"2026-03-01","currency":"JPY","amount":"1250"},{"day":"2026-03-01","currency":"USD","amount":"12.50"}`
	const a, b = `{"productId":"a","name":"Apple","quantity":8,"price":"5.00","currency":"USD"}`, `{"productId":"b","name":"b","quantity":4}`
	const end = `"users":1,"asOf":"2026-03-01T12:00:01Z"}`
	for query, want := range map[string]string{
		"":              `{` + numbers + `"revenueByDay":[{"day":"2026-01-31","currency":"USD","amount":"12.50"},` + today + `],` + rest + `"topProducts":[` + a + `,` + b + `],` + end,
		"?days=1&top=1": `{` + numbers + `"revenueByDay":[` + today + `],` + rest + `"topProducts":[` + a + `],` + end,
		"?days=366":     `{` + numbers + `"revenueByDay":[{"day":"2026-01-30","currency":"USD","amount":"12.50"},{"day":"2026-01-31","currency":"USD","amount":"12.50"},` + today + `],` + rest + `"topProducts":[` + a + `,` + b + `],` + end,
	} {
		if _, got := s.page(t, query); got != want {
			t.Errorf("%s: got\n%s, want\n%s", query, got, want)
		}
	}
}

func TestParametersThatAreNone(t *testing.T) {
	s := start(t)
	for _, query := range []string{"days=0", "days=367", "days=-1", "days=1.5", "days=x", "days=%2B1", "top=0", "top=101", "days=3&top=99999999999999999999"} {
		w := httptest.NewRecorder()
		door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/analytics?"+query, nil))
		var got door.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != 400 || got.Type != "urn:tidewire:problem:bad-parameter" || len(got.Errors) != 1 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// A database that cannot answer is no page of zeros.
func TestPageWithoutADatabase(t *testing.T) {
	s := start(t)
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/analytics", nil))
	if w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Nothing that grows with the orders is read: the page is the same without them.
func TestPageIsOfCountersAlone(t *testing.T) {
	s := start(t)
	s.hears(t, story()...)
	want, _ := s.page(t, "?days=366")
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		for _, table := range []string{"sale", "refund", "customer"} {
			if err := tx.Exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.page(t, "?days=366"); !reflect.DeepEqual(got, want) || got.TotalOrders != 40 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
