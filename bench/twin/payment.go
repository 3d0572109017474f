package twin

import (
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/payment"
)

// A bill is what an order is to pay.
type bill struct {
	payment.Charge
	style string
	lines []contract.Line
}

// wantPayment stores the intent to charge, and its key, before the call.
func wantPayment(e envelope) func(*tx) {
	o := wire.Decode[contract.OrderCreated](e.body)
	b := bill{payment.Charge{OrderID: o.OrderID, Amount: o.Total, Currency: o.Currency, Method: o.Method}, o.Style, o.Lines}
	return b.want(e, "wanted", "charge")
}

// want stores a payment, and the first call for it.
func (b bill) want(e envelope, status, call string) func(*tx) {
	b.Key = "pay-" + b.OrderID
	lines, work := wire.Encode(b.lines), wire.Encode(b.Charge)
	return func(t *tx) {
		t.do(`INSERT INTO payment (order_id, status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, created, updated)
			VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, '', '', 0, 0, ?9, ?9)`).
			text(b.OrderID).text(status).int(b.Amount).text(b.Currency).text(b.Method).text(b.style).text(string(lines)).text(b.Key).int(t.now).run()
		t.send(e, job{queue: payments, kind: call, body: work})
	}
}

const payments = "payment_charges"

// charge calls the provider for a job; what it answered is to be stored.
func (s *shop) charge(j envelope) func(*tx) {
	c := wire.Decode[payment.Charge](j.body)
	receipt := s.provider.Charge(j.body)
	return func(t *tx) { t.take(j, c, receipt, 1) }
}

// take books the money that call n for an order has captured.
func (t *tx) take(j envelope, c payment.Charge, r wire.Receipt, n int64) {
	t.attempt(j, c, r, attempt{n, "captured"})
	t.do(`INSERT INTO entry (id, order_id, kind, debit, credit, amount, currency, at, made) VALUES (?, ?, 'capture', 'provider', ?, ?, ?, ?, ?)`).
		text("capture-" + c.OrderID).text(c.OrderID).text("sales:" + c.Currency).int(c.Amount).text(c.Currency).int(t.now).int(r.At.UnixMicro()).run()
	said := contract.PaymentProcessed{OrderID: c.OrderID, Amount: c.Amount, Currency: c.Currency, Reference: r.Reference, Attempts: 1}
	p := t.do(`UPDATE payment SET status = 'captured', reference = ?1, attempts = ?2, calls = ?2, captures = ?2 - 1, updated = ?3 WHERE order_id = ?4 RETURNING style, lines`).
		text(r.Reference).int(n).int(t.now).text(c.OrderID)
	p.rows(func() { said.Style, said.Lines = p.ColumnText(0), wire.Decode[[]contract.Line](p.blob(1)) })
	t.say(j, 0, said)
}

// An attempt is a call for an order, by its number, and what came of it.
type attempt struct {
	n      int64
	status string
}

// attempt stores the call of a job.
func (t *tx) attempt(j envelope, c payment.Charge, r wire.Receipt, a attempt) {
	t.do(`INSERT INTO attempt (order_id, n, kind, key, status, reference, error, at) VALUES (?, ?, ?, ?, ?, ?, '', ?)`).
		text(c.OrderID).int(a.n).text(j.kind).text(c.Key).text(a.status).text(r.Reference).int(t.now).run()
}
