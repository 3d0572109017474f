package product

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A shop is the product service behind its door.
type shop struct {
	http.Handler
	*Service
}

func behind(db *store.DB) shop {
	s := &Service{DB: db}
	return shop{door.Handler(door.Options{}, s.Routes()...), s}
}

func (s shop) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func fieldsOf(t testing.TB, err error) []door.Field {
	t.Helper()
	var p *door.Problem
	if err != nil && !errors.As(err, &p) {
		t.Fatalf("got %v, want a problem", err)
	}
	if p == nil {
		return nil
	}
	return p.Errors
}

func TestCreate(t *testing.T) { databases.Each(t, "product", Migrations(), testCreate) }

func testCreate(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for _, c := range []struct{ body, want string }{
		{`{"name": "Laptop", "price": 1200}`, `"name":"Laptop","price":"1200.00","currency":"USD","createdAt"`},
		{`{"name":"A","price":"0.10","stock":0,"description":"d","category":"c"}`,
			`"name":"A","price":"0.10","currency":"USD","stock":0,"description":"d","category":"c","createdAt"`},
		{`{"name":"B","price":1200.5,"currency":"EUR"}`, `"price":"1200.50","currency":"EUR"`},
		{`{"name":"C","price":1200,"currency":"JPY"}`, `"price":"1200","currency":"JPY"`},
		{`{"id":"my.id_1-2","name":"D","price":1}`, `"id":"my.id_1-2"`},
	} {
		made := s.do("POST", "/api/products", c.body)
		if made.Code != 201 || !strings.Contains(made.Body.String(), c.want) {
			t.Errorf("%s: got %d %s, want 201 %s", c.body, made.Code, made.Body, c.want)
		}
		got := s.do("GET", made.Header().Get("Location"), "")
		if got.Code != 200 || got.Body.String() != made.Body.String() {
			t.Errorf("read: got %d %s, want 200 %s", got.Code, got.Body, made.Body)
		}
	}
}

func TestSameCreateAgain(t *testing.T) {
	databases.Each(t, "product", Migrations(), testSameCreateAgain)
}

func testSameCreateAgain(t *testing.T, open func() *store.DB) {
	s := behind(open())
	const body = `{"id":"p","name":"A","price":%s,"stock":%s}`
	first := s.do("POST", "/api/products", fmt.Sprintf(body, `5`, `3`))
	again := s.do("POST", "/api/products", fmt.Sprintf(body, `"5.00"`, `3`))
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() {
		t.Errorf("got %d %s, then %d %s; want 201 and the same", first.Code, first.Body, again.Code, again.Body)
	}
	for _, other := range []string{fmt.Sprintf(body, `5.01`, `3`), fmt.Sprintf(body, `5`, `4`), `{"id":"p","name":"A","price":5}`} {
		if got := s.do("POST", "/api/products", other); got.Code != 409 {
			t.Errorf("%s: got %d %s, want 409", other, got.Code, got.Body)
		}
	}
}

// The create is what was created, not what became of it.
func TestSameCreateOfWhatWasChanged(t *testing.T) {
	databases.Each(t, "product", Migrations(), testSameCreateOfWhatWasChanged)
}

func testSameCreateOfWhatWasChanged(t *testing.T, open func() *store.DB) {
	const body = `{"id":%q,"name":"A","price":5,"stock":3,"description":"d","category":"c"}`
	s := behind(open())
	for name, to := range map[string]struct{ change, now string }{
		"price":       {`{"price":6}`, `{"id":%q,"name":"A","price":6,"stock":3,"description":"d","category":"c"}`},
		"name":        {`{"name":"B"}`, `{"id":%q,"name":"B","price":5,"stock":3,"description":"d","category":"c"}`},
		"description": {`{"description":null}`, `{"id":%q,"name":"A","price":5,"stock":3,"category":"c"}`},
		"category":    {`{"category":"e"}`, `{"id":%q,"name":"A","price":5,"stock":3,"description":"d","category":"e"}`},
	} {
		t.Run(name, func(t *testing.T) {
			first := s.do("POST", "/api/products", fmt.Sprintf(body, name))
			if got := s.do("PATCH", "/api/products/"+name, to.change); first.Code != 201 || got.Code != 200 {
				t.Fatal(first.Body, got.Body)
			}
			changed := s.do("GET", "/api/products/"+name, "").Body.String()
			again := s.do("POST", "/api/products", fmt.Sprintf(body, name))
			if again.Code != 201 || again.Body.String() != first.Body.String() || again.Header().Get("Location") != first.Header().Get("Location") {
				t.Errorf("got %d %s, want 201 %s", again.Code, again.Body, first.Body)
			}
			// Whoever changes it by this answer has not seen what it is.
			if got := s.do("PATCH", "/api/products/"+name, `{"name":"Z"}`, "If-Match", again.Header().Get("ETag")); got.Code != 412 {
				t.Errorf("a change of the first version: got %d %s, want 412", got.Code, got.Body)
			}
			if got := s.do("POST", "/api/products", fmt.Sprintf(to.now, name)); got.Code != 409 || !strings.Contains(got.Body.String(), "id_taken") {
				t.Errorf("as it is now: got %d %s, want 409 id_taken", got.Code, got.Body)
			}
			if got := s.do("GET", "/api/products/"+name, "").Body.String(); got != changed {
				t.Errorf("it is %s now, and was %s", got, changed)
			}
		})
	}
}

