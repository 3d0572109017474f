package simulator

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

func (r *running) authorize(key, method string) (int, answer) {
	return r.do("POST", "/authorizations", request{Key: key, OrderID: "o-" + key, Amount: 2500, Currency: "USD", Method: method})
}

func (r *running) capture(key string) (int, answer) {
	return r.do("POST", "/authorizations/"+key+"/capture", nil)
}

// In two steps each method comes to what it comes to in one.
func TestMethodsInTwoSteps(t *testing.T) {
	s := start(t, file(t), Options{Slow: 50 * time.Millisecond})
	type got struct {
		code   int
		status string
	}
	cut := got{0, "cut"}
	for _, tt := range []struct {
		method    string
		authorize []got // of the same request, again and again
		held      got   // to a lookup
		capture   []got
		then      got // to a lookup
	}{
		{"ok", []got{{200, authorized}, {200, authorized}}, got{200, authorized}, []got{{200, captured}, {200, captured}}, got{200, captured}},
		{"declined", []got{{200, declined}, {200, declined}}, got{200, declined}, []got{{200, declined}}, got{200, declined}},
		{"declined_late", []got{{200, authorized}}, got{200, authorized}, []got{{200, declined}, {200, declined}}, got{200, declined}},
		{"fails_twice", []got{{503, unavailable}, {503, unavailable}, {200, authorized}}, got{200, authorized}, []got{{200, captured}}, got{200, captured}},
		{"unavailable", []got{{503, unavailable}, {503, unavailable}, {503, unavailable}}, got{404, notFound}, []got{{404, notFound}}, got{404, notFound}},
		{"timeout_captured", []got{{200, authorized}}, got{200, authorized}, []got{cut, {200, captured}}, got{200, captured}},
		{"timeout_lost", []got{cut, cut, cut}, got{404, notFound}, []got{{404, notFound}}, got{404, notFound}},
		{"slow", []got{{200, authorized}}, got{200, authorized}, []got{{200, captured}}, got{200, captured}},
	} {
		t.Run(tt.method, func(t *testing.T) {
			key := "k-" + tt.method
			check := func(what string, want got, code int, a answer) {
				t.Helper()
				if code != want.code || a.Status != want.status {
					t.Errorf("%s: got %d %s, want %v", what, code, a.Status, want)
				}
			}
			look := func(want got) {
				t.Helper()
				code, a := s.do("GET", "/charges/"+key, nil)
				check("lookup", want, code, a)
			}
			for _, want := range tt.authorize {
				code, a := s.authorize(key, tt.method)
				check("authorize", want, code, a)
			}
			look(tt.held)
			for _, want := range tt.capture {
				code, a := s.capture(key)
				check("capture", want, code, a)
			}
			look(tt.then)
		})
	}
}

// A hold is given up for good, before and after it is there; what was captured is not.
func TestVoidOfAHold(t *testing.T) {
	s := start(t, file(t), Options{})
	void := func(key string) (int, answer) { return s.do("POST", "/charges/"+key+"/void", nil) }
	void("early")
	if code, a := s.authorize("early", "ok"); code != 409 || a.Status != voided {
		t.Errorf("hold of a voided key: got %d %s, want 409 voided", code, a.Status)
	}
	s.authorize("k", "ok")
	_, want := void("k")
	if want.Status != voided || want.Amount != 2500 || want.OrderID != "o-k" {
		t.Errorf("void of a hold: got %+v", want)
	}
	if code, got := void("k"); code != 200 || got != want {
		t.Errorf("the same again: got %d %+v, want %+v", code, got, want)
	}
	for what, ask := range map[string]func() (int, answer){
		"capture": func() (int, answer) { return s.capture("k") },
		"hold":    func() (int, answer) { return s.authorize("k", "ok") },
		"charge":  func() (int, answer) { return s.charge("k", "ok") },
	} {
		if code, a := ask(); code != 409 || a.Status != voided {
			t.Errorf("%s after the void: got %d %s, want 409 voided", what, code, a.Status)
		}
	}
	s.authorize("paid", "ok")
	s.capture("paid")
	if code, a := void("paid"); code != 200 || a.Status != captured {
		t.Errorf("void of what was captured: got %d %s, want 200 captured", code, a.Status)
	}
}

// A hold is its key, amount, currency and order, and no charge.
func TestHoldIsIdempotent(t *testing.T) {
	s := start(t, file(t), Options{Faults: Faults{Duplicate: true}})
	_, want := s.authorize("k", "ok")
	if code, got := s.authorize("k", "ok"); code != 200 || got != want || want.Reference == "" {
		t.Errorf("the same again: got %d %+v, want %+v", code, got, want)
	}
	other := request{Key: "k", OrderID: "o-k", Amount: 2501, Currency: "USD", Method: "ok"}
	if code, a := s.do("POST", "/authorizations", other); code != 422 || a.Status != mismatch {
		t.Errorf("other amount: got %d %s, want 422 mismatch", code, a.Status)
	}
	if code, a := s.charge("k", "ok"); code != 422 || a.Status != mismatch {
		t.Errorf("charge of what is held: got %d %s, want 422 mismatch", code, a.Status)
	}
	if code, a := s.do("POST", "/refunds", request{Key: "r", ChargeKey: "k", OrderID: "o-k", Amount: 1, Currency: "USD"}); code != 409 || a.Status != refused {
		t.Errorf("refund of what is only held: got %d %s, want 409 refused", code, a.Status)
	}
	var all sync.WaitGroup
	references := make([]string, 5)
	for i := range references {
		all.Go(func() {
			_, a := s.capture("k")
			references[i] = a.Reference
		})
	}
	all.Wait()
	if references = slices.Compact(references); references[0] == "" || references[0] == want.Reference || len(references) != 1 {
		t.Errorf("captured at once: references %q, want one", references)
	}
	if code, a := s.do("POST", "/refunds", request{Key: "r", ChargeKey: "k", OrderID: "o-k", Amount: 2500, Currency: "USD"}); code != 200 || a.Status != refunded {
		t.Errorf("refund of what was captured: got %d %s, want 200 refunded", code, a.Status)
	}
}

// The ledger tells of a hold, and of what became of it, and goes on after a restart.
func TestLedgerTellsOfHolds(t *testing.T) {
	path := file(t)
	s := start(t, path, Options{})
	s.authorize("a", "ok")
	s.authorize("b", "declined_late")
	s.authorize("c", "ok")
	s.authorize("d", "declined")
	s.stop()
	s = start(t, path, Options{})
	s.capture("a")
	s.capture("b")
	s.do("POST", "/charges/c/void", nil)
	s.stop()
	items, _, err := open(t, path).page(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range items {
		got = append(got, a.Key+" "+a.Status)
	}
	want := []string{"a authorized", "b authorized", "c authorized", "d declined", "a captured", "b declined", "c voided"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Both steps leave a call; a fault concerns them as all others.
func TestHoldsLeaveCalls(t *testing.T) {
	s := start(t, file(t), Options{})
	s.capture("k")
	s.authorize("k", "timeout_captured")
	s.capture("k")
	s.faults(`{"down":true}`)
	if code, _ := s.authorize("k", "ok"); code != http.StatusServiceUnavailable {
		t.Errorf("down: got %d, want 503", code)
	}
	s.capture("k")
	want := []string{"capture not_found", "authorize authorized", "capture captured cut", "authorize down", "capture down"}
	if got := s.calls("k"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
