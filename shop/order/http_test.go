package order

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
)

const laptops = `{"userId":"1","productId":"1","quantity":2}`

// A reply is what a client gets.
type reply struct {
	status int
	header http.Header
	text   string
}

func (a reply) order(t *testing.T) (d document) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), &d); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
	return d
}

// told is the status of a reply, and the cause where it is a problem.
func (a reply) told(t *testing.T) string {
	t.Helper()
	if a.status < 400 {
		return fmt.Sprint(a.status)
	}
	var p door.Problem
	if err := json.Unmarshal([]byte(a.text), &p); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
	return fmt.Sprint(a.status, " ", strings.TrimPrefix(p.Type, "urn:tidewire:problem:"))
}

func (s *Service) ask(t *testing.T, method, target, body string, header ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

func (s *Service) post1(t *testing.T, body string, header ...string) document {
	t.Helper()
	a := s.ask(t, "POST", "/api/orders", body, header...)
	if a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.text)
	}
	return a.order(t)
}

func TestPlaceInBothForms(t *testing.T) {
	s := open(t)
	for _, body := range []string{
		laptops,
		`{"userId":"1","items":[{"productId":"1","quantity":2}]}`,
		`{"userId":"1","items":[{"productId":"1","quantity":2}],"currency":"USD","payment":{"method":"slow"},"style":"choreographed"}`,
	} {
		a := s.ask(t, "POST", "/api/orders", body)
		d := a.order(t)
		if a.status != 202 || a.header.Get("Location") != "/api/orders/"+d.ID {
			t.Errorf("%s: %d, Location %q", body, a.status, a.header.Get("Location"))
		}
		want := document{ID: d.ID, UserID: "1", Status: Pending, Total: "2400.00", Currency: "USD", Style: "choreographed",
			Items:   []line{{"1", "Laptop", 2, "1200.00", "2400.00"}},
			Payment: paid{"pending", new(int64)}, Shipment: sent{Status: "pending"},
			CreatedAt: d.CreatedAt, UpdatedAt: d.CreatedAt, Version: 1}
		if !reflect.DeepEqual(d, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", body, d, want)
		}
		if strings.Contains(a.text, "reason") || strings.Contains(a.text, "trackingNumber") {
			t.Errorf("has what there is not: %s", a.text)
		}
		if got := s.ask(t, "GET", "/api/orders/"+d.ID, ""); got.status != 200 || got.text != a.text {
			t.Errorf("read at once: %d %s\nwant %s", got.status, got.text, a.text)
		}
	}
}

func TestSameProductInTwoLines(t *testing.T) {
	s := open(t)
	d := s.post1(t, `{"userId":"1","items":[{"productId":"2","quantity":1},{"productId":"2","quantity":3}]}`)
	if len(d.Items) != 2 || d.Items[0].Quantity != 1 || d.Items[1].Quantity != 3 || d.Total != "79.96" {
		t.Errorf("got %+v", d)
	}
}

