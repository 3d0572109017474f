package twin

import (
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/payment"
)

// wantPayment stores the intent to charge, and its key, before the call.
func wantPayment(e envelope) func(*tx) {
	o := wire.Decode[contract.OrderCreated](e.body)
	lines := wire.Encode(o.Lines)
	charge := payment.Charge{Key: "pay-" + o.OrderID, OrderID: o.OrderID, Amount: o.Total, Currency: o.Currency, Method: o.Method}
	work := wire.Encode(charge)
	return func(t *tx) {
		t.do(`INSERT INTO payment (order_id, status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, created, updated)
			VALUES (?1, 'wanted', 0, ?2, ?3, ?4, ?5, ?6, ?7, '', '', 0, 0, ?8, ?8)`).
			text(o.OrderID).int(o.Total).text(o.Currency).text(o.Method).text(o.Style).text(string(lines)).text(charge.Key).int(t.now).run()
		t.send(e, job{queue: "payment_charges", kind: "charge", body: work})
	}
}

// charge calls the provider for a job; what it answered is to be stored.
func (s *shop) charge(j envelope) func(*tx) {
	c := wire.Decode[payment.Charge](j.body)
	receipt := s.provider.Charge(j.body)
	return func(t *tx) {
		t.do(`INSERT INTO attempt (order_id, n, kind, key, status, reference, error, at) VALUES (?, 1, 'charge', ?, 'captured', ?, '', ?)`).
			text(c.OrderID).text(c.Key).text(receipt.Reference).int(t.now).run()
		t.do(`INSERT INTO entry (id, order_id, kind, debit, credit, amount, currency, at, made) VALUES (?, ?, 'capture', 'provider', ?, ?, ?, ?, ?)`).
			text("capture-" + c.OrderID).text(c.OrderID).text("sales:" + c.Currency).int(c.Amount).text(c.Currency).int(t.now).int(receipt.At.UnixMicro()).run()
		said := contract.PaymentProcessed{OrderID: c.OrderID, Amount: c.Amount, Currency: c.Currency, Reference: receipt.Reference, Attempts: 1}
		p := t.do(`UPDATE payment SET status = 'captured', reference = ?, attempts = 1, calls = 1, updated = ? WHERE order_id = ? RETURNING style, lines`).
			text(receipt.Reference).int(t.now).text(c.OrderID)
		p.rows(func() { said.Style, said.Lines = p.ColumnText(0), wire.Decode[[]contract.Line](p.blob(1)) })
		t.say(j, 0, said)
	}
}
