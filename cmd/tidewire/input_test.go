package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

// A fault is one line of bad input: what it does to a good request, and what it is told.
type fault struct {
	name   string
	spoil  func(*call)
	status int
	cause  string // of its type
	field  string // that is named; "" is none
}

// body replaces what is sent.
func body(text string) func(*call) { return func(c *call) { c.body = text } }

// with sets a header.
func with(name string, values ...string) func(*call) {
	return func(c *call) { c.header[name] = values }
}

// begins puts text behind the first brace of the good body.
func begins(text string) func(*call) {
	return func(c *call) { c.body = "{" + text + c.body[1:] }
}

// at replaces the path.
func at(path string) func(*call) { return func(c *call) { c.path = path } }

// ofBody are the lines for every route with a body. They are made of its good one.
func (s served) ofBody() []fault {
	if s.body == "" {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s.body), &members); err != nil {
		panic(err)
	}
	first := strings.Split(s.body, `"`)[1]
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	faults := []fault{
		{"no body", body(""), 400, "missing-body", ""},
		{"not JSON", body(`{"` + first), 400, "not-json", ""},
		{"not JSON at all", body("quantity=1"), 400, "not-json", ""},
		{"NaN", begins(`"` + first + `":NaN,`), 400, "not-json", first},
		{"not an object", body(`[]`), 400, "wrong-type", ""},
		{"text", body(`"x"`), 400, "wrong-type", ""},
		{"null", body(`null`), 400, "null", ""},
		{"unknown key", begins(`"extra":1,`), 400, "unknown-field", "extra"},
		{"unknown key that is deep", begins(`"extra":` + deep + `,`), 400, "too-deep", ""},
		{"doubled key", begins(`"` + first + `":` + string(members[first]) + `,`), 400, "duplicate-field", first},
		{"key in another case", begins(`"` + strings.ToUpper(first) + `":` + string(members[first]) + `,`), 400, "unknown-field", strings.ToUpper(first)},
		{"what follows it", func(c *call) { c.body += "{}" }, 400, "trailing-data", ""},
		{"rubbish follows it", func(c *call) { c.body += "x" }, 400, "trailing-data", ""},
		{"a byte too large", func(c *call) { c.body += strings.Repeat(" ", 1<<20+1-len(c.body)) }, 413, "body-too-large", ""},
		{"bad UTF-8", begins("\"\xff\":1,"), 400, "invalid-utf8", ""},
		{"half a surrogate", begins(`"extra":"\ud800",`), 400, "", ""},
		{"NUL", func(c *call) { c.body += "\x00" }, 400, "nul", ""},
		{"NUL within", begins("\x00"), 400, "nul", ""},
		{"byte order mark", func(c *call) { c.body = "\uFEFF" + c.body }, 400, "byte-order-mark", ""},
		{"wrong content type", with("Content-Type", "text/plain"), 415, "wrong-content-type", ""},
		{"a form's content type", with("Content-Type", "application/x-www-form-urlencoded"), 415, "wrong-content-type", ""},
		{"no content type", with("Content-Type"), 415, "wrong-content-type", ""},
		{"another charset", with("Content-Type", "application/json; charset=latin1"), 415, "wrong-content-type", ""},
		{"compressed", with("Content-Encoding", "gzip"), 415, "wrong-content-type", ""},
	}
	for name, value := range members {
		change := func(to string) func(*call) {
			return func(c *call) { c.body = strings.Replace(c.body, `"`+name+`":`+string(value), `"`+name+`":`+to, 1) }
		}
		faults = append(faults,
			fault{name + " of the wrong type", change("[]"), 400, "wrong-type", name},
			fault{name + " as an object", change("{}"), 400, "wrong-type", name},
			fault{name + " as true", change("true"), 400, "wrong-type", name})
		if !s.patch {
			faults = append(faults, fault{name + " null", change("null"), 400, "null", name})
		}
		if value[0] == '"' {
			faults = append(faults, fault{name + " with bad UTF-8", change("\"a\xffb\""), 400, "invalid-utf8", ""},
				fault{name + " with NUL", change(`"a\u0000b"`), 400, "nul", name})
		} else {
			faults = append(faults, fault{name + " as text", change(`"2"`), 400, "wrong-type", name}, fault{name + " 2.5", change("2.5"), 400, "not-whole", name},
				fault{name + " 1e9", change("1e9"), 400, "not-whole", name}, fault{name + " 1e400", change("1e400"), 400, "not-whole", name},
				fault{name + " 10^30", change("1" + strings.Repeat("0", 30)), 422, "too-large", name})
		}
	}
	return faults
}