func TestList(t *testing.T) { databases.Each(t, "product", Migrations(), testList) }

func testList(t *testing.T, open func() *store.DB) {
	s := behind(open())
	var want []string
	for i := range 25 {
		id := fmt.Sprintf("p%d", 25-i) // identifiers do not grow: the order is that of creation
		want = append(want, id)
		if got := s.do("POST", "/api/products", fmt.Sprintf(`{"id":%q,"name":"N","price":1}`, id)); got.Code != 201 {
			t.Fatal(got.Body)
		}
	}
	var got []string
	pages, next := 0, "start"
	for next != "" {
		page := s.page(t, "?limit=10"+from(next))
		for _, p := range page.Items {
			got = append(got, p.ID)
		}
		next = page.Next
		pages++
	}
	// More than three pages if somebody else's transactions on the server take long.
	if !slices.Equal(got, want) || pages < 3 {
		t.Errorf("got %v on %d pages, want %v on 3", got, pages, want)
	}
	if page := s.page(t, "?limit=25"); page.Next != "" {
		t.Errorf("the last page has a next, %s", page.Next)
	}
}

// A transaction in progress has drawn a place that lists would pass by.
func TestListWaitsForTransactionsInProgress(t *testing.T) {
	databases.Each(t, "product", Migrations(), testListWaitsForTransactionsInProgress)
}

