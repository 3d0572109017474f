package product

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// finds returns the ids of what a search finds.
func (s shop) finds(t testing.TB, query, category string) (ids []string) {
	t.Helper()
	wanted := url.Values{"query": {query}, "category": {category}}
	maps.DeleteFunc(wanted, func(_ string, values []string) bool { return values[0] == "" })
	for _, p := range s.page(t, "?"+wanted.Encode()).Items {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestSearch(t *testing.T) { databases.Each(t, "product", Migrations(), testSearch) }

func testSearch(t *testing.T, open func() *store.DB) {
	s := behind(open())
	if err := s.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.make(t, `{"id":"x","name":"100% Cotton_Shirt!","price":1,"category":"c%"}`)
	s.make(t, `{"id":"y","name":"Café Crème","price":1,"description":"And not near or."}`)
	for _, c := range []struct {
		query, category string
		want            string
	}{
		{"", "", "1 2 3 4 5 6 7 8 x y"},
		{"  ", "", "1 2 3 4 5 6 7 8 x y"},
		{"laptop", "", "1"},
		{"lap", "", "1"},
		{"aptop", "", ""},
		{"MOUSE", "", "2"},
		{"runs out", "", "8"},
		{"out runs", "", "8"},
		{"laptop mouse", "", ""},
		{"kg", "", "6"},
		{"27", "", "4"},
		{"27-inch", "", "4"},
		{"inch", "", "1 4"},
		{"e-mail", "", "8"},
		{"cafe", "", "y"},
		{"CAFÉ", "", "y"},
		{"cre\u0300m", "", "y"},
		{"cotton_shirt", "", "x"},
		{"100%", "", "x"},
		{"%", "", ""},
		{"!", "", ""},
		{"AND", "", "2 y"},
		{"not near or and", "", "y"},
		{"", "kitchen", "6 7"},
		{"press", "kitchen", "7"},
		{"press", "audio", ""},
		{"", "c%", "x"},
		{"", "Kitchen", ""},
		{"kitchen", "", ""}, // a category has a filter of its own
	} {
		if got, want := s.finds(t, c.query, c.category), strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("query %q, category %q: got %v, want %v", c.query, c.category, got, want)
		}
	}
}

// What is syntax in FTS5, in a tsquery or in SQL is none in a query.
func TestSearchOfSyntax(t *testing.T) {
	databases.Each(t, "product", Migrations(), testSearchOfSyntax)
}

func testSearchOfSyntax(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"Plain Thing","price":1}`)
	for _, query := range []string{
		`"`, `'`, `''`, `\`, `*`, `**`, `:`, `^`, `+`, `-`, `(`, `)`, `{`, `}`, `&`, `|`, `<->`, `!`, `%`, `_`, `$1`, `?1`, `;`, `--`, `/*`,
		`plain"`, `"plain thing"`, `plain*`, `-plain`, `+plain`, `^plain`, `(plain`, `plain)`, `plain:*`, `!plain`,
		`plain & thing`, `plain <-> thing`, `plain\`, `'plain'`, `$$plain$$`, `plain;`, `/*plain*/`, "plain\u00a0thing", "\u2028plain", "plain\tthing",
	} {
		want := []string(nil)
		if strings.Contains(query, "plain") {
			want = []string{"p"}
		}
		if got := s.finds(t, query, ""); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", query, got, want)
		}
	}
	for _, query := range []string{
		`plain OR nothing`, `plain NOT nothing`, `NEAR(plain nothing)`, `words:plain`, `{words}: plain`, `plain:A`, `rowid:1`, `plain | nothing`, `'; DROP TABLE product; --`,
		`plain' OR '1'='1`, `found(1)`, `NULL`, "\u202eplain nothing",
	} {
		if got := s.finds(t, query, ""); got != nil {
			t.Errorf("%q: got %v, want none", query, got)
		}
	}
}

// A product is found by its new words, and not by the old.
func TestSearchFollowsPatches(t *testing.T) {
	databases.Each(t, "product", Migrations(), testSearchFollowsPatches)
}

