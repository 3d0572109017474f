package product

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// said returns the bodies of the events of a kind, in order.
func (s shop) said(t testing.TB, kind string) (bodies []string) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT body FROM journal WHERE kind = $1 ORDER BY seq`, []any{kind}, func(scan func(...any) error) error {
			var b []byte
			err := scan(&b)
			bodies = append(bodies, string(b))
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}

// from asks for the page behind a cursor, or from the start.
func from(next string) string {
	if next == "start" {
		return ""
	}
	return "&cursor=" + next
}

// costs returns the history of a product's price, page by page.
func (s shop) costs(t testing.TB, id string, limit int) (all []string) {
	t.Helper()
	for next := "start"; next != ""; {
		w := s.do("GET", fmt.Sprintf("/api/products/%s/prices?limit=%d", id, limit)+from(next), "")
		var page door.List[priceBody]
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || len(page.Items) > limit {
			t.Fatalf("prices: got %d %s, %v", w.Code, w.Body, err)
		}
		for _, p := range page.Items {
			all = append(all, p.Price+" "+p.Currency)
		}
		next = page.Next
	}
	return all
}

func (s shop) make(t testing.TB, body string) {
	t.Helper()
	if got := s.do("POST", "/api/products", body); got.Code != 201 {
		t.Fatalf("%s: got %d %s", body, got.Code, got.Body)
	}
}

const mergePatch = "application/merge-patch+json"

func TestPatch(t *testing.T) { databases.Each(t, "product", Migrations(), testPatch) }

func testPatch(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"Laptop","price":1200,"stock":3,"description":"Grey.","category":"computers"}`)
	for _, step := range []struct {
		patch, want string // part of the answer
		version     int
	}{
		{`{}`, `"name":"Laptop","price":"1200.00","currency":"USD","stock":3,"description":"Grey.","category":"computers"`, 1},
		{`{"name":"Laptop","price":"1200.0"}`, `"price":"1200.00"`, 1},
		{`{"price":1100.5}`, `"name":"Laptop","price":"1100.50","currency":"USD","stock":3,"description":"Grey.","category":"computers"`, 2},
		{`{"price":"1100.50"}`, `"price":"1100.50"`, 2},
		{`{"description":null}`, `"stock":3,"category":"computers","createdAt"`, 3},
		{`{"description":null}`, `"stock":3,"category":"computers","createdAt"`, 3},
		{`{"category":null,"name":"Tablet","price":"1200"}`, `"name":"Tablet","price":"1200.00","currency":"USD","stock":3,"createdAt"`, 4},
		{`{"category":"tablets"}`, `"category":"tablets"`, 5},
	} {
		for _, kind := range []string{"application/json", mergePatch} { // the second time it is so already
			got := s.do("PATCH", "/api/products/p", step.patch, "Content-Type", kind)
			if got.Code != 200 || !strings.Contains(got.Body.String(), step.want) || got.Header().Get("ETag") != fmt.Sprintf(`"%d"`, step.version) {
				t.Errorf("%s: got %d %s %s, want 200 %s, version %d", step.patch, got.Code, got.Body, got.Header().Get("ETag"), step.want, step.version)
			}
			read := s.do("GET", "/api/products/p", "")
			if read.Body.String() != got.Body.String() || read.Header().Get("ETag") != got.Header().Get("ETag") {
				t.Errorf("%s: read %s %s, want %s", step.patch, read.Body, read.Header().Get("ETag"), got.Body)
			}
		}
	}
	if got, want := s.said(t, "ProductPriceUpdated"), []string{
		`{"productId":"p","price":110050,"oldPrice":120000,"currency":"USD"}`,
		`{"productId":"p","price":120000,"oldPrice":110050,"currency":"USD"}`,
	}; !slices.Equal(got, want) {
		t.Errorf("said of the price: %s, want %s", got, want)
	}
	if got, want := s.said(t, "ProductUpdated"), []string{
		`{"productId":"p","name":"Laptop","category":"computers"}`,
		`{"productId":"p","name":"Tablet"}`,
		`{"productId":"p","name":"Tablet","category":"tablets"}`,
	}; !slices.Equal(got, want) {
		t.Errorf("said of the rest: %s, want %s", got, want)
	}
	for _, limit := range []int{1, 2, 50} {
		if got, want := s.costs(t, "p", limit), []string{"1200.00 USD", "1100.50 USD", "1200.00 USD"}; !slices.Equal(got, want) {
			t.Errorf("prices, %d a page: %v, want %v", limit, got, want)
		}
	}
}