func TestWhatIsNotAcceptable(t *testing.T) {
	s := open(t)
	many := strings.Repeat(`{"productId":"1","quantity":1},`, 101)
	for _, c := range []struct{ body, field, cause string }{
		{`{"userId":"9","productId":"1","quantity":1}`, "userId", "unknown-user"},
		{`{"productId":"1","quantity":1}`, "userId", "no-user"},
		{`{"userId":"1","productId":"9","quantity":1}`, "productId", "unknown-product"},
		{`{"userId":"1","productId":"no such id","quantity":1}`, "productId", "unknown-product"},
		{`{"userId":"1","items":[{"productId":"9","quantity":1}]}`, "items[0].productId", "unknown-product"},
		{`{"userId":"1","quantity":1}`, "productId", "no-product"},
		{`{"userId":"1","productId":"1"}`, "quantity", "quantity-out-of-range"},
		{`{"userId":"1","productId":"1","quantity":0}`, "quantity", "quantity-out-of-range"},
		{`{"userId":"1","productId":"1","quantity":-1}`, "quantity", "quantity-out-of-range"},
		{`{"userId":"1","productId":"1","quantity":1000001}`, "quantity", "quantity-out-of-range"},
		{`{"userId":"1"}`, "items", "no-items"},
		{`{"userId":"1","items":[]}`, "items", "no-items"},
		{`{"userId":"1","items":[` + many[:len(many)-1] + `]}`, "items", "too-many-items"},
		{`{"userId":"1","items":[{"productId":"1","quantity":1}],"productId":"1"}`, "items", "both-forms"},
		{`{"userId":"1","items":[],"quantity":1}`, "items", "both-forms"},
		{`{"userId":"1","items":[{"productId":"1","quantity":1},{"productId":"2","quantity":0}]}`, "items[1].quantity", "quantity-out-of-range"},
		{`{"userId":"1","items":[{"productId":"1","quantity":1},{"productId":"3","quantity":1}]}`, "items[1].productId", "mixed-currencies"},
		{`{"userId":"1","productId":"1","quantity":1,"currency":"EUR"}`, "currency", "wrong-currency"},
		{`{"userId":"1","productId":"1","quantity":1,"currency":"usd"}`, "currency", "unknown-currency"},
		{`{"userId":"1","productId":"4","quantity":8}`, "quantity", "total-too-large"}, // 2^63
		{`{"userId":"1","productId":"5","quantity":11}`, "quantity", "total-too-large"},
		{`{"userId":"1","items":[{"productId":"5","quantity":10},{"productId":"1","quantity":1}]}`, "items", "total-too-large"},
		{`{"userId":"1","items":[` + strings.Repeat(`{"productId":"5","quantity":1000000},`, 91) + `{"productId":"5","quantity":1000000}]}`, "items", "total-too-large"},
		{`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"gold"}}`, "payment.method", "unknown-method"},
		{`{"userId":"1","productId":"1","quantity":1,"payment":{"method":""}}`, "payment.method", "unknown-method"},
		{`{"userId":"1","productId":"1","quantity":1,"style":""}`, "style", "unknown-style"},
		{`{"userId":"1","productId":"1","quantity":1,"style":"baroque"}`, "style", "unknown-style"},
		{`{"id":"a b","userId":"1","productId":"1","quantity":1}`, "id", "bad-id"},
		{`{"id":"","userId":"1","productId":"1","quantity":1}`, "id", "bad-id"},
	} {
		a := s.ask(t, "POST", "/api/orders", c.body)
		var p door.Problem
		if err := json.Unmarshal([]byte(a.text), &p); err != nil {
			t.Fatal(err)
		}
		if a.status != 422 || len(p.Errors) != 1 || p.Errors[0].Field != c.field || p.Type != "urn:tidewire:problem:"+c.cause {
			t.Errorf("%.80s: %d %s; want 422 %s for %s", c.body, a.status, a.text, c.cause, c.field)
		}
	}
	if n := s.count(t, `SELECT count(*) FROM orders`) + s.count(t, `SELECT count(*) FROM journal`); n != 0 {
		t.Errorf("%d rows are left of what was refused", n)
	}
}

// Several faults are told at once: of one cause, or of none in particular.
func TestCauseOfSeveralFaults(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		body, cause string
		fields      int
	}{
		{`{"userId":"1","items":[{"productId":"8","quantity":1},{"productId":"9","quantity":1}]}`, "unknown-product", 2},
		{`{"userId":"1","items":[{"productId":"1","quantity":0},{"productId":"2","quantity":0}]}`, "quantity-out-of-range", 2},
		{`{"userId":"9","productId":"9","quantity":1}`, "not-acceptable", 2},
		{`{"id":"","quantity":0,"currency":"x","style":"x","payment":{"method":"x"}}`, "not-acceptable", 7},
	} {
		a := s.ask(t, "POST", "/api/orders", c.body)
		var p door.Problem
		if err := json.Unmarshal([]byte(a.text), &p); err != nil {
			t.Fatal(err)
		}
		if a.status != 422 || len(p.Errors) != c.fields || p.Type != "urn:tidewire:problem:"+c.cause || strings.Contains(strings.ToLower(a.text), `"cause"`) {
			t.Errorf("%s: %d %s; want 422 %s for %d fields", c.body, a.status, a.text, c.cause, c.fields)
		}
	}
}