func testListWaitsForTransactionsInProgress(t *testing.T, open func() *store.DB) {
	s := behind(open())
	if s.DB.Alone() {
		t.Skip("this database has one transaction at a time: none can be in progress")
	}
	drawn, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := s.DB.Update(t.Context(), []string{"product:slow"}, func(tx *store.Tx) error {
			_, err := create(tx, Product{ID: "slow", Name: "N", Price: 1, Currency: "USD"})
			close(drawn)
			<-release
			return err
		})
		done <- err
	}()
	<-drawn
	for _, id := range []string{"a", "b"} {
		if got := s.do("POST", "/api/products", fmt.Sprintf(`{"id":%q,"name":"N","price":1}`, id)); got.Code != 201 {
			t.Fatal(got.Body)
		}
	}
	if page := s.page(t, ""); len(page.Items) != 2 || page.Next != "" {
		t.Errorf("last page: got %v, want all that there is", page)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if page, _, err := s.list(short, query{limit: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v: a page that passes by what is in progress", page, err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	page := s.page(t, "?limit=1")
	for len(page.Items) == 0 && t.Context().Err() == nil { // somebody else's transactions
		page = s.page(t, "?limit=1&cursor="+page.Next)
	}
	if len(page.Items) != 1 || page.Items[0].ID != "slow" {
		t.Errorf("got %v, want the one that was in progress", page)
	}
}

func (s shop) page(t testing.TB, query string) (page door.List[body]) {
	t.Helper()
	w := s.do("GET", "/api/products"+query, "")
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.Items == nil {
		t.Fatalf("%s: got %d %s, %v", query, w.Code, w.Body, err)
	}
	return page
}

func TestLookup(t *testing.T) { databases.Each(t, "product", Migrations(), testLookup) }

func testLookup(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for range 2 {
		if err := s.Demo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Lookup(t.Context(), []string{"1", "none", "8", "a b", "8", "\x00"})
	slices.SortFunc(got, func(a, b contract.Product) int { return strings.Compare(a.ID, b.ID) })
	want := []contract.Product{{ID: "1", Name: "Laptop", Price: 120000, Currency: "USD"}, {ID: "8", Name: "Gift Card", Price: 5000, Currency: "USD"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := s.Lookup(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nothing: got %v, %v", got, err)
	}
}

func TestDemoSaysEachProductOnce(t *testing.T) {
	databases.Each(t, "product", Migrations(), testDemoSaysEachProductOnce)
}

func testDemoSaysEachProductOnce(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for range 2 {
		if err := s.Demo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var events, tracked int
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Row([]any{&events}, `SELECT COUNT(*) FROM journal WHERE kind = 'ProductCreated'`); err != nil {
			return err
		}
		_, err := tx.Row([]any{&tracked}, `SELECT COUNT(stock) FROM product`)
		return err
	})
	if err != nil || events != 8 || tracked != 7 {
		t.Errorf("got %d events and %d tracked products, %v; want 8 and 7", events, tracked, err)
	}
}

func TestBadRequests(t *testing.T) { databases.Each(t, "product", Migrations(), testBadRequests) }

func testBadRequests(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/products", ``, 400},
		{"POST", "/api/products", `{"name":"A","price":1,"prize":1}`, 400},
		{"POST", "/api/products", `{"name":"A","price":1,"Price":2}`, 400},
		{"POST", "/api/products", `{"name":"A","price":null}`, 400},
		{"POST", "/api/products", `{"name":"A","price":true}`, 400},
		{"POST", "/api/products", `{"name":"A","price":1,"stock":1.5}`, 400},
		{"POST", "/api/products", `{"name":"A","price":1,"stock":null}`, 400},
		{"POST", "/api/products", `{"name":"A","price":01}`, 400},
		{"POST", "/api/products", `{"name":"A","price":NaN}`, 400},
		{"POST", "/api/products", `{"name":"A","price":1}x`, 400},
		{"POST", "/api/products", `{"name":"A"}`, 422},
		{"POST", "/api/products", `{"name":"A","price":""}`, 422},
		{"POST", "/api/products", `{"name":"A","price":0}`, 422},
		{"POST", "/api/products", `{"name":"A","price":-1}`, 422},
		{"POST", "/api/products", `{"name":"A","price":"-1"}`, 422},
		{"POST", "/api/products", `{"name":"A","price":1e400}`, 422},
		{"POST", "/api/products", `{"name":"A","price":1.005}`, 422},
		{"POST", "/api/products", `{"name":"A","price":"NaN"}`, 422},
		{"POST", "/api/products", `{"name":"A","price":1000000000}`, 422},
		{"POST", "/api/products", `{"name":"A","price":1,"stock":99999999999999999999}`, 422},
		{"POST", "/api/products", `{"name":"A","price":1,"currency":"XYZ"}`, 422},
		{"POST", "/api/products", `{"id":"categories","name":"A","price":1}`, 422},
		{"GET", "/api/products/none", ``, 404},
		{"GET", "/api/products/%00", ``, 404},
		{"GET", "/api/products?limit=0", ``, 400},
		{"GET", "/api/products?limit=1001", ``, 400},
		{"GET", "/api/products?limit=x", ``, 400},
		{"GET", "/api/products?limit=", ``, 400},
		{"GET", "/api/products?cursor=!", ``, 400},
		{"GET", "/api/products?cursor=" + door.Cursor("x"), ``, 400},
		{"GET", "/api/products?cursor=" + door.Cursor("-1"), ``, 400},
		{"GET", "/api/products?query=%00", ``, 400},
		{"GET", "/api/products?category=%ff", ``, 400},
		{"GET", "/api/products?query=" + strings.Repeat("a", 201), ``, 422},
	} {
		got := s.do(c.method, c.path, c.body)
		if got.Code != c.want || got.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.60s %s: got %d %s, want %d", c.method, c.path, c.body, got.Code, got.Body, c.want)
		}
	}
}

func TestTypesOfProblems(t *testing.T) {
	databases.Each(t, "product", Migrations(), testTypesOfProblems)
}

func testTypesOfProblems(t *testing.T, open func() *store.DB) {
	s := behind(open())
	for body, want := range map[string]string{
		`{"price":1}`:                          "no-name",
		`{"name":"A"}`:                         "no-price",
		`{"name":"A","price":"1e2"}`:           "bad-price",
		`{"name":"A","price":0}`:               "price-out-of-range",
		`{"name":"A","price":1,"stock":-1}`:    "stock-out-of-range",
		`{"name":"A","price":1,"currency":""}`: "unknown-currency",
		`{}`:                                   "not-acceptable",
	} {
		if got := s.do("POST", "/api/products", body); got.Code != 422 || !strings.Contains(got.Body.String(), `"urn:tidewire:problem:`+want+`"`) {
			t.Errorf("%s: got %d %s, want 422 %s", body, got.Code, got.Body, want)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	d, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "product.db"), Migrations())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s := behind(store.Open("product", d))
	if err := s.Demo(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got, err := s.Lookup(b.Context(), []string{"1"}); err != nil || len(got) != 1 {
			b.Fatal(got, err)
		}
	}
}