// The clock of a database may step back: a history does not.
func TestHistoryGoesOn(t *testing.T) {
	databases.Each(t, "product", Migrations(), testHistoryGoesOn)
}

func testHistoryGoesOn(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"A","price":1}`)
	if _, err := s.DB.Update(t.Context(), []string{"product:p"}, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE price SET at = at + 3600000000`)
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.do("PATCH", "/api/products/p", `{"price":2}`); got.Code != 200 {
		t.Fatal(got.Body)
	}
	_, entries, err := s.prices(t.Context(), "p", 0, 10)
	if err != nil || len(entries) != 2 || !entries[1].At.After(entries[0].At) {
		t.Errorf("got %v, %v, want two entries, one after the other", entries, err)
	}
}

func TestPatchOnce(t *testing.T) { databases.Each(t, "product", Migrations(), testPatchOnce) }

func testPatchOnce(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"A","price":1}`)
	patch := func(body, key string) (int, string) {
		w := s.do("PATCH", "/api/products/p", body, "Idempotency-Key", key)
		return w.Code, w.Body.String()
	}
	_, first := patch(`{"price":2}`, "one")
	if code, _ := patch(`{"price":3}`, "two"); code != 200 {
		t.Errorf("got %d", code)
	}
	if code, again := patch(`{"price":2}`, "one"); code != 200 || again != first {
		t.Errorf("repeated: got %d %s, want 200 %s", code, again, first)
	}
	if code, body := patch(`{"price":4}`, "one"); code != 422 || !strings.Contains(body, "idempotency-key-reused") {
		t.Errorf("another body under the key: got %d %s, want 422", code, body)
	}
	if got, want := s.costs(t, "p", 50), []string{"1.00 USD", "2.00 USD", "3.00 USD"}; !slices.Equal(got, want) {
		t.Errorf("prices %v, want %v", got, want)
	}
}

func TestIfMatch(t *testing.T) { databases.Each(t, "product", Migrations(), testIfMatch) }

func testIfMatch(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"A","price":1}`)
	var wg sync.WaitGroup
	codes := make([]int, 16) // all have seen the first version
	for i := range codes {
		wg.Go(func() {
			codes[i] = s.do("PATCH", "/api/products/p", fmt.Sprintf(`{"price":%d}`, i+2), "If-Match", `"1"`).Code
		})
	}
	wg.Wait()
	slices.Sort(codes)
	if codes[0] != 200 || codes[1] != 412 || codes[len(codes)-1] != 412 {
		t.Errorf("got %v, want 200 once, and 412", codes)
	}
	if got := s.costs(t, "p", 50); len(got) != 2 {
		t.Errorf("prices %v, want two", got)
	}
	late := s.do("PATCH", "/api/products/p", `{"name":"B"}`, "If-Match", `"1"`)
	if late.Code != 412 || late.Header().Get("ETag") != `"2"` {
		t.Errorf("got %d %s, want 412 with the version that there is", late.Code, late.Header().Get("ETag"))
	}
	if got := s.do("PATCH", "/api/products/p", `{"name":"B"}`, "If-Match", `"1", "2"`); got.Code != 200 {
		t.Errorf("got %d %s, want 200", got.Code, got.Body)
	}
}

// Of changes at the same moment none is lost: prices follow one another without a gap.
func TestPatchesAtOnce(t *testing.T) {
	databases.Each(t, "product", Migrations(), testPatchesAtOnce)
}

