package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A served is a route with a request to it that is good, of which the bad ones are made.
type served struct {
	pattern string
	path    string   // with its identifiers
	body    string   // "" has none
	missing string   // the path with an identifier of nobody, and
	noun    string   // what is said not to be there
	list    bool     // pages: limit and cursor
	patch   bool     // a merge patch: null takes something away
	query   []string // the parameters that it says it has
}

// routes are all that the platform has at the customers' door. One that is added must be
// added here, or TestEveryRouteIsTried fails.
func routes() []served {
	return []served{
		{pattern: "POST /api/users", path: "/api/users", body: `{"name":"Ann","email":"ann@example.com"}`},
		{pattern: "GET /api/users/{id}", path: "/api/users/1", missing: "/api/users/nobody", noun: "user"},
		{pattern: "PATCH /api/users/{id}", path: "/api/users/u1", body: `{"name":"Ann"}`, missing: "/api/users/nobody", noun: "user", patch: true},
		{pattern: "GET /api/users/{id}/orders", path: "/api/users/1/orders", missing: "/api/users/nobody/orders", noun: "user", list: true},
		{pattern: "POST /api/products", path: "/api/products", body: `{"name":"Pen","price":"1.50","stock":5}`},
		{pattern: "GET /api/products", path: "/api/products", list: true},
		{pattern: "GET /api/products/categories", path: "/api/products/categories"},
		{pattern: "GET /api/products/{id}", path: "/api/products/1", missing: "/api/products/none", noun: "product"},
		{pattern: "PATCH /api/products/{id}", path: "/api/products/p1", body: `{"name":"Pen"}`, missing: "/api/products/none", noun: "product", patch: true},
		{pattern: "GET /api/products/{id}/prices", path: "/api/products/1/prices", missing: "/api/products/none/prices", noun: "product", list: true},
		{pattern: "POST /api/orders", path: "/api/orders", body: `{"userId":"1","productId":"p1","quantity":1}`},
		{pattern: "GET /api/orders", path: "/api/orders", list: true},
		{pattern: "GET /api/orders/{id}", path: "/api/orders/o1", missing: "/api/orders/none", noun: "order"},
		{pattern: "GET /api/orders/{id}/live", missing: "/api/orders/none/live", noun: "order"},
		{pattern: "POST /api/orders/{id}/cancel", path: "/api/orders/o2/cancel", missing: "/api/orders/none/cancel", noun: "order"},
		{pattern: "GET /api/orders/{id}/events", path: "/api/orders/o1/events", missing: "/api/orders/none/events", noun: "order"},
		{pattern: "GET /api/inventory/{productId}", path: "/api/inventory/p1", missing: "/api/inventory/none", noun: "product"},
		{pattern: "POST /api/inventory/{productId}/restock", path: "/api/inventory/p1/restock", body: `{"quantity":3}`, missing: "/api/inventory/none/restock", noun: "product"},
		{pattern: "POST /api/inventory/{productId}/adjust", path: "/api/inventory/p1/adjust", body: `{"quantity":1,"reason":"counted"}`, missing: "/api/inventory/none/adjust", noun: "product"},
		{pattern: "GET /api/inventory/{productId}/movements", path: "/api/inventory/p1/movements", missing: "/api/inventory/none/movements", noun: "product", list: true},
		{pattern: "GET /api/payments/{orderId}", path: "/api/payments/o1", missing: "/api/payments/none", noun: "payment"},
		{pattern: "GET /api/shipments/{orderId}", missing: "/api/shipments/none", noun: "shipment"},
		{pattern: "GET /api/shipments/{orderId}/label.pdf", missing: "/api/shipments/none/label.pdf", noun: "shipment"},
		{pattern: "GET /api/notifications", path: "/api/notifications", list: true},
		{pattern: "GET /api/notifications/{id}", missing: "/api/notifications/none", noun: "notification"},
		{pattern: "GET /api/analytics", path: "/api/analytics"},
		{pattern: "GET /api/analytics/live", path: "/api/analytics/live"},
		{pattern: "GET /asyncapi.json", path: "/asyncapi.json"},
	}
}

func (s served) method() string { m, _, _ := strings.Cut(s.pattern, " "); return m }

// A shopfront is the whole platform behind its customers' door, in this process. Nothing
// runs in it but what settle lets run.
type shopfront struct {
	*platform
	t    *testing.T
	door http.Handler
}

