package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestOrderIsToldInOrderOfTime(t *testing.T) {
	c := serve(t, map[string]string{
		"GET /api/orders/4711/events": `{"events":[
			{"type":"OrderCreated","time":"2030-01-01T00:00:00Z","version":1,"data":{"total":"12.00"}},
			{"type":"OrderCompleted","time":"2030-01-01T00:00:09Z","version":2,"data":{}}],
			"order":{"id":"4711","items":[{"productId":"a b","quantity":1},{"productId":"c","quantity":1}]}}`,
		"GET /api/payments/4711": `{"orderId":"4711","status":"captured","attempts":[
			{"kind":"charge","status":"unknown","reference":"","error":"no answer","at":"2030-01-01T00:00:02Z"},
			{"kind":"lookup","status":"captured","reference":"ch_1","error":"","at":"2030-01-01T00:00:03Z"}],
			"postings":[{"account":"sales:USD","amount":"-12.00","currency":"USD","at":"2030-01-01T00:00:03Z"}]}`,
		"GET /api/inventory/a%20b": `{"productId":"a b","onHand":3}`,
	})
	a, err := fetch(c, "4711")
	if err != nil {
		t.Fatal(err)
	}
	if a.Shipment != nil || len(a.Inventory) != 1 {
		t.Errorf("got %+v, want what services have not heard of left out", a)
	}
	var out bytes.Buffer
	if err := a.print(&console{out: &out}); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{"OrderCreated", "charge unknown", "no answer", "lookup captured", "ch_1", "posting", "sales:USD -12.00 USD",
		"OrderCompleted", "payment    captured", `{"productId":"a b","onHand":3}`} {
		i := strings.Index(out.String()[at:], want)
		if i < 0 {
			t.Fatalf("got\n%swant %q after byte %d", out.String(), want, at)
		}
		at += i
	}
	if _, err := fetch(c, "none"); err == nil || optional(err) != nil || err.Error() != "There is no such order." {
		t.Errorf("got %v, want 404, said once", err)
	}
}

func TestInlineFitsOnALine(t *testing.T) {
	if got := inline(json.RawMessage(`{"a":1}`)); got != `{"a":1}` {
		t.Errorf("got %s", got)
	}
	long := json.RawMessage(strings.Repeat("ä", 200))
	if got := inline(long); len(got) > 170 || !strings.HasSuffix(got, "…") || strings.Contains(got, "\uFFFD") {
		t.Errorf("got %q", got)
	}
}