// ofEvery are the lines for every route, and those for one of a kind.
func (s served) ofEvery() []fault {
	wrong := map[bool]string{true: "DELETE", false: "PUT"}[strings.HasSuffix(s.path, "1")]
	faults := []fault{
		{"a host that is not loopback", func(c *call) { c.host = "shop.example:3000" }, 421, "not-this-host", ""},
		{"no host", func(c *call) { c.host = "" }, 421, "not-this-host", ""},
		{"a wrong method", func(c *call) { c.method = wrong }, 405, "method-not-allowed", ""},
		{"an unknown parameter", func(c *call) { c.path += "?extra=1" }, 400, "unknown-parameter", "extra"},
		{"an unknown parameter that is empty", func(c *call) { c.path += "?extra" }, 400, "unknown-parameter", "extra"},
		{"a doubled parameter", func(c *call) { c.path += "?a=1&a=2" }, 400, "bad-parameter", "a"},
		{"NUL in a parameter", func(c *call) { c.path += "?a=%00" }, 400, "bad-parameter", "a"},
		{"bad UTF-8 in a parameter", func(c *call) { c.path += "?a=%ff" }, 400, "bad-parameter", "a"},
	}
	if s.missing != "" {
		faults = append(faults, fault{"unknown", at(s.missing), 404, "no-such-" + s.noun, ""},
			fault{"NUL in the path", at(strings.NewReplacer("none", "%00", "nobody", "%00").Replace(s.missing)), 404, "no-such-path", ""},
			fault{"bad UTF-8 in the path", at(strings.NewReplacer("none", "%ff", "nobody", "%ff").Replace(s.missing)), 404, "no-such-path", ""})
	}
	if s.list {
		for _, limit := range []string{"-1", "0", "1000000000", "1001", "2.5", "x", "99999999999999999999"} {
			faults = append(faults, fault{"limit " + limit, at(s.path + "?limit=" + limit), 400, "bad-limit", "limit"})
		}
		for _, cursor := range []string{"!!", "eA", "LTE", strings.Repeat("A", 400), "AA", "_w"} {
			faults = append(faults, fault{"cursor " + cursor[:2], at(s.path + "?cursor=" + cursor), 400, "bad-cursor", "cursor"})
		}
	}
	for _, name := range s.query {
		upper := strings.ToUpper(name[:1]) + name[1:]
		faults = append(faults, fault{name + " in another case", at(s.path + "?" + upper + "=1"), 400, "unknown-parameter", upper},
			fault{name + " and nothing", at(s.path + "?" + name + "="), 400, "empty-parameter", name},
			fault{name + " alone", at(s.path + "?" + name), 400, "empty-parameter", name},
			fault{name + " twice", at(s.path + "?" + name + "=1&" + name + "=1"), 400, "bad-parameter", name},
			fault{name + " and another", at(s.path + "?" + name + "=1&extra=1"), 400, "unknown-parameter", "extra"})
	}
	if strings.HasPrefix(s.pattern, "GET /api/") { // a document about the shop shows nothing that has a place
		for name, values := range map[string][]string{"nothing": {""}, "half a": {"order/1"}, "no number as": {"order/1/x"}, "no such partition in": {"order/16/1"}, "two lines as": {"order/1/1\r\nx"}} {
			faults = append(faults, fault{name + " position", with("Tidewire-Position", values...), 400, "bad-position", "Tidewire-Position"})
		}
		faults = append(faults, fault{"a position of no service", with("Tidewire-Position", "order", "x/1/1"), 400, "bad-position", "Tidewire-Position"},
			fault{"a position of nobody", with("Tidewire-Position", "nobody/1/1"), 400, "unknown-position", "Tidewire-Position"})
	}
	if s.method() != "GET" {
		faults = append(faults, fault{"another site", with("Sec-Fetch-Site", "cross-site"), 403, "cross-origin", ""})
	}
	if s.method() == "POST" {
		for name, values := range map[string][]string{"empty": {""}, "doubled": {"a", "b"}, "too long": {strings.Repeat("k", 256)}, "not ASCII": {"é"}, "two lines": {"a\r\nb"}} {
			faults = append(faults, fault{"an idempotency key: " + name, with("Idempotency-Key", values...), 400, "bad-idempotency-key", "Idempotency-Key"})
		}
	}
	return faults
}