func TestOwnIDs(t *testing.T) {
	s := open(t)
	const body = `{"id":"mine.1","userId":"1","productId":"1","quantity":2}`
	first := s.ask(t, "POST", "/api/orders", body)
	s.hears(t, "mine.1", processed, stocked, onItsWay)
	again := s.ask(t, "POST", "/api/orders", body)
	if again.status != first.status || again.text != first.text || first.status != 202 {
		t.Errorf("the same again: %d %s\nfirst: %d %s", again.status, again.text, first.status, first.text)
	}
	other := s.ask(t, "POST", "/api/orders", strings.Replace(body, `"quantity":2`, `"quantity":3`, 1))
	if other.status != 409 || !strings.Contains(other.text, "id_taken") {
		t.Errorf("other content: %d %s", other.status, other.text)
	}
	if n := s.count(t, `SELECT count(*) FROM orders`); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestIdempotencyKey(t *testing.T) {
	s := open(t)
	first := s.ask(t, "POST", "/api/orders", laptops, "Idempotency-Key: k")
	s.hears(t, first.order(t).ID, processed, stocked)
	again := s.ask(t, "POST", "/api/orders", laptops, "Idempotency-Key: k")
	if again.text != first.text || again.status != 202 || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("got %+v, want %+v", again, first)
	}
	if n := s.count(t, `SELECT count(*) FROM orders`); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestPreferWait(t *testing.T) {
	s := open(t)
	replies := make(chan reply)
	go func() { replies <- s.ask(t, "POST", "/api/orders", laptops, "Prefer: wait=30", "Idempotency-Key: k") }()
	id := eventually(t, func() (string, bool) {
		found := s.ask(t, "GET", "/api/orders?status=pending", "").orders(t).Items
		if len(found) == 0 {
			return "", false
		}
		return found[0].ID, true
	})
	s.hears(t, id, processed, stocked, onItsWay)
	a := <-replies
	if d := a.order(t); a.status != 200 || d.Status != Completed || a.header.Get("Preference-Applied") != "wait=30" {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
	again := s.ask(t, "POST", "/api/orders", laptops, "Prefer: wait=30", "Idempotency-Key: k")
	if again.status != 200 || again.text != a.text {
		t.Errorf("again: %d %s\nwant %s", again.status, again.text, a.text)
	}
}

func TestPreferWaitTooShort(t *testing.T) {
	s := open(t)
	a := s.ask(t, "POST", "/api/orders", laptops, "Prefer: wait=1", "Idempotency-Key: k")
	if a.status != 202 || a.order(t).Status != Pending || a.header.Get("Preference-Applied") != "" {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
	s.hears(t, a.order(t).ID, declined)
	if again := s.ask(t, "POST", "/api/orders", laptops, "Prefer: wait=1", "Idempotency-Key: k"); again.text != a.text || again.status != 202 {
		t.Errorf("again: %d %s\nwant what was sent first: %s", again.status, again.text, a.text)
	}
}

// eventually asks until there is an answer, ten seconds at most.
func eventually[T any](t *testing.T, ask func() (T, bool)) T {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if v, ok := ask(); ok {
			return v
		}
	}
	t.Fatal("it did not happen within ten seconds")
	panic("unreachable")
}

func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name          string
		before        func(*Service)
		status, again int
	}{
		{"pending, and perhaps being charged", func(s *Service) {}, 202, 202},
		{"pending, never paid", func(s *Service) { s.calledOff(t, "o"); s.hears(t, "o", declined) }, 200, 200},
		{"pending, charged and refunded", func(s *Service) { s.calledOff(t, "o"); s.hears(t, "o", moneyBack) }, 200, 200},
		{"paid", func(s *Service) { s.hears(t, "o", processed) }, 202, 202},
		{"confirmed", func(s *Service) { s.hears(t, "o", processed, stocked) }, 202, 202},
		{"cancelled and refunded", func(s *Service) { s.hears(t, "o", processed); s.calledOff(t, "o"); s.hears(t, "o", moneyBack) }, 200, 200},
		{"shipped", func(s *Service) { s.hears(t, "o", processed, stocked, onItsWay) }, 409, 409},
		{"failed", func(s *Service) { s.hears(t, "o", declined) }, 409, 409},
		{"not there", nil, 404, 404},
	} {
		s := open(t)
		if c.before != nil {
			s.placed(t, "o")
			c.before(s)
		}
		first, again := s.ask(t, "POST", "/api/orders/o/cancel", ""), s.ask(t, "POST", "/api/orders/o/cancel", "")
		if first.status != c.status || again.status != c.again {
			t.Errorf("%s: %d %s, then %d; want %d, %d", c.name, first.status, first.text, again.status, c.status, c.again)
		}
		if state := map[string]string{"shipped": "is completed: its parcel is on its way", "failed": "is failed: it has ended"}[c.name]; state != "" &&
			(!strings.Contains(first.text, state) || !strings.Contains(first.text, `"reason":"order_ended"`)) {
			t.Errorf("%s: got %s, want that it %s", c.name, first.text, state)
		}
		if first.status < 300 {
			if d := first.order(t); d.Status != Cancelled || d.Reason != contract.CancelledByUser {
				t.Errorf("%s: %+v", c.name, d)
			}
			s.checkSound(t, "o")
		}
	}
}

