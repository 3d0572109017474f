package payment

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
)

func (b *bench) get(orderID string) (door.Answer, error) {
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/api/payments/"+orderID, nil)
	r.SetPathValue("orderId", orderID)
	return b.Routes()[0].Handle(r)
}

func TestShowUnknown(t *testing.T) {
	_, err := newBench(t).get("nobody")
	var p *door.Problem
	if !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("got %v, want 404", err)
	}
}

func TestShow(t *testing.T) {
	b := newBench(t)
	b.must(b.hear(created("o", "ok"), "o"))
	b.must(b.answer(charge{asked()}, Captured))
	b.must(b.hear(contract.OrderFailed{OrderID: "o"}, "o"))
	b.must(b.answer(refund{asked()}, Refunded))
	answer, err := b.get("o")
	b.must(err)
	v := answer.Body.(view)
	for i := range v.Attempts {
		if time.Since(v.Attempts[i].At) > time.Minute {
			t.Errorf("attempt %d at %v", i, v.Attempts[i].At)
		}
		v.Attempts[i].At = time.Unix(0, 0).UTC()
	}
	for i := range v.Postings {
		v.Postings[i].At = time.Unix(0, 0).UTC()
	}
	got, err := json.Marshal(v, jsontext.WithIndent("\t"))
	b.must(err)
	const want = `{
	"orderId": "o",
	"status": "refunded",
	"attempts": [
		{
			"kind": "charge",
			"status": "captured",
			"reference": "ref",
			"error": "",
			"at": "1970-01-01T00:00:00Z"
		},
		{
			"kind": "refund",
			"status": "refunded",
			"reference": "ref",
			"error": "",
			"at": "1970-01-01T00:00:00Z"
		}
	],
	"postings": [
		{
			"account": "provider",
			"amount": "25.00",
			"currency": "USD",
			"at": "1970-01-01T00:00:00Z"
		},
		{
			"account": "sales:USD",
			"amount": "-25.00",
			"currency": "USD",
			"at": "1970-01-01T00:00:00Z"
		},
		{
			"account": "sales:USD",
			"amount": "25.00",
			"currency": "USD",
			"at": "1970-01-01T00:00:00Z"
		},
		{
			"account": "provider",
			"amount": "-25.00",
			"currency": "USD",
			"at": "1970-01-01T00:00:00Z"
		}
	]
}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestShowBeforeAndWithoutMoney(t *testing.T) {
	b := newBench(t)
	b.must(b.hear(created("o", "ok"), "o"))
	b.must(b.hear(contract.OrderCancelled{OrderID: "o"}, "o"))
	b.must(b.hear(contract.OrderCancelled{OrderID: "p"}, "p"))
	for orderID, want := range map[string]string{
		"o": `{"orderId":"o","status":"wanted","attempts":[],"postings":[]}`,
		"p": `{"orderId":"p","status":"ended","attempts":[],"postings":[]}`,
	} {
		answer, err := b.get(orderID)
		b.must(err)
		if got, err := json.Marshal(answer.Body); err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}
