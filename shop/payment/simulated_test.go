package payment

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Only a whole answer about this key, amount and currency is an answer.
func TestWhatIsNotClearIsUnknown(t *testing.T) {
	const good = `{"key":"pay-o","orderId":"o","amount":2500,"currency":"USD","status":"captured","reference":"r"}`
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, tt := range []struct {
		name string
		code int
		body string
		want Outcome
	}{
		{"captured", 200, good, Captured},
		{"held", 200, with("captured", "authorized"), Authorized},
		{"held, of another amount", 200, `{"key":"pay-o","orderId":"o","amount":1,"currency":"USD","status":"authorized","reference":"r"}`, Unknown},
		{"declined", 200, with("captured", "declined"), Declined},
		{"voided, told to a lookup", 200, `{"key":"pay-o","status":"voided"}`, Voided},
		{"voided, told to a charge", 409, `{"key":"pay-o","status":"voided"}`, Voided},
		{"not found", 404, `{"key":"pay-o","status":"not_found"}`, NotFound},
		{"transient", 503, `{"key":"pay-o","status":"unavailable"}`, Unavailable},
		{"other key", 200, with("pay-o", "pay-p"), Unknown},
		{"other order", 200, with(`"orderId":"o"`, `"orderId":"p"`), Unknown},
		{"other amount", 200, with("2500", "2501"), Unknown},
		{"other currency", 200, with("USD", "EUR"), Unknown},
		{"no reference", 200, with(`,"reference":"r"`, ""), Unknown},
		{"no such status", 200, with("captured", "pending"), Unknown},
		{"captured, but an error", 500, good, Unknown},
		{"accepted", 202, good, Unknown},
		{"refused with other content", 422, `{"key":"pay-o","status":"mismatch"}`, Unknown},
		{"a proxy's 404", 404, `<html>not found</html>`, Unknown},
		{"a proxy's 503", 503, `no backend`, Unknown},
		{"a stranger's 503", 503, `{"status":"unavailable"}`, Unknown},
		{"redirected", 307, ``, Unknown},
		{"cut short", 200, good[:len(good)-5], Unknown},
		{"nothing", 200, "", Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.code)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			p := NewSimulated(server.URL)
			for name, ask := range map[string]func(context.Context, Charge) Answer{"charge": p.Charge, "lookup": p.Lookup, "void": p.Void} {
				got := ask(t.Context(), asked().Charge)
				if got.Outcome != tt.want {
					t.Errorf("%s: got %+v, want %s", name, got, tt.want)
				}
				if got.Outcome == Unknown && (got.Error == "" || strings.Contains(got.Error, server.URL)) {
					t.Errorf("%s: got error %q, want a reason without the provider's address", name, got.Error)
				}
			}
			if got := p.Refund(t.Context(), "refund-o", asked().Charge); got.Outcome != Unknown {
				t.Errorf("refund: got %+v, want it unknown", got)
			}
		})
	}
}

func TestRefundIsUnderstood(t *testing.T) {
	const good = `{"key":"refund-o","chargeKey":"pay-o","orderId":"o","amount":2500,"currency":"USD","status":"refunded","reference":"r"}`
	for body, want := range map[string]Outcome{
		good: Refunded,
		strings.Replace(good, "pay-o", "pay-p", 1):         Unknown,
		strings.Replace(good, "2500", "2499", 1):           Unknown,
		strings.Replace(good, `,"reference":"r"`, "", 1):   Unknown,
		strings.Replace(good, "refunded", "refused", 1):    Unknown,
		strings.Replace(good, "refund-o", "refund-xx", 1):  Unknown,
		strings.Replace(good, `"USD"`, `"JPY"`, 1):         Unknown,
		strings.Replace(good, `"refund-o"`, `"pay-o"`, 1):  Unknown,
		strings.Replace(good, `"refunded"`, `"voided"`, 1): Unknown,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		if got := NewSimulated(server.URL).Refund(t.Context(), "refund-o", asked().Charge); got.Outcome != want {
			t.Errorf("%s: got %+v, want %s", body, got, want)
		}
		server.Close()
	}
}

// Nobody repeats a request behind our back, and nobody waits for ever.
func TestNoAnswer(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			_, _ = w.Write([]byte(`{}`)) // so that the next one comes on a connection that was used before
			return
		}
		if r.URL.Path == "/charges/pay-o/void" {
			<-r.Context().Done()
			return
		}
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	p := NewSimulated(server.URL)
	p.Charge(t.Context(), asked().Charge)
	if got := p.Charge(t.Context(), asked().Charge); got.Outcome != Unknown {
		t.Errorf("cut: got %+v, want it unknown", got)
	}
	if got := requests.Load(); got != 2 {
		t.Errorf("got %d requests, want 2", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := p.Void(ctx, asked().Charge); got.Outcome != Unknown {
		t.Errorf("hanging: got %+v, want it unknown", got)
	}
	server.Close()
	if got := p.Lookup(t.Context(), asked().Charge); got.Outcome != Unknown {
		t.Errorf("nobody there: got %+v, want it unknown", got)
	}
}