func testSearchFollowsPatches(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"Walnut Table","price":1,"description":"Heavy.","category":"wood"}`)
	s.make(t, `{"id":"q","name":"Walnut Chair","price":1}`)
	for _, c := range []struct{ patch, found, lost string }{
		{`{"name":"Oak Table"}`, "oak", "walnut"},
		{`{"description":"Light and foldable."}`, "foldable", "heavy"},
		{`{"description":null}`, "oak", "light"},
		{`{"name":"Oak table","price":2}`, "table", "heavy"},
		{`{"name":"Äcker!"}`, "acker", "oak"},
	} {
		if got := s.do("PATCH", "/api/products/p", c.patch); got.Code != 200 {
			t.Fatal(got.Body)
		}
		if got := s.finds(t, c.found, ""); !slices.Equal(got, []string{"p"}) {
			t.Errorf("%s: %s finds %v, want p", c.patch, c.found, got)
		}
		if got := s.finds(t, c.lost, ""); slices.Contains(got, "p") {
			t.Errorf("%s: %s finds %v, want it gone", c.patch, c.lost, got)
		}
	}
	if got := s.finds(t, "walnut", ""); !slices.Equal(got, []string{"q"}) {
		t.Errorf("walnut finds %v, want q", got)
	}
}

// The index is of the same commit: a change that is undone leaves no word behind.
func TestSearchAfterAnUndoneChange(t *testing.T) {
	databases.Each(t, "product", Migrations(), testSearchAfterAnUndoneChange)
}

func testSearchAfterAnUndoneChange(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"Oak","price":1}`)
	undone := fmt.Errorf("undone")
	done := make(chan error, 8)
	for i := range cap(done) { // together, so that those which fail share a commit with others
		go func() {
			_, err := s.DB.Update(t.Context(), []string{fmt.Sprint("product:", i)}, func(tx *store.Tx) error {
				if _, err := create(tx, Product{ID: fmt.Sprint(i), Name: "Pine", Price: 1, Currency: "USD"}); err != nil {
					return err
				}
				if i%2 == 0 {
					return undone
				}
				return nil
			})
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil && err.Error() != undone.Error() {
			t.Error(err)
		}
	}
	got := s.finds(t, "pine", "")
	slices.Sort(got)
	if want := []string{"1", "3", "5", "7"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	s = behind(open())
	if got := s.finds(t, "pin", ""); len(got) != 4 {
		t.Errorf("opened again: got %v, want four", got)
	}
}

func TestSearchInPages(t *testing.T) {
	databases.Each(t, "product", Migrations(), testSearchInPages)
}

func testSearchInPages(t *testing.T, open func() *store.DB) {
	s := behind(open())
	var want []string
	for i := range 20 {
		name := "Odd"
		if i%2 == 0 {
			name = "Even steps"
			want = append(want, fmt.Sprint(i))
		}
		s.make(t, fmt.Sprintf(`{"id":"%d","name":%q,"price":1}`, i, name))
	}
	var got []string
	for next := "start"; next != ""; {
		page := s.page(t, "?query=step+even&limit=3"+from(next))
		for _, p := range page.Items {
			got = append(got, p.ID)
		}
		next = page.Next
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCategories(t *testing.T) { databases.Each(t, "product", Migrations(), testCategories) }

func testCategories(t *testing.T, open func() *store.DB) {
	s := behind(open())
	if got := s.do("GET", "/api/products/categories", ""); got.Code != 200 || got.Body.String() != `{"items":[]}` {
		t.Errorf("none: got %d %s", got.Code, got.Body)
	}
	if err := s.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("本", maxName) // the longest cursor
	s.make(t, `{"name":"None","price":1}`)
	s.make(t, `{"name":"Long","price":1,"category":"`+long+`"}`)
	if got := s.do("PATCH", "/api/products/8", `{"category":"audio"}`); got.Code != 200 {
		t.Fatal(got.Body)
	}
	want := []category{{"audio", 2}, {"computers", 4}, {"kitchen", 2}, {long, 1}}
	for _, limit := range []int{1, 3, 4, 50} {
		var got []category
		for next := "start"; next != ""; {
			w := s.do("GET", fmt.Sprintf("/api/products/categories?limit=%d", limit)+from(next), "")
			var page door.List[category]
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || len(page.Items) > limit {
				t.Fatalf("got %d %s, %v", w.Code, w.Body, err)
			}
			got = append(got, page.Items...)
			next = page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d a page: got %v, want %v", limit, got, want)
		}
	}
}

func TestBadLists(t *testing.T) { databases.Each(t, "product", Migrations(), testBadLists) }

func testBadLists(t *testing.T, open func() *store.DB) {
	s := behind(open())
	s.make(t, `{"id":"p","name":"A","price":1}`)
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprint("w", i)
	}
	for path, want := range map[string]int{
		"/api/products/none/prices":                                 404,
		"/api/products/%00/prices":                                  404,
		"/api/products/a%20b/prices":                                404,
		"/api/products/categories/prices":                           404,
		"/api/products/p/prices?limit=0":                            400,
		"/api/products/p/prices?cursor=!":                           400,
		"/api/products/p/prices?cursor=" + door.Cursor("x"):         400,
		"/api/products/p/prices?cursor=" + door.Cursor("-1"):        400,
		"/api/products/p/prices?limit=1&limit=2":                    400,
		"/api/products/categories?limit=x":                          400,
		"/api/products/categories?cursor=!":                         400,
		"/api/products/categories?cursor=" + door.Cursor("\x00"):    400,
		"/api/products?query=a&query=b":                             400,
		"/api/products?query=":                                      400,
		"/api/products?Query=a":                                     400,
		"/api/products/p/prices?query=a":                            400,
		"/api/products/categories?category=a":                       400,
		"/api/products/p?limit=1":                                   400,
		"/api/products?query=%ff":                                   400,
		"/api/products?query=" + strings.Join(many, "+"):            422,
		"/api/products?category=" + strings.Repeat("a", 201):        422,
		"/api/products?query=a&cursor=" + door.Cursor("9"+"e"+"99"): 400,
	} {
		if got := s.do("GET", path, ""); got.Code != want || got.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: got %d %s, want %d", path, got.Code, got.Body, want)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		if got := s.do(method, "/api/products/p/prices", `{}`); got.Code != 405 {
			t.Errorf("%s: got %d, want 405", method, got.Code)
		}
	}
}
