package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

// goods are the lines of every order: two of a tracked product, one that never runs out.
const goods = `[{"productId":"a","name":"Thing","quantity":2,"unitPrice":500},{"productId":"b","name":"Thing","quantity":1,"unitPrice":250}]`

const total = 1250 // of goods

// An order is written stage by stage.
type story struct {
	*platform
	id      string
	version int
	calls   int
	charges int
	place   any   // among the ended
	at      int64 // of the last call
	taken   int64 // when the provider took the money
}

// accept writes an accepted order, which the client saw.
func (p *platform) accept(id string) *story {
	s := &story{platform: p, id: id}
	deadline, made := time.Now().Add(time.Minute), p.tick()
	p.exec("order", `INSERT INTO orders (id, user_id, status, reason, style, currency, total, method, lines, payment_status, payment_attempts, shipment_status, tracking, deadline, created, updated, version)
		VALUES ($1, '1', 'pending', '', 'choreographed', 'USD', $2, 'ok', $3, 'pending', 0, 'pending', '', $4, $5, $5, 0)`, id, total, goods, deadline.UnixMicro(), made)
	s.event("OrderCreated", map[string]any{"orderId": id, "userId": "1", "style": "choreographed", "method": "ok", "total": total, "currency": "USD",
		"deadline": deadline, "lines": json.RawMessage(goods)})
	p.exec("order", `UPDATE orders SET created = $1, updated = $1 WHERE id = $2`, p.now.UnixMicro(), id)
	p.exec("order", `INSERT INTO idempotency (caller, route, key, digest, status, location, body, time) VALUES ('', 'POST /api/orders', $1, '', 202, $2, '', 0)`, "key-"+id, "/api/orders/"+id)
	return s
}

// event appends to the history of the order.
func (s *story) event(kind string, body map[string]any) {
	s.version++
	if kind == "OrderCompleted" || kind == "OrderFailed" || kind == "OrderCancelled" {
		s.seqs["order"]++
		s.place = s.seqs["order"]
	}
	s.say("order", kind, s.id, s.version, body)
	s.exec("order", `UPDATE orders SET version = $1, updated = $2 WHERE id = $3`, s.version, s.now.UnixMicro(), s.id)
}