// An order that is called off while it is charged tells how often it was, though payment
// said nothing of that before the money was back.
func TestCancelWhileCharged(t *testing.T) {
	s := open(t)
	s.placed(t, "o")
	if a := s.ask(t, "POST", "/api/orders/o/cancel", ""); a.status != 202 || a.order(t).Payment.Status != "ended" {
		t.Errorf("while it is charged: %d %s", a.status, a.text)
	}
	s.hears(t, "o", contract.PaymentRefunded{OrderID: "o", Amount: 240000, Currency: "USD", Attempts: 2})
	a := s.ask(t, "POST", "/api/orders/o/cancel", "")
	if p := a.order(t).Payment; a.status != 200 || p.Status != "refunded" || p.Attempts == nil || *p.Attempts != 2 {
		t.Errorf("once the money is back: %d %s", a.status, a.text)
	}
}

type listed struct {
	Items []document
	Next  string
}

func (a reply) orders(t *testing.T) (l listed) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), &l); err != nil || a.status != 200 {
		t.Fatalf("%d %v: %s", a.status, err, a.text)
	}
	return l
}

func (l listed) ids() (ids []string) {
	for _, d := range l.Items {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestFinalListsInTheOrderOfTheEnds(t *testing.T) {
	s := open(t)
	empty := s.ask(t, "GET", "/api/orders?final=true", "").orders(t)
	if empty.Next == "" || len(empty.Items) != 0 {
		t.Fatalf("of nothing: %+v", empty)
	}
	for i := range 5 {
		s.placed(t, fmt.Sprint("o", i))
	}
	s.hears(t, "o3", declined)
	s.hears(t, "o0", processed, stocked, onItsWay)
	s.hears(t, "o3", processed) // what comes late does not end it again
	s.hears(t, "o4", processed, short)
	// What has ended shows once it is settled that nothing can come before it.
	cursor := empty.Next
	var got []string
	for len(got) < 3 {
		l := eventually(t, func() (listed, bool) {
			l := s.ask(t, "GET", "/api/orders?final=true&limit=1&cursor="+cursor, "").orders(t)
			return l, len(l.Items) > 0
		})
		got, cursor = append(got, l.ids()...), l.Next
	}
	if want := []string{"o3", "o0", "o4"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if end := s.ask(t, "GET", "/api/orders?final=true&cursor="+cursor, "").orders(t); len(end.Items) > 0 || end.Next != cursor {
		t.Errorf("after the end: %v, next %q; want nothing and %q", end.ids(), end.Next, cursor)
	}
}

func TestLists(t *testing.T) {
	s := open(t)
	for i := range 7 {
		s.post1(t, fmt.Sprintf(`{"id":"o%d","userId":"%d","productId":"1","quantity":2}`, i, i%2+1))
	}
	s.hears(t, "o2", declined)
	s.hears(t, "o4", processed, stocked)
	for target, want := range map[string]string{
		"/api/orders":                         "[o6 o5 o4 o3 o2 o1 o0]",
		"/api/orders?final=false":             "[o6 o5 o4 o3 o2 o1 o0]",
		"/api/orders?userId=1":                "[o6 o4 o2 o0]",
		"/api/users/1/orders":                 "[o6 o4 o2 o0]",
		"/api/users/2/orders?limit=3":         "[o5 o3 o1]",
		"/api/orders?userId=1&status=pending": "[o6 o0]",
		"/api/orders?status=confirmed":        "[o4]",
		"/api/orders?status=failed":           "[o2]",
		"/api/orders?userId=2&status=failed":  "[]",
		"/api/orders?userId=9":                "[]",
	} {
		if l := s.ask(t, "GET", target, "").orders(t); fmt.Sprint(l.ids()) != want || l.Next != "" {
			t.Errorf("%s: %v, next %q; want %s", target, l.ids(), l.Next, want)
		}
	}
	var got []string
	for path := "/api/orders?limit=3"; ; {
		l := s.ask(t, "GET", path, "").orders(t)
		if got = append(got, l.ids()...); l.Next == "" {
			break
		}
		path = "/api/orders?limit=3&cursor=" + l.Next
	}
	if fmt.Sprint(got) != "[o6 o5 o4 o3 o2 o1 o0]" {
		t.Errorf("page by page: %v", got)
	}
	for target, want := range map[string]string{
		"/api/users/9/orders":                                  "404 no-such-user",
		"/api/orders/none":                                     "404 no-such-order",
		"/api/orders//o1":                                      "404 no-such-route",
		"/api/orders?status=lost":                              "422 unknown-status",
		"/api/orders?final=maybe":                              "400 bad-parameter",
		"/api/orders?limit=0":                                  "400 bad-limit",
		"/api/orders?cursor=" + door.Cursor("x"):               "400 bad-cursor",
		"/api/orders?final=true&cursor=" + door.Cursor("1:o1"): "400 bad-cursor",
		"/api/orders?final=true&cursor=" + door.Cursor("-5"):   "400 bad-cursor",
		"/api/orders?cursor=" + door.Cursor("-5:o1"):           "400 bad-cursor",
		"/api/orders?UserID=1":                                 "400 unknown-parameter",
		"/api/orders?userId=":                                  "400 empty-parameter",
		"/api/orders?status=":                                  "400 empty-parameter",
		"/api/orders?final=":                                   "400 empty-parameter",
		"/api/users/1/orders?userId=2":                         "400 unknown-parameter",
		"/api/orders/o1?until=2999-01-01T00:00:00Z":            "400 unknown-parameter",
	} {
		a := s.ask(t, "GET", target, "")
		if got := a.told(t); got != want {
			t.Errorf("%s: %s, %s; want %s", target, got, a.text, want)
		}
	}
}

func TestHistory(t *testing.T) {
	s := open(t)
	s.placed(t, "o")
	s.hears(t, "o", processed, stocked, onItsWay)
	var p struct {
		Events []struct {
			Type    string
			Time    time.Time
			Version int64
			Data    map[string]any
		}
		Order document
	}
	a := s.ask(t, "GET", "/api/orders/o/events", "")
	if err := json.Unmarshal([]byte(a.text), &p); err != nil {
		t.Fatal(err)
	}
	now := s.ask(t, "GET", "/api/orders/o", "").order(t)
	if len(p.Events) != 3 || p.Events[0].Data["total"] != "2400.00" || !reflect.DeepEqual(p.Order, now) {
		t.Fatalf("got %s", a.text)
	}
	stages := []struct {
		kind              string
		state             State
		payment, shipment string
	}{
		{"OrderCreated", Pending, "pending", "pending"},
		{"OrderConfirmed", Confirmed, "captured", "pending"},
		{"OrderCompleted", Completed, "captured", "shipped"},
	}
	for i, want := range stages {
		e := p.Events[i]
		at := e.Time.Format(time.RFC3339Nano)
		var then struct {
			Events []any
			Order  document
		}
		a := s.ask(t, "GET", "/api/orders/o/events?until="+at, "")
		if err := json.Unmarshal([]byte(a.text), &then); err != nil {
			t.Fatal(err)
		}
		o := then.Order
		if len(then.Events) != i+1 || o.Version != int64(i+1) || e.Type != want.kind || o.Status != want.state || o.Payment.Status != want.payment || o.Shipment.Status != want.shipment {
			t.Errorf("until %s: %s; want %v", at, a.text, want)
		}
		// How often it was tried is not in the history, and 0 would be wrong once it is paid.
		if n := o.Payment.Attempts; i < 2 && (n != nil) != (want.payment == "pending") {
			t.Errorf("until %s: attempts %v in %s", at, n, a.text)
		}
	}
	before := p.Events[0].Time.Add(-time.Microsecond).Format(time.RFC3339Nano)
	for query, want := range map[string]int{"?until=" + before: 404, "?until=yesterday": 400, "?until=2999-01-01T00:00:00+02:00": 200} {
		if a := s.ask(t, "GET", "/api/orders/o/events"+query, ""); a.status != want {
			t.Errorf("%s: %d %s; want %d", query, a.status, a.text, want)
		}
	}
}