// refused is the line of a body that is well-formed and not acceptable.
func refused(body string, cause string, fields ...string) fault {
	return fault{body, func(c *call) { c.body = body }, 422, cause, strings.Join(fields, " ")}
}

// prices are the lines for a price, which stands at the %s of a body.
func prices(form string) (faults []fault) {
	for _, p := range []string{`"1.505"`, "1.505", "1e400", `"1e400"`, `"NaN"`, `"Infinity"`, "-1", `"-0.01"`, `""`, `" 1"`, `"1,50"`, `"0x1"`} {
		faults = append(faults, fault{"price " + p, body(fmt.Sprintf(form, p)), 422, "", "price"})
	}
	for _, p := range []string{"0", `"0.00"`, "1000000000", `"999999999999"`} {
		faults = append(faults, fault{"price " + p, body(fmt.Sprintf(form, p)), 422, "price-out-of-range", "price"})
	}
	return faults
}

// ofRoute are the lines that only one route has.
func ofRoute(pattern string) []fault {
	item := `{"productId":"p1","quantity":1}`
	lines := func(n int) string { return `{"userId":"1","items":[` + strings.Repeat(item+",", n-1) + item + `]}` }
	switch pattern {
	case "POST /api/orders":
		return []fault{
			refused(`{"userId":"1","productId":"p1","quantity":0}`, "quantity-out-of-range", "quantity"),
			refused(`{"userId":"1","productId":"p1","quantity":-1}`, "quantity-out-of-range", "quantity"),
			refused(`{"userId":"1","productId":"p1","quantity":1000000000}`, "quantity-out-of-range", "quantity"),
			refused(`{"userId":"1","productId":"p1"}`, "quantity-out-of-range", "quantity"),
			refused(`{"userId":"nobody","productId":"p1","quantity":1}`, "unknown-user", "userId"),
			refused(`{"userId":"../1","productId":"p1","quantity":1}`, "unknown-user", "userId"),
			refused(`{"productId":"p1","quantity":1}`, "no-user", "userId"),
			refused(`{"userId":"1","productId":"none","quantity":1}`, "unknown-product", "productId"),
			refused(`{"userId":"1","items":[`+item+`,{"productId":"none","quantity":1}]}`, "unknown-product", "items[1].productId"),
			refused(`{"userId":"1","items":[`+item+`,{"productId":"p1","quantity":0}]}`, "quantity-out-of-range", "items[1].quantity"),
			refused(`{"userId":"1","productId":"p1","quantity":1,"currency":"XXX"}`, "unknown-currency", "currency"),
			refused(`{"userId":"1","productId":"p1","quantity":1,"currency":"EUR"}`, "wrong-currency", "currency"),
			refused(`{"userId":"1","productId":"p1","quantity":1,"style":"baroque"}`, "unknown-style", "style"),
			refused(`{"userId":"1","productId":"p1","quantity":1,"payment":{"method":"gold"}}`, "unknown-method", "payment.method"),
			refused(`{"userId":"1","items":[]}`, "no-items", "items"),
			refused(`{"userId":"1"}`, "no-items", "items"),
			refused(lines(101), "too-many-items", "items"),
			refused(lines(1000), "too-many-items", "items"),
			refused(`{"userId":"1","productId":"p1","quantity":1,"items":[`+item+`]}`, "both-forms", "items"),
			refused(`{"userId":"1","items":[`+item+`,{"productId":"eur","quantity":1}]}`, "mixed-currencies", "items[1].productId"),
			refused(`{"userId":"1","productId":"dear","quantity":11}`, "total-too-large", "quantity"),
			refused(`{"userId":"1","items":[`+strings.Repeat(`{"productId":"dear","quantity":1000000},`, 91)+`{"productId":"dear","quantity":1000000}]}`, "total-too-large", "items"),
			refused(`{"id":"a b","userId":"1","productId":"p1","quantity":1}`, "bad-id", "id"),
			refused(`{"id":"","userId":"1","productId":"p1","quantity":1}`, "bad-id", "id"),
			refused(`{"userId":"nobody","items":[{"productId":"none","quantity":1}]}`, "not-acceptable", "userId", "items[0].productId"),
			{"the same id, other content", body(`{"id":"o1","userId":"1","productId":"p1","quantity":2}`), 409, "id-taken", ""},
			{"a quantity in an item 2.5", body(`{"userId":"1","items":[{"productId":"p1","quantity":2.5}]}`), 400, "not-whole", "items[0].quantity"},
			{"a quantity in an item as text", body(`{"userId":"1","items":[{"productId":"p1","quantity":"2"}]}`), 400, "wrong-type", "items[0].quantity"},
			{"an unknown key in an item", body(`{"userId":"1","items":[{"productId":"p1","quantity":2,"price":"0.01"}]}`), 400, "unknown-field", "items[0].price"},
			{"a doubled key in an item", body(`{"userId":"1","items":[{"productId":"p1","productId":"p2","quantity":2}]}`), 400, "duplicate-field", "items[0].productId"},
			{"another case in the payment", body(`{"userId":"1","productId":"p1","quantity":1,"payment":{"Method":"ok"}}`), 400, "unknown-field", "payment.Method"},
		}
	case "POST /api/users":
		return []fault{
			refused(`{"email":"ann@example.com"}`, "no-name", "name"),
			refused(`{"name":"  ","email":"ann@example.com"}`, "no-name", "name"),
			refused(`{"name":"Ann"}`, "no-email", "email"),
			refused(`{"name":"Ann\r\nBcc: eve@example.com","email":"ann@example.com"}`, "bad-name", "name"),
			refused(`{"name":"Ann\u2028x","email":"ann@example.com"}`, "bad-name", "name"),
			refused(`{"name":"Ann\u202Ex","email":"ann@example.com"}`, "bad-name", "name"),
			refused(`{"name":"Ann","email":"ann@example.com\r\nBcc: eve@example.com"}`, "bad-email", "email"),
			refused(`{"name":"Ann","email":"Ann <ann@example.com>"}`, "bad-email", "email"),
			refused(`{"name":"Ann","email":"ann@example.com, eve@example.com"}`, "bad-email", "email"),
			refused(`{"name":"Ann","email":"ann"}`, "bad-email", "email"),
			refused(`{"name":"`+strings.Repeat("é", 201)+`","email":"ann@example.com"}`, "name-too-long", "name"),
			refused(`{"id":"../x","name":"Ann","email":"ann@example.com"}`, "bad-id", "id"),
			{"the same id, other content", body(`{"id":"u1","name":"Uma","email":"una@example.com"}`), 409, "id-taken", ""},
		}
	case "POST /api/products":
		faults := []fault{
			refused(`{"price":"1.50"}`, "no-name", "name"),
			refused(`{"name":"Pen"}`, "no-price", "price"),
			refused(`{"name":"Pen\nX-Evil: 1","price":"1.50"}`, "bad-name", "name"),
			refused(`{"name":"Pen\u202Egnp.exe","price":"1.50"}`, "bad-name", "name"),
			refused(`{"name":"Pen","price":"1.50","currency":"XXX"}`, "unknown-currency", "currency"),
			refused(`{"name":"Pen","price":"1.50","currency":""}`, "unknown-currency", "currency"),
			refused(`{"name":"Pen","price":"1.50","stock":-1}`, "stock-out-of-range", "stock"),
			refused(`{"name":"Pen","price":"1.50","stock":1000000001}`, "stock-out-of-range", "stock"),
			refused(`{"id":"p 1","name":"Pen","price":"1.50"}`, "bad-id", "id"),
			{"the same id, other content", body(`{"id":"p1","name":"Pen","price":"1.60","stock":5}`), 409, "id-taken", ""},
		}
		return append(faults, prices(`{"name":"Pen","price":%s}`)...)
	case "PATCH /api/products/{id}":
		faults := []fault{
			refused(`{"currency":"EUR"}`, "cannot-be-changed", "currency"),
			refused(`{"id":"p2"}`, "cannot-be-changed", "id"),
			refused(`{"stock":1000}`, "cannot-be-changed", "stock"),
			refused(`{"name":""}`, "no-name", "name"),
			refused(`{"name":"Pen\nX-Evil: 1"}`, "bad-name", "name"),
			refused(`{"name":"Pen\u001b[2J"}`, "bad-name", "name"),
			refused(`{"name":"`+strings.Repeat("é", 201)+`"}`, "bad-name", "name"),
			refused(`{"category":"a\r\nb"}`, "bad-category", "category"),
			refused(`{"description":"a\u001bb"}`, "bad-description", "description"),
			refused(`{"description":"`+strings.Repeat("é", 10_001)+`"}`, "description-too-long", "description"),
			refused(`{"name":" ","price":"0"}`, "not-acceptable", "name", "price"),
			{"an unknown field", body(`{"name":"Pen","colour":"red"}`), 400, "unknown-field", "colour"},
			{"no name", body(`{"name":null}`), 400, "null", "name"},
			{"no price", body(`{"price":null}`), 400, "null", "price"},
			{"NaN that is no text", body(`{"price":NaN}`), 400, "not-json", "price"},
			{"a version that nobody has", func(c *call) { c.header["If-Match"] = []string{`"999"`} }, 412, "", ""},
		}
		return append(faults, prices(`{"price":%s}`)...)
	case "PATCH /api/users/{id}":
		return []fault{
			refused(`{"name":"  "}`, "no-name", "name"),
			refused(`{"name":"Ann\r\nBcc: eve@example.com"}`, "bad-name", "name"),
			refused(`{"name":"Ann\nX-Evil: 1"}`, "bad-name", "name"),
			refused(`{"name":"Ann\u2028x"}`, "bad-name", "name"),
			refused(`{"name":"`+strings.Repeat("é", 201)+`"}`, "name-too-long", "name"),
			refused(`{"email":""}`, "no-email", "email"),
			refused(`{"email":"ann@example.com\r\nBcc: eve@example.com"}`, "bad-email", "email"),
			refused(`{"email":"ann@example.com\nBcc: eve@example.com"}`, "bad-email", "email"),
			refused(`{"email":"Ann <ann@example.com>"}`, "bad-email", "email"),
			refused(`{"email":"ann@example.com, eve@example.com"}`, "bad-email", "email"),
			refused(`{"email":"ann@example.com>\r\nRCPT TO:<eve@example.com"}`, "bad-email", "email"),
			refused(`{"email":"`+strings.Repeat("a", 65)+`@example.com"}`, "email-too-long", "email"),
			refused(`{"name":"","email":"ann"}`, "not-acceptable", "name", "email"),
			{"an id", body(`{"id":"u2"}`), 400, "unknown-field", "id"},
			{"a role", body(`{"role":"admin"}`), 400, "unknown-field", "role"},
			{"no name", body(`{"name":null}`), 400, "null", "name"},
			{"no address", body(`{"email":null}`), 400, "null", "email"},
			{"a version that nobody has", func(c *call) { c.header["If-Match"] = []string{`"999"`} }, 412, "", ""},
		}
	case "POST /api/inventory/{productId}/adjust":
		return []fault{
			refused(`{"quantity":0,"reason":"counted"}`, "quantity-out-of-range", "quantity"),
			refused(`{"reason":"counted"}`, "quantity-out-of-range", "quantity"),
			refused(`{"quantity":1000001,"reason":"counted"}`, "quantity-out-of-range", "quantity"),
			refused(`{"quantity":-1000001,"reason":"counted"}`, "quantity-out-of-range", "quantity"),
			refused(`{"quantity":-9223372036854775808,"reason":"counted"}`, "quantity-out-of-range", "quantity"),
			{"a quantity 2.5", body(`{"quantity":2.5,"reason":"counted"}`), 400, "not-whole", "quantity"},
			{"a quantity as text", body(`{"quantity":"2","reason":"counted"}`), 400, "wrong-type", "quantity"},
			{"a huge quantity", body(`{"quantity":9223372036854775808,"reason":"counted"}`), 422, "too-large", "quantity"},
			refused(`{"quantity":1}`, "bad-reason", "reason"),
			refused(`{"quantity":1,"reason":" "}`, "bad-reason", "reason"),
			refused(`{"quantity":1,"reason":"a\nb"}`, "bad-reason", "reason"),
			refused(`{"quantity":1,"reason":"a\u2028b"}`, "bad-reason", "reason"),
			refused(`{"quantity":1,"reason":"`+strings.Repeat("é", 201)+`"}`, "bad-reason", "reason"),
			refused(`{}`, "not-acceptable", "quantity", "reason"),
			{"more than there is", body(`{"quantity":-1000,"reason":"lost"}`), 409, "not-available", ""},
			{"a stock that is not tracked", at("/api/inventory/eur/adjust"), 409, "not-tracked", ""},
		}
	case "GET /api/analytics":
		var faults []fault
		for _, name := range []string{"days", "top"} {
			for _, n := range []string{"0", "-1", "367", "x", "2.5", "1e1", "99999999999999999999"} {
				faults = append(faults, fault{name + " " + n, at("/api/analytics?" + name + "=" + n), 400, "bad-parameter", name})
			}
		}
		return append(faults, fault{"top 101", at("/api/analytics?top=101"), 400, "bad-parameter", "top"},
			fault{"days twice", at("/api/analytics?days=1&days=2"), 400, "bad-parameter", "days"})
	case "GET /api/products":
		return []fault{
			{"a query that is too long", at("/api/products?query=" + strings.Repeat("a", 201)), 422, "bad-parameter", "query"},
			{"a query of too many words", at("/api/products?query=" + strings.Join(strings.Split("abcdefghijklmnopqrstu", ""), "+")), 422, "too-many-words", "query"},
			{"a query with NUL", at("/api/products?query=a%00b"), 400, "bad-parameter", "query"},
			{"a query with bad UTF-8", at("/api/products?query=a%ffb"), 400, "bad-parameter", "query"},
			{"a category that is too long", at("/api/products?category=" + strings.Repeat("a", 201)), 422, "bad-parameter", "category"},
			{"a place before the first", at("/api/products?cursor=" + door.Cursor("-1")), 400, "bad-cursor", "cursor"},
		}
	case "GET /api/products/{id}/prices", "GET /api/inventory/{productId}/movements", "GET /api/notifications":
		path := map[string]string{"GET /api/products/{id}/prices": "/api/products/1/prices", "GET /api/inventory/{productId}/movements": "/api/inventory/p1/movements",
			"GET /api/notifications": "/api/notifications"}[pattern]
		var faults []fault
		for _, key := range []string{"-1", "o1", "1.5", "99999999999999999999", "1 OR 1=1"} {
			faults = append(faults, fault{"a cursor of " + key, at(path + "?cursor=" + door.Cursor(key)), 400, "bad-cursor", "cursor"})
		}
		return faults
	case "GET /api/shipments/{orderId}/label.pdf":
		return []fault{
			{"an order that nobody knows", at("/api/shipments/o999/label.pdf"), 404, "no-such-shipment", ""},
			{"an order as long as a page", at("/api/shipments/" + strings.Repeat("o", 5000) + "/label.pdf"), 404, "no-such-shipment", ""},
			{"another file", at("/api/shipments/o1/label.png"), 404, "no-such-route", ""},
		}
	case "POST /api/inventory/{productId}/restock":
		return []fault{
			refused(`{"quantity":0}`, "quantity-out-of-range", "quantity"), refused(`{"quantity":-1}`, "quantity-out-of-range", "quantity"),
			refused(`{"quantity":1000000000}`, "quantity-out-of-range", "quantity"), refused(`{}`, "quantity-out-of-range", "quantity"),
			{"a stock that is not tracked", at("/api/inventory/eur/restock"), 409, "not-tracked", ""},
		}
	case "GET /api/orders", "GET /api/users/{id}/orders":
		path := map[string]string{"GET /api/orders": "/api/orders", "GET /api/users/{id}/orders": "/api/users/1/orders"}[pattern]
		return []fault{
			{"an unknown status", at(path + "?status=lost"), 422, "unknown-status", "status"},
			{"final that is neither", at(path + "?final=maybe"), 400, "bad-parameter", "final"},
			{"a place before the first", at(path + "?final=true&cursor=" + door.Cursor("-5")), 400, "bad-cursor", "cursor"},
			{"a time before the first", at(path + "?cursor=" + door.Cursor("-5:o1")), 400, "bad-cursor", "cursor"},
			{"a cursor of the other list", at(path + "?final=true&cursor=" + door.Cursor("1:o1")), 400, "bad-cursor", "cursor"},
		}
	case "GET /api/orders/{id}/events":
		return []fault{
			{"no time", at("/api/orders/o1/events?until=yesterday"), 400, "bad-time", "until"},
			{"before the first event", at("/api/orders/o1/events?until=2001-01-01T00:00:00Z"), 404, "no-such-order", ""},
		}
	}
	return nil
}

