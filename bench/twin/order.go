package twin

import (
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

// expiry sets the deadline of an order that nobody conducts.
func expiry(a wire.Accepted) func(*tx, envelope) {
	return func(t *tx, e envelope) { t.expire(e, "expire", a) }
}

// expire sets the deadline of an order.
func (t *tx) expire(e envelope, kind string, a wire.Accepted) {
	t.send(e, job{id: wire.Deadline + e.key, queue: "order_deadlines", kind: kind, due: a.Deadline.UnixMicro(), body: a.Expire})
}

// notePaid: the order is paid.
func notePaid(e envelope) func(*tx) {
	paid := wire.Decode[contract.PaymentProcessed](e.body)
	return func(t *tx) { t.notePayment(e, "captured", paid.Attempts) }
}

// notePayment notes how far the payment of an order is.
func (t *tx) notePayment(e envelope, status string, attempts int) {
	t.do(`UPDATE orders SET payment_status = ?, payment_attempts = ?, updated = ? WHERE id = ?`).text(status).int(int64(attempts)).int(t.now).text(e.key).run()
}

// confirm: the order has its stock.
func confirm(e envelope) func(*tx) {
	return func(t *tx) { t.confirm(e) }
}

func (t *tx) confirm(e envelope) {
	s := t.do(`UPDATE orders SET status = 'confirmed', payment_status = 'captured', stock_status = 'reserved', updated = ?, version = version + 1
		WHERE id = ? AND status = 'pending' RETURNING version`).int(t.now).text(e.key)
	version := int64(0)
	if s.found(func() { version = s.ColumnInt64(0) }) {
		t.say(e, version, contract.OrderConfirmed{OrderID: e.key})
		t.finish(wire.Deadline + e.key)
	}
}

// complete: the order is shipped. It may have overtaken the news of its stock.
func complete(e envelope) func(*tx) {
	shipped := wire.Decode[contract.OrderShipped](e.body)
	return func(t *tx) {
		if !t.complete(e, shipped) {
			t.confirm(e)
			t.complete(e, shipped)
		}
	}
}

func (t *tx) complete(e envelope, shipped contract.OrderShipped) bool {
	t.seq++
	s := t.do(`UPDATE orders SET status = 'completed', shipment_status = 'shipped', tracking = ?, updated = ?, version = version + 1, ended = ?
		WHERE id = ? AND status = 'confirmed' RETURNING version, lines`).text(shipped.TrackingNumber).int(t.now).int(t.seq).text(e.key)
	said, version := contract.OrderCompleted{OrderID: e.key, TrackingNumber: shipped.TrackingNumber}, int64(0)
	if !s.found(func() { version, said.Lines = s.ColumnInt64(0), wire.Decode[[]contract.Line](s.blob(1)) }) {
		return false
	}
	t.drawn = true
	t.say(e, version, said)
	return true
}
