package twin

import (
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/payment"
)

// What is different where the order service conducts: it asks, and where each order stands
// is a row beside it.

// The steps that are asked of others.
const (
	stepReserve   = "reserve stock"
	stepAuthorize = "authorize payment"
	stepCapture   = "capture payment"
	stepShip      = "ship"
)

// shippingTime is how long shipping would have before it is asked again.
const shippingTime = time.Hour

// orchestrated is who follows whom.
func (s *shop) orchestrated() []follower {
	return []follower{
		{from: s.order, to: s.inventory, log: "order", handle: handlers{
			contract.ReserveStock{}.Kind(): reserveStock, contract.OrderCompleted{}.Kind(): partWithStock}},
		{from: s.order, to: s.payment, log: "order", handle: handlers{
			contract.AuthorizePayment{}.Kind(): wantHold, contract.CapturePayment{}.Kind(): wantCapture}},
		{from: s.order, to: s.shipping, log: "order", handle: handlers{contract.ShipOrder{}.Kind(): shipOrder}},
		{from: s.inventory, to: s.order, log: "inventory", handle: handlers{contract.InventoryUpdated{}.Kind(): stockReserved}},
		{from: s.payment, to: s.order, log: "payment", handle: handlers{
			contract.PaymentAuthorized{}.Kind(): paymentAuthorized, contract.PaymentProcessed{}.Kind(): paymentCaptured}},
		{from: s.shipping, to: s.order, log: "shipping", handle: handlers{contract.OrderShipped{}.Kind(): orderShipped}},
	}
}

// conduct begins the saga of an order: where it stands, until when, and what it asks first.
func conduct(a wire.Accepted) func(*tx, envelope) {
	first := contract.ReserveStock{OrderID: a.OrderID, Style: a.Style, Lines: a.Lines}
	asked := wire.Encode(first)
	return func(t *tx, e envelope) {
		t.setOut(e.key, "place-order", stepReserve)
		t.command(e, first.Kind(), asked)
		t.expire(e, "overdue", a)
	}
}

// stockReserved: its money is to be held.
func stockReserved(e envelope) func(*tx) {
	return func(t *tx) {
		ask := contract.AuthorizePayment{OrderID: e.key}
		o := t.do(`UPDATE orders SET stock_status = 'reserved', updated = ? WHERE id = ? RETURNING style, total, currency, method, lines`).int(t.now).text(e.key)
		o.rows(func() {
			ask.Style, ask.Amount, ask.Currency, ask.Method = o.ColumnText(0), o.ColumnInt64(1), o.ColumnText(2), o.ColumnText(3)
			ask.Lines = wire.Decode[[]contract.Line](o.blob(4))
		})
		t.goOn(e.key, stepReserve, stepAuthorize)
		t.ask(e, ask)
	}
}

// paymentAuthorized: its money is to be captured.
func paymentAuthorized(e envelope) func(*tx) {
	held := wire.Decode[contract.PaymentAuthorized](e.body)
	return func(t *tx) {
		t.notePayment(e, "authorized", held.Attempts)
		t.goOn(e.key, stepAuthorize, stepCapture)
		t.ask(e, contract.CapturePayment{OrderID: e.key})
	}
}

// paymentCaptured: nothing can fail any more, and its parcel is to be sent. Its deadline is
// another one from now on.
func paymentCaptured(e envelope) func(*tx) {
	paid := wire.Decode[contract.PaymentProcessed](e.body)
	late := []byte(`{"id":"` + e.key + `","step":"` + stepShip + `"}`)
	return func(t *tx) {
		ask, version := contract.ShipOrder{OrderID: e.key}, int64(0)
		o := t.do(`UPDATE orders SET status = 'confirmed', payment_status = 'captured', payment_attempts = ?, updated = ?, version = version + 1
			WHERE id = ? RETURNING version, lines`).int(int64(paid.Attempts)).int(t.now).text(e.key)
		o.rows(func() { version, ask.Lines = o.ColumnInt64(0), wire.Decode[[]contract.Line](o.blob(1)) })
		t.say(e, version, contract.OrderConfirmed{OrderID: e.key})
		t.goOn(e.key, stepCapture, stepShip)
		t.ask(e, ask)
		t.do(`UPDATE job SET due = ?, body = ? WHERE id = ?`).int(t.now + shippingTime.Microseconds()).bytes(late).text(wire.Deadline + e.key).run()
	}
}

// orderShipped: it is completed.
func orderShipped(e envelope) func(*tx) {
	shipped := wire.Decode[contract.OrderShipped](e.body)
	return func(t *tx) {
		t.complete(e, shipped)
		t.arrive(e.key, stepShip)
	}
}

// reserveStock does as it is asked.
func reserveStock(e envelope) func(*tx) {
	c := wire.Decode[contract.ReserveStock](e.body)
	return reserve(e, contract.InventoryUpdated(c))
}

// shipOrder does as it is asked.
func shipOrder(e envelope) func(*tx) { return pack(e, wire.Decode[contract.ShipOrder](e.body)) }

// wantHold stores the intent to have money held, and its key, before the call.
func wantHold(e envelope) func(*tx) {
	c := wire.Decode[contract.AuthorizePayment](e.body)
	b := bill{payment.Charge{OrderID: c.OrderID, Amount: c.Amount, Currency: c.Currency, Method: c.Method}, c.Style, c.Lines}
	return b.want(e, "authorizing", "authorize")
}

// wantCapture stores the intent to capture what is held.
func wantCapture(e envelope) func(*tx) {
	return func(t *tx) {
		c := payment.Charge{OrderID: e.key}
		p := t.do(`UPDATE payment SET status = 'capturing', updated = ? WHERE order_id = ? RETURNING key, amount, currency, method`).int(t.now).text(e.key)
		p.rows(func() {
			c.Key, c.Amount, c.Currency, c.Method = p.ColumnText(0), p.ColumnInt64(1), p.ColumnText(2), p.ColumnText(3)
		})
		t.send(e, job{queue: payments, kind: "capture", body: wire.Encode(c)})
	}
}

// holdOrCapture calls the provider for a job of either kind.
func (s *shop) holdOrCapture(j envelope) func(*tx) {
	c := wire.Decode[payment.Charge](j.body)
	if j.kind == "capture" {
		receipt := s.provider.Capture(c.Key)
		return func(t *tx) { t.take(j, c, receipt, 2) }
	}
	receipt := s.provider.Authorize(j.body)
	return func(t *tx) {
		t.attempt(j, c, receipt, attempt{1, "authorized"})
		t.do(`UPDATE payment SET status = 'authorized', reference = ?, attempts = 1, calls = 1, updated = ? WHERE order_id = ?`).
			text(receipt.Reference).int(t.now).text(c.OrderID).run()
		t.say(j, 0, contract.PaymentAuthorized{OrderID: c.OrderID, Amount: c.Amount, Currency: c.Currency, Reference: receipt.Reference, Attempts: 1})
	}
}