// complaint is what is wrong with the answer to a fault, or "".
func (l fault) complaint(w *httptest.ResponseRecorder) string {
	var p door.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
		return fmt.Sprintf("%d is no problem document: %q", w.Code, w.Body)
	}
	var fields []string
	for _, f := range p.Errors {
		if f.Detail == "" {
			return "a field without a detail"
		}
		fields = append(fields, f.Field)
	}
	cause, known := strings.CutPrefix(p.Type, "urn:tidewire:problem:")
	switch {
	case w.Code != l.status || p.Status != l.status:
	case !known || l.cause != "" && cause != l.cause:
	case l.field != "" && strings.Join(fields, " ") != l.field:
	case p.Title == "" || p.Detail == "":
	case w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "":
	case w.Code == http.StatusConflict && p.Reason != strings.ReplaceAll(cause, "-", "_"):
	case w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "":
	default:
		return ""
	}
	return fmt.Sprintf("got %d %s of %q; want %d %s of %q\n%s", w.Code, cause, fields, l.status, l.cause, l.field, w.Body)
}

// Every line of bad input at every route that it fits is told what is wrong, and changes
// nothing in any database.
func TestBadInputEverywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		f.stock()
		before, n := f.digest(), 0
		for _, s := range f.tried() {
			for _, l := range slices.Concat(s.ofEvery(), s.ofBody(), ofRoute(s.pattern)) {
				c := s.good()
				l.spoil(c)
				if said := l.complaint(f.send(c)); said != "" {
					t.Errorf("%s, %.80s: %s", s.pattern, l.name, said)
				}
				n++
			}
			after := f.digest()
			unchanged(t, s.pattern, before, after)
			before = after
		}
		t.Logf("%d lines at %d routes", n, len(f.tried()))
		for _, s := range f.tried() { // what they were made of is good
			if w := f.send(s.good()); w.Code > 299 && s.path != "" {
				t.Errorf("%s: %d %s", s.pattern, w.Code, w.Body)
			}
		}
	})
}