// is writes how the order stands, and what the client saw if it has ended.
func (s *story) is(status, payment, shipment, reason string) {
	final, tries := "", s.charges
	if s.place != nil {
		final = status
	}
	if payment == "pending" {
		tries = 0 // payment has not said
	}
	s.exec("order", `UPDATE orders SET status = $1, payment_status = $2, shipment_status = $3, reason = $4, ended = $5, payment_attempts = $6 WHERE id = $7`,
		status, payment, shipment, reason, s.place, tries, s.id)
	line, err := json.Marshal(map[string]any{"key": "key-" + s.id, "orderId": s.id, "outcome": "ok", "final": final, "total": "12.50", "currency": "USD",
		"items": []map[string]any{{"productId": "a", "quantity": 2}, {"productId": "b", "quantity": 1}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.seen = append(s.seen, string(line)+"\n")
}

// pay writes the payment, as it is after calls.
func (s *story) pay(status string, closed int) {
	reference := ""
	if status == "captured" || status == "refunding" || status == "refunded" {
		reference = "ch_" + s.id
	}
	s.exec("payment", `INSERT INTO payment (order_id, status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, created, updated)
		VALUES ($1, $2, $3, $4, 'USD', 'ok', 'choreographed', $5, $6, $7, '', $8, $9, $10, $10)`,
		s.id, status, closed, total, goods, "pay-"+s.id, reference, s.charges, s.calls, s.tick())
}

// call writes one call to the provider: what it did, and what we were told.
func (s *story) call(kind, did, told string) {
	s.n++
	s.calls++
	key, reference := "pay-"+s.id, ""
	switch kind {
	case "refund":
		key = "refund-" + s.id
	case "charge":
		s.charges++
	}
	s.exec("simulator", `INSERT INTO call (n, key, kind, answer, cut, at) VALUES ($1, $2, $3, $4, $5, $6)`, s.n, key, kind, did, told == "unknown", s.tick())
	if told == "captured" {
		reference = "ch_" + s.id
	}
	s.at = s.tick()
	s.exec("payment", `INSERT INTO attempt (order_id, n, kind, key, status, reference, error, at) VALUES ($1, $2, $3, $4, $5, $6, '', $7)`, s.id, s.calls, kind, key, told, reference, s.at)
}

// capture writes the money that came, with what the last call was told.
func (s *story) capture() {
	s.charge()
	s.book()
}

// charge writes the money that the provider took.
func (s *story) charge() {
	s.taken = s.tick()
	s.exec("simulator", `INSERT INTO charge (key, n, order_id, amount, currency, status, reference, at) VALUES ($1, $2, $3, $4, 'USD', 'captured', $5, $6)`,
		"pay-"+s.id, s.n, s.id, total, "ch_"+s.id, s.taken)
}

// book writes what is known here of that.
func (s *story) book() {
	s.exec("payment", `INSERT INTO entry (id, order_id, kind, debit, credit, amount, currency, at, made) VALUES ($1, $2, 'capture', 'provider', 'sales:USD', $3, 'USD', $4, $5)`,
		"capture-"+s.id, s.id, total, s.at, s.taken)
}

// refund writes the money that went back.
func (s *story) refund() {
	s.call("refund", "refunded", "refunded")
	given := s.tick()
	s.exec("simulator", `INSERT INTO refund (key, n, charge_key, order_id, amount, currency, reference, at) VALUES ($1, $2, $3, $4, $5, 'USD', $6, $7)`,
		"refund-"+s.id, s.n, "pay-"+s.id, s.id, total, "re_"+s.id, given)
	s.exec("payment", `INSERT INTO entry (id, order_id, kind, debit, credit, amount, currency, at, made) VALUES ($1, $2, 'refund', 'sales:USD', 'provider', $3, 'USD', $4, $5)`,
		"refund-"+s.id, s.id, total, s.at, given)
}

func (s *story) money(kind string) int64 {
	return s.say("payment", kind, s.id, 0, map[string]any{"orderId": s.id, "amount": total, "currency": "USD", "attempts": s.charges})
}

func (s *story) reserve(status, kind string) {
	var expires any
	if status != "refused" && status != "ended" {
		expires = time.Now().Add(24 * time.Hour).UnixMicro()
		s.say("inventory", "InventoryUpdated", s.id, 0, map[string]any{"orderId": s.id, "lines": json.RawMessage(goods)})
	}
	s.exec("inventory", `INSERT INTO reservation (order_id, status, lines, expires, at) VALUES ($1, $2, $3, $4, $5)`, s.id, status, goods, expires, s.tick())
	switch status {
	case "reserved":
		s.hold("a", 2)
	case "shipped":
		s.move("a", s.id, "shipped", -2)
		s.exec("inventory", `UPDATE reservation SET at = $1 WHERE order_id = $2`, s.now.UnixMicro(), s.id)
	}
	if kind != "" {
		s.say("inventory", kind, s.id, 0, nil)
	}
}

// ship writes the parcel, and all that happened to it until it came into a state.
func (s *story) ship(status string) {
	var number, carrier string
	var pickup, sent, moves, stopped, there, back any
	made := s.tick()
	switch status {
	case "shipped", "delivered", "recalled", "returned":
		number, carrier, pickup = "T-"+s.id, "Parcel", s.tick()
		sent, moves = s.tick(), time.Now().Add(time.Hour).UnixMicro()
		s.say("shipping", "OrderShipped", s.id, 0, map[string]any{"orderId": s.id, "carrier": carrier, "trackingNumber": number})
	case "ended":
		stopped = made
	}
	if status == "delivered" {
		there, moves = s.tick(), nil
		s.say("shipping", "ShipmentDelivered", s.id, 0, map[string]any{"orderId": s.id, "trackingNumber": number})
	}
	if status == "recalled" || status == "returned" {
		stopped = s.tick()
		s.say("shipping", "ShipmentRecalled", s.id, 0, nil)
	}
	if status == "returned" {
		back, moves = s.tick(), nil
	}
	s.exec("shipping", `INSERT INTO shipment (order_id, status, carrier, tracking, lines, pickup, moves, picked_up, in_transit, delivered, returned, shipped, stopped, created, updated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $8, $11, $12, $12)`, s.id, status, carrier, number, goods, pickup, moves, sent, there, back, stopped, made)
	s.exec("order", `UPDATE orders SET tracking = $1 WHERE id = $2`, number, s.id)
}

// fill writes one order of each fate, and some of what is still on its way.
func (p *platform) fill() {
	p.exec("user", `INSERT INTO users (id, name, email, role, created, version, asked) VALUES ('1', 'Jo', 'jo@example.com', 'customer', $1, 2, '')`, p.tick())
	p.say("user", "UserRegistered", "1", 0, nil)
	p.say("user", "UserUpdated", "1", 0, nil)
	p.product("a", 600, 16)
	p.reprice("a", 2, 500)
	p.exec("inventory", `UPDATE stock SET price = 500 WHERE product_id = 'a'`)
	p.product("b", 250, nil)
	for i := range 2 {
		p.completed(fmt.Sprintf("completed%d", i))
	}
	p.declined("declined")
	p.lost("lost")
	p.short("short")
	p.cancelled("cancelled", "released", "ended")
	p.cancelled("recalled", "released", "recalled")
	p.cancelled("returned", "released", "returned")
	p.delivered("delivered")
	p.exec("shipping", `INSERT INTO member (subscription, log, instance, until) VALUES ('shipping', 'inventory', 'one', $1)`, time.Now().UnixMicro())
	p.paying("paying")
	p.blocked("blocked")
	p.refunding("refunding")
	p.packing("packing")
	p.conduct()
	p.tell()
	p.count()
	p.conducted()
	p.read()
}

func (p *platform) completed(id string) { p.arrived(id, "shipped") }

func (p *platform) delivered(id string) { p.arrived(id, "delivered") }

// arrived is completed, with its parcel on the way or there.
func (p *platform) arrived(id, parcel string) {
	s := p.accept(id)
	s.call("charge", "captured", "unknown")
	s.charge()
	s.call("lookup", "captured", "captured")
	s.book()
	s.pay("captured", 0)
	s.money("PaymentProcessed")
	s.reserve("shipped", "")
	s.ship(parcel)
	s.event("OrderConfirmed", nil)
	s.event("OrderCompleted", nil)
	s.is("completed", "captured", parcel, "")
}

// fails ends an order, with the marks that others leave of it.
func (s *story) fails(kind, status, payment, shipment, reason string) {
	s.event(kind, map[string]any{"orderId": s.id, "reason": reason, "lines": json.RawMessage(goods)})
	s.is(status, payment, shipment, reason)
}

func (p *platform) declined(id string) {
	s := p.accept(id)
	s.call("charge", "declined", "declined")
	s.pay("failed", 1)
	s.money("PaymentFailed")
	s.fails("OrderFailed", "failed", "failed", "ended", "payment_declined")
	s.reserve("ended", "")
	s.ship("ended")
}

func (p *platform) lost(id string) {
	s := p.accept(id)
	for range 3 {
		s.call("charge", "lost", "unknown")
		s.call("lookup", "not_found", "not_found")
	}
	s.call("void", "voided", "voided")
	s.pay("failed", 1)
	s.money("PaymentFailed")
	s.fails("OrderFailed", "failed", "failed", "ended", "payment_unavailable")
	s.reserve("ended", "")
	s.ship("ended")
}

func (p *platform) short(id string) {
	s := p.accept(id)
	s.call("charge", "captured", "captured")
	s.capture()
	s.money("PaymentProcessed")
	s.refund()
	s.money("PaymentRefunded")
	s.pay("refunded", 1)
	s.reserve("refused", "InventoryUpdateFailed")
	s.fails("OrderFailed", "failed", "refunded", "ended", "out_of_stock")
	s.ship("ended")
}

func (p *platform) cancelled(id, reserved, shipped string) {
	s := p.accept(id)
	s.call("charge", "captured", "captured")
	s.capture()
	s.money("PaymentProcessed")
	s.refund()
	s.money("PaymentRefunded")
	s.pay("refunded", 1)
	s.reserve(reserved, "StockReleased")
	s.ship(shipped)
	s.event("OrderConfirmed", nil)
	if shipped == "returned" {
		shipped = "recalled" // which is all that the order hears
	}
	s.fails("OrderCancelled", "cancelled", "refunded", shipped, "cancelled_by_customer")
}

// paying waits for its second try to charge.
func (p *platform) paying(id string) {
	s := p.accept(id)
	s.call("charge", "unavailable", "unavailable")
	s.pay("wanted", 0)
	s.is("pending", "pending", "pending", "")
	p.job("payment", "payment_charges", "charge", id, time.Minute)
	p.job("order", "order_deadlines", "expire", id, time.Minute)
}

// blocked is paid, and the message of it is dead in inventory.
func (p *platform) blocked(id string) {
	s := p.accept(id)
	s.call("charge", "captured", "captured")
	s.capture()
	s.pay("captured", 0)
	seq := s.money("PaymentProcessed")
	p.park("inventory", "payment", id, seq, "dead", 0)
	s.is("pending", "captured", "pending", "")
	p.job("order", "order_deadlines", "expire", id, time.Minute)
}

// refunding has failed, and its money is on the way back.
func (p *platform) refunding(id string) {
	s := p.accept(id)
	s.call("charge", "captured", "captured")
	s.capture()
	s.money("PaymentProcessed")
	s.pay("refunding", 1)
	s.reserve("refused", "InventoryUpdateFailed")
	s.fails("OrderFailed", "failed", "refunding", "ended", "out_of_stock")
	s.ship("ended")
	p.job("payment", "payment_charges", "refund", id, time.Minute)
}

// packing is confirmed, and waits for its label.
func (p *platform) packing(id string) {
	s := p.accept(id)
	s.call("charge", "captured", "captured")
	s.capture()
	s.pay("captured", 0)
	s.money("PaymentProcessed")
	s.reserve("reserved", "")
	s.ship("wanted")
	s.event("OrderConfirmed", nil)
	s.is("confirmed", "captured", "pending", "")
	p.job("shipping", "shipping_labels", "label", id, time.Minute)
}