// openFront puts the platform together as up does. Set names its database.
func openFront(t *testing.T, data string, set ...string) *shopfront {
	t.Helper()
	m, err := operate.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	l, err := config.Load(config.Source{Set: append([]string{"payment.simulator=http://127.0.0.1:1"}, set...), Flags: map[string]string{"data": data}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wire(t.Context(), l.Config, m.Meter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() }) // a test may have closed it
	if err := p.demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &shopfront{platform: p, t: t, door: door.Handler(door.Options{OpenMode: true}, p.routes(nil)...)}
}

// onBoth runs a test on each database, with a function that opens a platform there, and
// the same one again once it was closed.
func onBoth(t *testing.T, test func(t *testing.T, open func() *shopfront)) {
	t.Run("sqlite", func(t *testing.T) {
		data := t.TempDir()
		test(t, func() *shopfront { return openFront(t, data) })
	})
	t.Run("postgres", func(t *testing.T) {
		url, data := database(t), t.TempDir()
		test(t, func() *shopfront { return openFront(t, data, "database="+url) })
	})
}

// A call is a request that may be spoiled.
type call struct {
	method, path, host, body string
	header                   http.Header
}

// good is the request to s that nothing is wrong with.
func (s served) good() *call {
	c := &call{method: s.method(), path: s.path, host: "127.0.0.1:3000", body: s.body, header: http.Header{}}
	if s.path == "" {
		c.path = s.missing
	}
	if s.body != "" {
		c.header.Set("Content-Type", "application/json")
	}
	return c
}

// send makes a call, and returns its whole answer.
func (f *shopfront) send(c *call) *httptest.ResponseRecorder {
	ctx := f.t.Context()
	if strings.HasSuffix(c.path, "/live") { // it goes on until its client leaves
		var leave context.CancelFunc
		ctx, leave = context.WithTimeout(ctx, 100*time.Millisecond)
		defer leave()
	}
	r := httptest.NewRequestWithContext(ctx, c.method, c.path, strings.NewReader(c.body))
	r.Host, r.Header = c.host, c.header.Clone()
	w := httptest.NewRecorder()
	f.door.ServeHTTP(w, r)
	return w
}

// post sends what must go well.
func (f *shopfront) post(path, body string) {
	f.t.Helper()
	w := f.send(&call{method: "POST", path: path, host: "localhost", body: body, header: http.Header{"Content-Type": {"application/json"}}})
	if w.Code > 299 {
		f.t.Fatalf("POST %s %s: %d %s", path, body, w.Code, w.Body)
	}
}

// stock fills the shop with what the good requests are about, and lets it settle.
func (f *shopfront) stock() {
	f.t.Helper()
	f.post("/api/users", `{"id":"u1","name":"Una","email":"una@example.com"}`)
	f.post("/api/products", `{"id":"p1","name":"Pen","price":"1.50","stock":5}`)
	f.post("/api/products", `{"id":"eur","name":"Euro pen","price":"1.50","currency":"EUR"}`)
	f.post("/api/products", `{"id":"dear","name":"Dear pen","price":"999999999.99"}`)
	f.post("/api/orders", `{"id":"o1","userId":"1","productId":"p1","quantity":1}`)
	f.post("/api/orders", `{"id":"o2","userId":"1","productId":"p1","quantity":1}`)
	f.post("/api/orders/o2/cancel", "")
	f.settle("/api/inventory/p1", "/api/inventory/eur", "/api/payments/o1")
}

// settle runs the platform until these paths have something, and then stops it.
func (f *shopfront) settle(paths ...string) {
	f.t.Helper()
	f.during(func() {
		for _, path := range paths {
			eventually(f.t, path, func() bool {
				return f.send(&call{method: "GET", path: path, host: "localhost"}).Code == http.StatusOK
			})
		}
	})
}

// operate asks the operators' door, and returns its answer.
func (f *shopfront) operate(method, path, body string, want int) string {
	f.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	door.Handler(door.Options{OpenMode: true}, f.desk.Routes()...).ServeHTTP(w, r)
	if w.Code != want {
		f.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, w.Code, w.Body, want)
	}
	return w.Body.String()
}

// digest is of every row of every table of every database.
func (f *shopfront) digest() map[string]string {
	f.t.Helper()
	all := map[string]string{}
	for table, rows := range f.rows() {
		sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
		all[table] = fmt.Sprint(len(rows), " rows, ", hex.EncodeToString(sum[:8]))
	}
	return all
}

// rows are all rows of every table of every database, as text.
func (f *shopfront) rows() map[string][]string {
	f.t.Helper()
	all := map[string][]string{}
	for service, db := range f.databases {
		err := db.View(context.Background(), func(tx *store.Tx) error {
			tables, err := texts(tx, f.tableNames())
			if err != nil {
				return err
			}
			for _, table := range tables {
				query, err := f.rowsOf(tx, table)
				if err != nil {
					return err
				}
				rows, err := texts(tx, query)
				if err != nil {
					return fmt.Errorf("%s: %w", query, err)
				}
				slices.Sort(rows)
				all[service+"."+table] = rows
			}
			return nil
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return all
}

// tableNames asks for the names of the tables, rowsOf for each row of one as text: the two
// things that the databases have no common word for.
func (f *shopfront) tableNames() string {
	if f.server != nil {
		return `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	return `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
}

func (f *shopfront) rowsOf(tx *store.Tx, table string) (string, error) {
	if f.server != nil {
		return fmt.Sprintf(`SELECT t::text FROM %q t`, table), nil
	}
	columns, err := texts(tx, fmt.Sprintf(`SELECT 'quote(' || char(34) || name || char(34) || ')' FROM pragma_table_info('%s')`, table))
	return fmt.Sprintf(`SELECT %s FROM %q`, strings.Join(columns, " || ',' || "), table), err
}

// texts returns the rows of a query that has one column.
func texts(tx *store.Tx, query string) (all []string, err error) {
	err = tx.Rows(query, nil, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	return all, err
}

// unchanged compares two digests.
func unchanged(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	for table, was := range before {
		if after[table] != was {
			t.Errorf("%s changed %s: %s, was %s", what, table, after[table], was)
		}
	}
	if len(before) != len(after) || len(before) < 20 {
		t.Errorf("%s: %d tables, were %d", what, len(after), len(before))
	}
}

// The tables above have every route that there is: one that is added and not tried would
// be served with whatever input it gets.
func TestEveryRouteIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, s := range routes() {
		tried[s.pattern] = true
		if s.body != "" && !json.Valid([]byte(s.body)) {
			t.Errorf("%s: its good body is no JSON", s.pattern)
		}
	}
	for _, r := range wired(t).routes(nil) {
		if !tried[r.Pattern] {
			t.Errorf("%s is served and not tried with bad input: add it to routes in served_test.go", r.Pattern)
		}
	}
}

// tried are the routes of the table that this platform has.
func (f *shopfront) tried() (all []served) {
	for _, s := range routes() {
		for _, r := range f.routes(nil) {
			if r.Pattern == s.pattern {
				s.query = r.Query
				all = append(all, s)
			}
		}
	}
	return all
}
