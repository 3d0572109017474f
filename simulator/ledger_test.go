package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestKeyIsIdempotent(t *testing.T) {
	s := start(t, file(t), Options{})
	first := request{Key: "k", OrderID: "o", Amount: 100, Currency: "USD", Method: "ok"}
	_, want := s.do("POST", "/charges", first)
	if code, got := s.do("POST", "/charges", first); code != 200 || got != want {
		t.Errorf("the same again: got %d %+v, want %+v", code, got, want)
	}
	for name, other := range map[string]request{
		"amount":   {Key: "k", OrderID: "o", Amount: 101, Currency: "USD", Method: "ok"},
		"currency": {Key: "k", OrderID: "o", Amount: 100, Currency: "EUR", Method: "ok"},
		"order":    {Key: "k", OrderID: "p", Amount: 100, Currency: "USD", Method: "ok"},
	} {
		if code, a := s.do("POST", "/charges", other); code != 422 || a.Status != mismatch {
			t.Errorf("other %s: got %d %s, want 422 mismatch", name, code, a.Status)
		}
	}
	if code, got := s.do("GET", "/charges/k", nil); code != 200 || got != want {
		t.Errorf("lookup: got %d %+v, want %+v", code, got, want)
	}
}

func TestVoid(t *testing.T) {
	s := start(t, file(t), Options{})
	if code, a := s.do("POST", "/charges/early/void", nil); code != 200 || a.Status != voided {
		t.Errorf("void of an unknown key: got %d %s, want 200 voided", code, a.Status)
	}
	if code, a := s.charge("early", "ok"); code != 409 || a.Status != voided {
		t.Errorf("charge of a voided key: got %d %s, want 409 voided", code, a.Status)
	}
	if code, a := s.do("GET", "/charges/early", nil); code != 200 || a.Status != voided {
		t.Errorf("lookup of a voided key: got %d %s, want 200 voided", code, a.Status)
	}
	s.charge("paid", "ok")
	if code, a := s.do("POST", "/charges/paid/void", nil); code != 200 || a.Status != captured {
		t.Errorf("void of a captured charge: got %d %s, want 200 captured", code, a.Status)
	}
	s.charge("no", "declined")
	if code, a := s.do("POST", "/charges/no/void", nil); code != 200 || a.Status != declined {
		t.Errorf("void of a declined charge: got %d %s, want 200 declined", code, a.Status)
	}
}

func TestRefund(t *testing.T) {
	s := start(t, file(t), Options{})
	s.charge("paid", "ok")
	s.charge("no", "declined")
	refund := func(key, charge, order string, amount int64) (int, answer) {
		return s.do("POST", "/refunds", request{Key: key, ChargeKey: charge, OrderID: order, Amount: amount, Currency: "USD"})
	}
	_, want := refund("r1", "paid", "o-paid", 2000)
	if want.Status != refunded || want.Reference == "" {
		t.Fatalf("refund: got %+v", want)
	}
	if code, got := refund("r1", "paid", "o-paid", 2000); code != 200 || got != want {
		t.Errorf("the same again: got %d %+v, want %+v", code, got, want)
	}
	for _, tt := range []struct {
		name, key, charge, order string
		amount                   int64
		code                     int
		status                   string
	}{
		{"known key, other amount", "r1", "paid", "o-paid", 500, 422, mismatch},
		{"more than is left", "r2", "paid", "o-paid", 501, 409, refused},
		{"declined charge", "r3", "no", "o-no", 1, 409, refused},
		{"unknown charge", "r4", "nobody", "o", 1, 409, refused},
		{"other order", "r5", "paid", "o-no", 1, 409, refused},
		{"the rest", "r6", "paid", "o-paid", 500, 200, refunded},
	} {
		if code, a := refund(tt.key, tt.charge, tt.order, tt.amount); code != tt.code || a.Status != tt.status {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, code, a.Status, tt.code, tt.status)
		}
	}
}

func TestEveryRequestLeavesACall(t *testing.T) {
	s := start(t, file(t), Options{})
	s.do("GET", "/charges/k", nil)
	s.charge("k", "fails_twice")
	s.charge("k", "timeout_lost")
	s.charge("k", "timeout_captured")
	s.charge("k", "ok")
	s.do("GET", "/charges/k", nil)
	s.do("POST", "/charges/k/void", nil)
	s.faults(`{"down":true}`)
	s.charge("k", "ok")
	want := []string{"lookup not_found", "charge unavailable", "charge lost cut", "charge captured cut", "charge captured",
		"lookup captured", "void captured", "charge down"}
	if got := s.calls("k"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLedgerPages(t *testing.T) {
	s := start(t, file(t), Options{})
	for _, key := range []string{"a", "b", "c"} {
		s.charge(key, "ok")
		s.do("GET", "/charges/"+key, nil) // leaves a gap
	}
	s.do("POST", "/refunds", request{Key: "r", ChargeKey: "a", OrderID: "o-a", Amount: 2500, Currency: "USD"})
	s.stop()
	l := open(t, s.file)
	var got []string
	pages := 0
	for cursor := int64(0); pages == 0 || cursor != 0; pages++ {
		items, next, err := l.page(t.Context(), cursor, 2)
		if err != nil || pages > 4 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, a := range items {
			got = append(got, a.Key+" "+a.Status)
		}
		cursor = next
	}
	if want := []string{"a captured", "b captured", "c captured", "r refunded"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLedgerOverHTTP(t *testing.T) {
	s := start(t, file(t), Options{})
	s.charge("a", "ok")
	for path, want := range map[string]int{"/ledger": 200, "/ledger?cursor=7": 200, "/ledger?cursor=x": 400, "/ledger?limit=1": 200, "/ledger?limit=0": 400, "/ledger?limit=1001": 400, "/ledger?limit=x": 400, "/healthz": 204, "/faults": 200} {
		if code, _ := s.do("GET", path, nil); code != want {
			t.Errorf("GET %s: got %d, want %d", path, code, want)
		}
	}
}

// Whoever keeps the cursor of an entry goes on right behind it, and misses nothing that
// comes later.
func TestLedgerGoesOnBehindAnEntry(t *testing.T) {
	s := start(t, file(t), Options{})
	list := func(query string) (keys []string, last string) {
		resp, err := http.Get(s.url + "/ledger?" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var page struct {
			Items []answer
			Now   time.Time
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || time.Since(page.Now).Abs() > time.Minute {
			t.Fatalf("%s: now is %v, %v", query, page.Now, err)
		}
		for _, a := range page.Items {
			keys, last = append(keys, a.Key+" "+a.Status), a.Cursor
		}
		return keys, last
	}
	s.charge("a", "ok")
	s.charge("b", "declined")
	s.charge("c", "ok")
	keys, cursor := list("limit=2")
	if want := []string{"a captured", "b declined"}; !slices.Equal(keys, want) {
		t.Errorf("first page: got %q, want %q", keys, want)
	}
	s.do("POST", "/refunds", request{Key: "r", ChargeKey: "a", OrderID: "o-a", Amount: 2500, Currency: "USD"})
	keys, cursor = list("cursor=" + cursor)
	if want := []string{"c captured", "r refunded"}; !slices.Equal(keys, want) {
		t.Errorf("behind the first: got %q, want %q", keys, want)
	}
	if keys, _ = list("cursor=" + cursor); len(keys) != 0 {
		t.Errorf("behind the end: got %q, want nothing", keys)
	}
	s.faults(`{"down":true}`)
	if code, _ := s.do("GET", "/ledger", nil); code != 503 {
		t.Errorf("down: got %d, want 503", code)
	}
}
