package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/timeline"
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
	at := func(seconds int) time.Time { return time.Date(2030, 1, 1, 0, 0, seconds, 0, time.UTC) }
	a := account{Timeline: operate.Order{Timeline: timeline.Timeline{
		Moments: []timeline.Moment{
			{Time: at(0), Service: "order", Kind: "OrderCreated", Body: jsontext.Value(`{"total":1200}`)},
			{Time: at(3), Service: "payment", Kind: "PaymentProcessed", Cause: "j1", By: "order", After: "OrderCreated", Through: "work", Waited: 3000},
			{Time: at(8), Service: "order", Kind: "OrderNoted", Cause: "deadline-4711"},
			{Time: at(9), Service: "order", Kind: "OrderCompleted", Cause: "m2", By: "payment", After: "PaymentProcessed", Waited: 6000.25},
		},
		Waiting: []timeline.Waiting{
			{Service: "notification", What: "work", Place: "notification_mails", Kind: "mail", Since: at(9), Due: at(30), Tries: 2, Failure: "refused\nat once"},
			{Service: "shipping", What: "dead", Place: "order", Kind: "OrderFailed", Since: at(9)},
		},
		ReadUntil: at(20),
	}}}
	if err := a.fetch(c, "4711"); err != nil {
		t.Fatal(err)
	}
	if a.Shipment != nil || len(a.Inventory) != 1 {
		t.Errorf("got %+v, want what services have not heard of left out", a)
	}
	var out bytes.Buffer
	if err := a.print(&console{out: &out}); err != nil {
		t.Fatal(err)
	}
	place := 0
	for _, want := range []string{"OrderCreated", "a request", `{"total":1200}`, "charge unknown", "no answer", "PaymentProcessed", "order OrderCreated *", "3000.0ms",
		"lookup captured", "ch_1", "posting", "sales:USD -12.00 USD", "OrderNoted", "deadline-4711", "OrderCompleted", "payment PaymentProcessed", "6000.2ms",
		"2030-01-01T00:00:20.000Z", "not read further", "waits", "work: mail", "notification_mails, failed 2 times: refused, due 2030-01-01T00:00:30.000Z",
		"waits", "dead: OrderFailed", "captured", `{"productId":"a b","onHand":3}`} {
		i := strings.Index(out.String()[place:], want)
		if i < 0 {
			t.Fatalf("got\n%swant %q after byte %d", out.String(), want, place)
		}
		place += i
	}
	if err := new(account).fetch(c, "none"); err == nil || optional(err) != nil || err.Error() != "There is no such order." {
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