func testPatchesAtOnce(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"A","price":1}`)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if got := s.do("PATCH", "/api/products/p", fmt.Sprintf(`{"price":%d}`, i+2)); got.Code != 200 {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	}
	wg.Wait()
	p, entries, err := s.prices(t.Context(), "p", 0, 50)
	if err != nil || len(entries) != 17 || entries[16].N != 17 || entries[16].Price != p.Price || p.Version != 17 {
		t.Errorf("got version %d at %d with history %v, %v", p.Version, p.Price, entries, err)
	}
	var old int64 = 100
	for _, body := range s.said(t, "ProductPriceUpdated") {
		var e struct{ Price, OldPrice int64 }
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.OldPrice != old {
			t.Errorf("%s: the price before was %d, %v", body, old, err)
		}
		old = e.Price
	}
}

func TestBadPatches(t *testing.T) { databases.Each(t, "product", Migrations(), testBadPatches) }

func testBadPatches(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"A","price":1,"stock":1,"category":"c"}`)
	before := s.do("GET", "/api/products/p", "").Body.String()
	const at = "/api/products/p"
	for _, c := range []struct {
		path, body  string
		want        int
		cause, part string // the end of the type, and something that is said
	}{
		{at, ``, 400, "missing-body", ""},
		{at, `null`, 400, "null", ""},
		{at, `[{"op":"replace"}]`, 400, "wrong-type", "an object"},
		{at, `{"name":"A"`, 400, "not-json", ""},
		{at, `{"name":"B","name":"C"}`, 400, "duplicate-field", `"name"`},
		{at, `{"Name":"B"}`, 400, "unknown-field", `"Name"`},
		{at, `{"prize":1}`, 400, "unknown-field", `"prize"`},
		{at, `{"createdAt":"2020-01-01T00:00:00Z"}`, 400, "unknown-field", `"createdAt"`},
		{at, `{"name":null}`, 400, "null", `"name"`},
		{at, `{"price":null}`, 400, "null", `"price"`},
		{at, `{"stock":null}`, 400, "null", `"stock"`},
		{at, `{"name":5}`, 400, "wrong-type", `"name"`},
		{at, `{"price":true}`, 400, "wrong-type", `"price"`},
		{at, `{"description":5}`, 400, "wrong-type", `"description"`},
		{at, `{"category":["a"]}`, 400, "wrong-type", `"category"`},
		{at, `{"name":""}`, 422, "no-name", `"name"`},
		{at, `{"name":"a\r\nb"}`, 422, "bad-name", `"name"`},
		{at, `{"price":0}`, 422, "price-out-of-range", `"price"`},
		{at, `{"price":-1}`, 422, "bad-price", `"price"`},
		{at, `{"price":0.001}`, 422, "bad-price", `"price"`},
		{at, `{"price":"1e3"}`, 422, "bad-price", `"price"`},
		{at, `{"price":""}`, 422, "no-price", `"price"`},
		{at, `{"category":"a\u0007"}`, 422, "bad-category", `"category"`},
		{at, `{"id":"p"}`, 422, "cannot-be-changed", "another product"},
		{at, `{"currency":"EUR"}`, 422, "cannot-be-changed", "other currency"},
		{at, `{"stock":5}`, 422, "cannot-be-changed", "/restock"},
		{at, `{"name":"","currency":"EUR"}`, 422, "not-acceptable", `"currency"`},
		{"/api/products/none", `{"name":"B"}`, 404, "no-such-product", ""},
		{"/api/products/categories", `{"name":"B"}`, 404, "no-such-product", ""},
		{"/api/products/a%20b", `{"name":"B"}`, 404, "no-such-product", ""},
	} {
		got := s.do("PATCH", c.path, c.body)
		if got.Code != c.want || got.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(got.Body.String(), `"urn:tidewire:problem:`+c.cause+`"`) || !strings.Contains(got.Body.String(), c.part) {
			t.Errorf("%s %s: got %d %s, want %d %s with %s", c.path, c.body, got.Code, got.Body, c.want, c.cause, c.part)
		}
	}
	for name, want := range map[string]int{"application/json-patch+json": 415, "text/plain": 415, "": 415} {
		if got := s.do("PATCH", at, `{"name":"B"}`, "Content-Type", name); got.Code != want || got.Header().Get("Accept-Patch") == "" {
			t.Errorf("%s: got %d %v, want %d with the types that do", name, got.Code, got.Header(), want)
		}
	}
	if got := s.do("PATCH", at, `{"name":"B"}`, "If-Match", "1"); got.Code != 400 {
		t.Errorf("If-Match: got %d %s, want 400", got.Code, got.Body)
	}
	if after := s.do("GET", at, "").Body.String(); after != before {
		t.Errorf("got %s, it was %s", after, before)
	}
	if got := append(s.said(t, "ProductUpdated"), s.said(t, "ProductPriceUpdated")...); len(got) > 0 {
		t.Errorf("said %v of what was refused", got)
	}
}
