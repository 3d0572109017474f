package audit

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// acceptAs writes an accepted order of a style.
func (p *platform) acceptAs(id, style string) *story {
	s := p.accept(id)
	p.exec("order", `UPDATE orders SET style = $1 WHERE id = $2`, style, id)
	p.exec("order", `UPDATE journal SET body = $1 WHERE key = $2 AND kind = 'OrderCreated'`, p.restyled(id, style), id)
	return s
}

func (p *platform) restyled(id, style string) []byte {
	var text []byte
	if err := p.dbs["order"].QueryRow(`SELECT body FROM journal WHERE key = $1 AND kind = 'OrderCreated'`, id).Scan(&text); err != nil {
		p.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		p.t.Fatal(err)
	}
	body["style"] = style
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// asks sends a command.
func (s *story) asks(kind string) {
	body := map[string]any{"orderId": s.id, "style": "orchestrated", "lines": json.RawMessage(goods), "amount": total, "currency": "USD", "method": "ok"}
	s.say("order", kind, s.id, 0, body)
}

// stock writes what the order has heard of its stock, and why it is being undone.
func (s *story) stock(status, why string) {
	s.exec("order", `UPDATE orders SET stock_status = $1, why = $2 WHERE id = $3`, status, why, s.id)
}

// authorize writes the money that is held, and that it is.
func (s *story) authorize() {
	s.call("authorize", "authorized", "authorized")
	s.exec("payment", `UPDATE attempt SET reference = $1 WHERE order_id = $2 AND n = $3`, "au_"+s.id, s.id, s.calls)
	s.exec("simulator", `INSERT INTO hold (key, n, order_id, amount, currency, method, reference, at) VALUES ($1, $2, $3, $4, 'USD', 'ok', $5, $6)`,
		"pay-"+s.id, s.n, s.id, total, "au_"+s.id, s.tick())
	s.charges++
	s.money("PaymentAuthorized")
}

// settled writes what became of a hold at the provider.
func (s *story) settled(status string) {
	s.exec("simulator", `INSERT INTO charge (key, n, order_id, amount, currency, status, reference, at) VALUES ($1, $2, $3, $4, 'USD', $5, $6, $7)`,
		"pay-"+s.id, s.n, s.id, total, status, "ch_"+s.id, s.tick())
}

// payInSteps writes the payment of an order that asked for it.
func (s *story) payInSteps(status string, closed, captures int) {
	s.pay(status, closed)
	s.exec("payment", `UPDATE payment SET style = 'orchestrated', captures = $1 WHERE order_id = $2`, captures, s.id)
	if status == "authorized" || status == "capturing" {
		s.exec("payment", `UPDATE payment SET reference = $1 WHERE order_id = $2`, "au_"+s.id, s.id)
	}
}

// conduct writes one order of each fate of those that are conducted, and one whose payment
// and stock were asked for at once.
func (p *platform) conduct() {
	p.led("led")
	p.declinedLate("late")
	p.calledOff("off")
	p.dry("dry")
	p.capturing("capturing")
	p.beside("beside")
}

// led goes well. Inventory and shipping were asked twice, and answered twice.
func (p *platform) led(id string) {
	s := p.acceptAs(id, "orchestrated")
	s.asks("ReserveStock")
	s.asks("ReserveStock")
	s.reserve("shipped", "")
	s.say("inventory", "InventoryUpdated", id, 0, map[string]any{"orderId": id, "lines": json.RawMessage(goods)})
	s.asks("AuthorizePayment")
	s.authorize()
	s.asks("CapturePayment")
	s.call("capture", "captured", "captured")
	s.charges++
	s.capture()
	s.payInSteps("captured", 0, 1)
	s.money("PaymentProcessed")
	s.event("OrderConfirmed", nil)
	s.asks("ShipOrder")
	s.asks("ShipOrder")
	s.ship("shipped")
	s.say("shipping", "OrderShipped", id, 0, map[string]any{"orderId": id, "carrier": "Parcel", "trackingNumber": "T-" + id})
	for _, log := range []string{"inventory", "shipping"} {
		s.exec(log, `UPDATE journal SET cause = id WHERE key = $1`, id)
	}
	s.event("OrderCompleted", nil)
	s.is("completed", "captured", "shipped", "")
	s.stock("reserved", "")
}

// declinedLate is refused when its money is to be captured, and is undone.
func (p *platform) declinedLate(id string) {
	s := p.acceptAs(id, "orchestrated")
	s.asks("ReserveStock")
	s.asks("AuthorizePayment")
	s.authorize()
	s.asks("CapturePayment")
	s.call("capture", "declined", "declined")
	s.charges++
	s.settled("declined")
	s.say("payment", "PaymentFailed", id, 0, map[string]any{"orderId": id, "reason": "payment_declined", "attempts": s.charges})
	s.asks("VoidPayment")
	s.money("PaymentVoided")
	s.payInSteps("failed", 1, 1)
	s.asks("ReleaseStock")
	s.reserve("released", "StockReleased")
	s.fails("OrderFailed", "failed", "failed", "ended", "payment_declined")
	s.ship("ended")
	s.stock("released", "payment_declined")
}

// calledOff is cancelled while its money is held.
func (p *platform) calledOff(id string) {
	s := p.acceptAs(id, "orchestrated")
	s.asks("ReserveStock")
	s.asks("AuthorizePayment")
	s.authorize()
	s.call("void", "voided", "voided")
	s.settled("voided")
	s.payInSteps("voided", 1, 0)
	s.money("PaymentVoided")
	s.reserve("released", "StockReleased")
	s.fails("OrderCancelled", "cancelled", "voided", "ended", "cancelled_by_customer")
	s.ship("ended")
	s.stock("released", "")
}

// dry has no stock, and is asked back what it never got.
func (p *platform) dry(id string) {
	s := p.acceptAs(id, "orchestrated")
	s.asks("ReserveStock")
	s.reserve("refused", "")
	s.say("inventory", "InventoryUpdateFailed", id, 0, map[string]any{"orderId": id, "reason": "out_of_stock"})
	s.asks("ReleaseStock")
	s.say("inventory", "StockReleased", id, 0, map[string]any{"orderId": id, "lines": []any{}})
	s.fails("OrderFailed", "failed", "ended", "ended", "out_of_stock")
	s.exec("payment", `INSERT INTO payment (order_id, status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, created, updated)
		VALUES ($1, 'ended', 1, 0, '', '', '', '', '', '', '', 0, 0, $2, $2)`, id, s.tick())
	s.ship("ended")
	s.stock("refused", "out_of_stock")
}

// capturing waits for the answer to its capture.
func (p *platform) capturing(id string) {
	s := p.acceptAs(id, "orchestrated")
	s.asks("ReserveStock")
	s.reserve("reserved", "")
	s.asks("AuthorizePayment")
	s.authorize()
	s.asks("CapturePayment")
	s.payInSteps("capturing", 0, 0)
	s.is("pending", "authorized", "pending", "")
	s.exec("order", `UPDATE orders SET payment_attempts = 1 WHERE id = $1`, id)
	s.stock("reserved", "")
	p.job("payment", "payment_charges", "capture", id, time.Minute)
	p.job("order", "order_deadlines", "overdue", id, time.Minute)
}

// beside goes well, and has asked for payment and stock at once.
func (p *platform) beside(id string) {
	s := p.acceptAs(id, "parallel")
	s.call("charge", "captured", "captured")
	s.capture()
	s.pay("captured", 0)
	s.exec("payment", `UPDATE payment SET style = 'parallel' WHERE order_id = $1`, id)
	s.money("PaymentProcessed")
	s.reserve("shipped", "")
	s.event("OrderConfirmed", nil)
	s.asks("ShipOrder")
	s.ship("shipped")
	s.event("OrderCompleted", nil)
	s.is("completed", "captured", "shipped", "")
	s.stock("reserved", "")
}

const (
	promiseCommand = "every command is answered, and nothing is done without one"
	promiseHold    = "money is held only for orders that go on"
)

// disobeyed are wrongs of orders that are conducted, and of their money.
func disobeyed() []plant {
	unsaid := func(log, kind, id string) func(*platform) {
		return in(log, `UPDATE journal SET kind = 'Nothing' WHERE kind = '`+kind+`' AND key = '`+id+`'`)
	}
	all := []plant{
		{name: "a hold of an order that has ended", promise: promiseHold, example: "order off is cancelled, and 1250 USD are held under the key pay-off", do: in("simulator", `DELETE FROM charge WHERE key = 'pay-off'`)},
		{name: "a hold of an order that was refused", promise: promiseHold, example: "order dry is failed, and 1250 USD are held", do: in("simulator", `INSERT INTO hold (key, n, order_id, amount, currency, method, reference, at) VALUES ('pay-dry', 900, 'dry', 1250, 'USD', 'ok', 'au_x', 1)`)},
		{name: "a hold under another key", promise: promiseHold, example: "order led has 1250 USD held under the key pay-x", do: in("simulator", `UPDATE hold SET key = 'pay-x' WHERE key = 'pay-led'`)},
		{name: "a hold of another amount", promise: promiseHold, example: "order late has 1251 USD held", do: in("simulator", `UPDATE hold SET amount = 1251 WHERE key = 'pay-late'`)},
		{name: "held here only", promise: promiseHold, example: "payment of order capturing is capturing as au_capturing, the provider holds nothing", do: in("simulator", `DELETE FROM hold WHERE key = 'pay-capturing'`)},
		{name: "voided here only", promise: promiseHold, example: "payment of order off is voided, at the provider it is captured", do: in("simulator", `UPDATE charge SET status = 'captured' WHERE key = 'pay-off'`)},
		{name: "held for nobody", promise: promiseHold, example: "order off is cancelled, its payment authorized and nobody ends that", do: in("payment", `UPDATE payment SET status = 'authorized' WHERE order_id = 'off'`)},
		{name: "a hold in doubt that is none", promise: promiseHold, example: "order off has a hold in doubt under the key pay-off", do: func(p *platform) {
			p.exec("payment", `INSERT INTO discrepancy (order_id, entry, key, kind, ours, theirs, amount, currency, seen, found, resolved) VALUES ('off', 'hold', 'pay-off', 'hold_unwanted', '', '', 1250, 'USD', 1, 2, 0)`)
			p.reconciled(1000)
		}},
		{name: "held and no call said so", promise: promiseCalls, example: "order capturing is capturing and no call said so", do: in("payment", `UPDATE payment SET reference = 'au_x' WHERE order_id = 'capturing'`)},
		{name: "voided and no call said so", promise: promiseCalls, example: "order off is voided and no call said so", do: in("payment", `UPDATE attempt SET status = 'unknown' WHERE order_id = 'off' AND kind = 'void'`)},
		{name: "a capture not counted", promise: promiseCalls, example: "order led counts 2 calls, 2 tries and 0 captures", do: in("payment", `UPDATE payment SET captures = 0 WHERE order_id = 'led'`)},
		{name: "a capture without a job", promise: promiseOwner, example: "payment of order capturing is capturing and has no job", do: in("payment", `DELETE FROM job WHERE key = 'capturing'`)},
		{name: "conducted and nobody asks again", promise: promiseOwner, example: "order capturing is pending and has no deadline", do: in("order", `DELETE FROM job WHERE key = 'capturing'`)},
		{name: "told twice because of one message", promise: promiseCause, example: "inventory said InventoryUpdated of led 2 times", do: in("inventory", `UPDATE journal SET cause = ''`)},
		{name: "answered twice where nobody asks", promise: promiseCause, example: "payment said PaymentProcessed of beside 2 times", do: func(p *platform) {
			p.say("payment", "PaymentProcessed", "beside", 0, map[string]any{"amount": total, "currency": "USD", "attempts": 1})
			p.exec("payment", `UPDATE journal SET cause = id WHERE key = 'beside'`)
		}},
		{name: "released nothing and reserved", promise: promiseCause, example: "inventory said StockReleased of led and does not know it", do: func(p *platform) {
			p.say("inventory", "StockReleased", "led", 0, map[string]any{"lines": []any{}})
		}},
		{name: "an undoing that nobody began", promise: promiseHistory, example: "order led is being undone because of a whim", do: in("order", `UPDATE orders SET why = 'a whim' WHERE id = 'led'`)},
	}
	for _, u := range []struct{ by, answer, command, id string }{
		{"inventory", "InventoryUpdated", "ReserveStock", "led"}, {"inventory", "StockReleased", "ReleaseStock", "late"}, {"payment", "PaymentAuthorized", "AuthorizePayment", "capturing"},
		{"payment", "PaymentProcessed", "CapturePayment", "led"}, {"payment", "PaymentVoided", "VoidPayment", "late"}, {"shipping", "OrderShipped", "ShipOrder", "beside"},
	} {
		all = append(all, plant{name: u.command + " without an answer", promise: promiseCommand, example: u.command + " of " + u.id + " was passed by " + u.by + ", and not answered", do: func(p *platform) {
			unsaid(u.by, u.answer, u.id)(p)
			if u.id == "capturing" {
				p.exec("payment", `DELETE FROM job WHERE key = 'capturing'`)
			}
			for _, also := range []string{"PaymentFailed", "PaymentVoided"} { // answers, too
				if u.command == "VoidPayment" || u.by != "payment" || u.id == "led" {
					break
				}
				unsaid("payment", also, u.id)(p)
			}
		}})
	}
	for _, u := range []struct{ table, status, kinds, id string }{
		{"inventory.reservation", "shipped", "ReserveStock", "led"}, {"inventory.reservation", "released", "ReleaseStock, OrderFailed, OrderCancelled", "led"},
		{"payment.payment", "captured", "AuthorizePayment", "led"}, {"payment.payment", "captured", "CapturePayment", "led"},
		{"payment.payment", "voided", "VoidPayment, OrderFailed, OrderCancelled", "led"}, {"shipping.shipment", "shipped", "ShipOrder", "beside"},
	} {
		service := map[string]string{"inventory.reservation": "inventory", "payment.payment": "payment", "shipping.shipment": "shipping"}[u.table]
		all = append(all, plant{name: u.status + " without " + u.kinds, promise: promiseCommand,
			example: fmt.Sprintf("%s of order %s is %s, and none of %s asked for it", u.table, u.id, u.status, u.kinds), do: func(p *platform) {
				p.exec("order", `DELETE FROM journal WHERE key = $1 AND version IS NULL`, u.id)
				p.exec(service, fmt.Sprintf(`UPDATE %s SET status = '%s' WHERE order_id = '%s'`, u.table[len(service)+1:], u.status, u.id))
			}})
	}
	return append(all, misheard())
}

// misheard is a platform in which columns that a command decides, and what an order has heard
// of its stock, are wrong, all at once.
func misheard() plant {
	of := func(service, set, id, promise, example string) wrong {
		table := map[string]string{"inventory": "reservation", "payment": "payment", "shipping": "shipment", "order": "orders"}[service]
		key := map[bool]string{true: "id", false: "order_id"}[service == "order"]
		return wrong{service, table + ` SET ` + set + ` WHERE ` + key + ` = '` + id + `'`, promise, example}
	}
	const other = `lines = REPLACE(lines, '"quantity":2', '"quantity":3')`
	all := []wrong{
		of("inventory", other, "led", promiseCommand, "reservation of order led has the lines"),
		of("payment", other, "led", promiseCommand, "payment of order led has the lines"),
		of("shipping", other, "beside", promiseCommand, "shipment of order beside has the lines"),
		of("payment", `amount = 1251`, "late", promiseCommand, "payment of order late has the amount 1251, not 1250"),
		of("payment", `currency = 'EUR'`, "off", promiseCommand, "payment of order off has the currency EUR, not USD"),
		of("payment", `method = 'card'`, "capturing", promiseCommand, "payment of order capturing has the method card, not ok"),
		of("payment", `style = 'parallel'`, "led", promiseCommand, " has the style parallel, not orchestrated"),
		of("order", `stock_status = 'pending'`, "led", promiseHistory, "order led is completed and its stock pending"),
		of("order", `stock_status = 'refused'`, "off", promiseHistory, "order off is cancelled and its stock refused"),
		of("order", `stock_status = 'reserved'`, "dry", promiseHistory, "order dry is failed and its stock reserved"),
		of("order", `stock_status = 'ended'`, "capturing", promiseHistory, "order capturing is pending and its stock ended"),
		of("order", `stock_status = 'gone'`, "late", promiseHistory, "order late is failed and its stock gone"),
		of("order", `payment_status = 'authorized'`, "beside", promiseHistory, "order beside is completed and its payment authorized"),
		of("order", `payment_status = 'voided'`, "completed0", promiseHistory, "order completed0 is completed and its payment voided"),
	}
	return plant{name: "columns that say something else than commands and answers", promise: all[0].promise, example: all[0].example, also: all, do: func(p *platform) {
		for _, w := range all {
			p.exec(w.service, `UPDATE `+w.change)
		}
	}}
}

// What an operator has edited is obeyed as edited: it says something else than what was said.
func TestWhatWasEditedMayDiffer(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		p := filled(t)
		p.exec("inventory", `UPDATE reservation SET lines = REPLACE(lines, 'Thing', 'Other') WHERE order_id = 'led'`)
		p.exec("payment", `UPDATE payment SET method = 'card' WHERE order_id = 'led'`)
		for _, tt := range []struct {
			name   string
			edit   string // the service, an operator of which edits
			broken int64
		}{
			{"by nobody", "", 3},
			{"another's", "shipping", 3},
			{"one of the two", "inventory", 1},
			{"both", "payment", 0},
		} {
			if tt.edit != "" {
				decides(p, tt.edit, "a command", map[string]any{"who": "eve", "act": "edit", "key": "led", "became": tt.edit + "/a-1", "body": map[string]any{}}, 0)
			}
			r, err := Run(t.Context(), Options{Data: p.dir, Database: p.url, Ledger: p.ledger(), pause: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range r.Checks {
				if c.Promise == promiseCommand && c.Violations != tt.broken {
					t.Errorf("%s: %d violations, want %d: %q", tt.name, c.Violations, tt.broken, c.Examples)
				}
			}
		}
	})
}
