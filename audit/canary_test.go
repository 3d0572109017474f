package audit

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A plant is a wrong that is done to a platform whose audit is clean.
type plant struct {
	name    string
	do      func(p *platform)
	promise string  // that it breaks
	example string  // part of what is said about it
	also    []wrong // what is said of other wrongs of it
	opts    func(*Options)
}

// in changes one database.
func in(service, query string, args ...any) func(*platform) {
	return func(p *platform) { p.exec(service, query, args...) }
}

const (
	promiseStores   = "every store can be read"
	promiseClient   = "what was accepted is stored, and as the client saw it"
	promiseWhole    = "every order is whole"
	promiseHistory  = "an order is the sum of its history"
	promiseCapture  = "at most one capture per order"
	promiseProvider = "our ledger equals the provider's"
	promiseKnown    = "money in doubt is known"
	promiseUndone   = "a failed or cancelled order costs nothing"
	promiseBalance  = "money balances"
	promiseStock    = "nothing is oversold"
	promiseShelves  = "stock is the sum of its movements"
	promiseShipment = "one shipment per completed order"
	promiseNumbers  = "every number is the sum of what happened"
	promisePosition = "every position is a place in its log"
	promiseEffect   = "every message has its effect"
	promiseCause    = "every effect has its message"
	promiseCalls    = "every call to the provider is accounted for"
	promiseOwner    = "whatever waits has an owner"
	promiseStuck    = "nothing is stuck"
	promiseQuiet    = "nothing is left to do"
)

func plants() []plant {
	past := time.Now().Add(-time.Minute).UnixMicro()
	return []plant{
		{name: "a database is gone", promise: promiseStores, example: "shipping", do: func(p *platform) { p.remove("shipping") }},
		{name: "the provider's ledger is gone", promise: promiseStores, example: "simulator", do: func(p *platform) { p.remove("simulator") }},
		{name: "a table is gone", promise: promiseStores, example: "movement", do: in("inventory", `DROP TABLE movement`)},

		{name: "lost order", promise: promiseClient, example: "completed0", do: in("order", `DELETE FROM orders WHERE id = 'completed0'`)},
		{name: "final state is another one than the client saw", promise: promiseClient, example: "declined", do: func(p *platform) {
			p.seen[2] = strings.Replace(p.seen[2], `"failed"`, `"completed"`, 1)
		}},
		{name: "another total than the client was told", promise: promiseClient, example: "completed0", do: in("order", `UPDATE orders SET total = 1251 WHERE id = 'completed0'`)},
		{name: "other lines than were ordered", promise: promiseClient, example: "product a", do: in("order", `UPDATE orders SET lines = REPLACE(lines, '"quantity":2,"unitPrice":500', '"quantity":1,"unitPrice":1000') WHERE id = 'completed0'`)},
		{name: "one order for two keys", promise: promiseClient, example: "2 keys", do: func(p *platform) {
			p.seen = append(p.seen, strings.Replace(p.seen[0], `key-`, `other-`, 1))
		}},
		{name: "rejected and stored", promise: promiseClient, example: "rejected", do: func(p *platform) {
			p.seen = append(p.seen, `{"key":"key-lost","outcome":"rejected"}`+"\n")
		}},
		{name: "order doubled", promise: promiseClient, example: "nobody", opts: func(o *Options) { o.Sole = true }, do: func(p *platform) {
			p.declined("double")
			p.seen = p.seen[:len(p.seen)-1]
		}},

		{name: "lines do not add up", promise: promiseWhole, example: "completed1", do: in("order", `UPDATE orders SET lines = REPLACE(lines, '500', '501') WHERE id = 'completed1'`)},
		{name: "remembered and not stored", promise: promiseWhole, example: "/api/orders/nowhere", do: in("order", `UPDATE idempotency SET location = '/api/orders/nowhere' WHERE key = 'key-lost'`)},

		{name: "lost event in a history", promise: promiseHistory, example: "completed1", do: in("order", `DELETE FROM journal WHERE key = 'completed1' AND version = 2`)},
		{name: "lost first event", promise: promiseHistory, example: "created", do: in("order", `DELETE FROM journal WHERE key = 'completed1' AND version = 1`)},
		{name: "lost last event", promise: promiseHistory, example: "history at 2", do: in("order", `DELETE FROM journal WHERE key = 'completed1' AND version = 3`)},
		{name: "events at one time", promise: promiseHistory, example: "not later", do: in("order", `UPDATE journal SET time = (SELECT time FROM journal j WHERE j.key = 'completed1' AND j.version = 1) WHERE key = 'completed1' AND version = 2`)},
		{name: "event after the end", promise: promiseHistory, example: "follows", do: in("order", `UPDATE journal SET kind = 'OrderFailed' WHERE key = 'completed1' AND version = 2`)},
		{name: "row is not the history", promise: promiseHistory, example: "completed1", do: in("order", `UPDATE orders SET status = 'failed' WHERE id = 'completed1'`)},
		{name: "reason is not the history", promise: promiseHistory, example: "lost", do: in("order", `UPDATE orders SET reason = 'out_of_stock' WHERE id = 'lost'`)},
		{name: "paid before it began", promise: promiseHistory, example: "completed1 has not begun", do: in("order", `UPDATE journal SET kind = 'OrderReceived' WHERE key = 'completed1' AND version = 1`)},
		{name: "history without an order", promise: promiseHistory, example: "no row", do: in("order", `DELETE FROM orders WHERE id = 'lost'`)},

		{name: "double capture, ours", promise: promiseCapture, example: "our ledger", do: func(p *platform) {
			p.relax("payment", "entry")
			p.exec("payment", `INSERT INTO entry SELECT 'again', order_id, kind, debit, credit, amount, currency, at, made FROM entry WHERE id = 'capture-completed0'`)
		}},
		{name: "double capture, the provider's", promise: promiseCapture, example: "provider", do: in("simulator", `INSERT INTO charge SELECT 'other key', 1001, order_id, amount, currency, status, 'ch_2', at FROM charge WHERE key = 'pay-completed0'`)},
		{name: "double capture, told", promise: promiseCapture, example: "told", do: in("payment", `INSERT INTO attempt VALUES ('completed0', 3, 'charge', 'pay-completed0', 'captured', 'ch_2', '', 0)`)},
		{name: "charged under another key", promise: promiseCapture, example: "other key", do: in("payment", `UPDATE attempt SET key = 'other key' WHERE order_id = 'completed0' AND n = 2`)},

		{name: "capture that the provider does not know", promise: promiseProvider, example: "completed0", do: in("simulator", `DELETE FROM charge WHERE order_id = 'completed0'`)},
		{name: "capture that we do not know", promise: promiseProvider, example: "nobody asks", do: in("payment", `DELETE FROM entry WHERE order_id = 'completed0'`)},
		{name: "other amount at the provider", promise: promiseProvider, example: "completed0", do: in("simulator", `UPDATE charge SET amount = 1 WHERE order_id = 'completed0'`)},
		{name: "other currency at the provider", promise: promiseProvider, example: "EUR", do: in("simulator", `UPDATE charge SET currency = 'EUR' WHERE order_id = 'completed0'`)},
		{name: "refund that the provider does not know", promise: promiseProvider, example: "short", do: in("simulator", `DELETE FROM refund WHERE order_id = 'short'`)},
		{name: "other reference", promise: promiseProvider, example: "ch_short", do: in("payment", `UPDATE payment SET reference = 'ch_x' WHERE order_id = 'short'`)},

		{name: "discrepancy that is none", promise: promiseKnown, example: "both ledgers say the same", do: func(p *platform) {
			p.doubt("completed0", "capture_differs", 2)
			p.reconciled(1000)
		}},
		{name: "difference that nobody knows", promise: promiseKnown, example: "order short is not the same", do: func(p *platform) {
			p.reconciled(1000)
			p.exec("simulator", `UPDATE charge SET amount = 1 WHERE order_id = 'short'`)
		}},
		{name: "lost capture that nobody knows", promise: promiseKnown, example: "order completed0 is not the same", do: func(p *platform) {
			p.reconciled(1000)
			p.exec("simulator", `DELETE FROM charge WHERE order_id = 'completed0'`)
		}},
		{name: "discrepancy of no kind", promise: promiseKnown, example: "of no kind", do: func(p *platform) { p.doubt("completed0", "", 2) }},

		{name: "missing refund", promise: promiseUndone, example: "short", do: func(p *platform) {
			p.exec("payment", `DELETE FROM entry WHERE id = 'refund-short'`)
			p.exec("simulator", `DELETE FROM refund WHERE order_id = 'short'`)
		}},
		{name: "refund under way that nobody does", promise: promiseUndone, example: "refunding", do: in("payment", `DELETE FROM job WHERE key = 'refunding'`)},

		{name: "entry with a wrong amount", promise: promiseBalance, example: "capture-completed0", do: in("payment", `UPDATE entry SET amount = 1 WHERE id = 'capture-completed0'`)},
		{name: "entries of more than fits 64 bits", promise: promiseBalance, example: "accounts in USD add up to -36000000000 thousand millions and 5000", do: in("payment", `UPDATE entry SET amount = 9000000000000000000 WHERE kind = 'refund'`)},
		{name: "entry between wrong accounts", promise: promiseBalance, example: "shop", do: in("payment", `UPDATE entry SET credit = 'shop' WHERE id = 'capture-completed0'`)},
		{name: "entry without a payment", promise: promiseBalance, example: "nothing", do: in("payment", `UPDATE entry SET order_id = 'x', id = 'capture-x' WHERE id = 'capture-completed0'`)},
		{name: "completed and never paid", promise: promiseBalance, example: "completed0", do: in("payment", `DELETE FROM entry WHERE order_id = 'completed0'`)},
		{name: "refunded without an entry", promise: promiseBalance, example: "short", do: in("payment", `DELETE FROM entry WHERE id = 'refund-short'`)},

		{name: "oversold", promise: promiseStock, example: "-1 on hand", do: func(p *platform) {
			p.relax("inventory", "stock")
			p.exec("inventory", `UPDATE stock SET on_hand = -1 WHERE product_id = 'a'`)
		}},
		{name: "more sold than there was", promise: promiseStock, example: "completed orders have", do: in("inventory", `UPDATE movement SET quantity = 3 WHERE kind = 'initial' AND product_id = 'a'`)},
		{name: "completed without stock", promise: promiseStock, example: "completed0", do: in("inventory", `DELETE FROM movement WHERE order_id = 'completed0'`)},
		{name: "completed and left with too much", promise: promiseStock, example: "moved -3", do: in("inventory", `UPDATE movement SET quantity = -3 WHERE order_id = 'completed0'`)},
		{name: "completed and still on the shelf", promise: promiseStock, example: "its stock is reserved", do: in("inventory", `UPDATE reservation SET status = 'reserved' WHERE order_id = 'completed0'`)},
		{name: "cancelled and its goods have left", promise: promiseStock, example: "cancelled", do: func(p *platform) { p.move("a", "cancelled", "shipped", -2) }},
		{name: "cancelled and kept the stock", promise: promiseStock, example: "cancelled and its stock is reserved", do: func(p *platform) {
			p.exec("inventory", `UPDATE reservation SET status = 'reserved' WHERE order_id = 'cancelled'`)
			p.hold("a", 2)
		}},
		{name: "completed and not reserved", promise: promiseStock, example: "not reserved", do: in("inventory", `DELETE FROM reservation WHERE order_id = 'completed0'`)},

		{name: "stock that came from nowhere", promise: promiseShelves, example: "add up", do: in("inventory", `UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = 'a'`)},
		{name: "goods that left twice", promise: promiseShelves, example: "add up", do: func(p *platform) {
			p.exec("inventory", `INSERT INTO movement SELECT product_id, location, 100, order_id, kind, quantity, balance - 2, reason, at FROM movement WHERE order_id = 'completed0'`)
		}},
		{name: "a movement is missing", promise: promiseShelves, example: "which is not so", do: in("inventory", `DELETE FROM movement WHERE n = 2`)},
		{name: "a movement was changed", promise: promiseShelves, example: "movement 2 of -1", do: in("inventory", `UPDATE movement SET quantity = -1 WHERE n = 2`)},
		{name: "movements not counted", promise: promiseShelves, example: "has moved 9 times", do: in("inventory", `UPDATE stock SET moves = 9 WHERE product_id = 'a'`)},
		{name: "goods of an unknown product", promise: promiseShelves, example: "has no stock", do: in("inventory", `UPDATE movement SET product_id = 'c' WHERE order_id = 'completed0'`)},
		{name: "reserved for nobody", promise: promiseShelves, example: "open reservations hold 4", do: func(p *platform) { p.hold("a", 1) }},
		{name: "freed and not put back", promise: promiseShelves, example: "open reservations hold 2", do: in("inventory", `UPDATE reservation SET status = 'released' WHERE order_id = 'packing'`)},
		{name: "left before it was completed", promise: promiseShelves, example: "its stock is reserved", do: func(p *platform) { p.move("a", "packing", "shipped", -2) }},
		{name: "reserved for ever", promise: promiseShelves, example: "without end", do: in("inventory", `UPDATE reservation SET expires = NULL WHERE order_id = 'packing'`)},
		{name: "valued at another price", promise: promiseShelves, example: "costs 500 USD", do: in("inventory", `UPDATE stock SET price = 501 WHERE product_id = 'a'`)},

		{name: "missing shipment", promise: promiseShipment, example: "completed0", do: in("shipping", `DELETE FROM shipment WHERE order_id = 'completed0'`)},
		{name: "cancelled and shipped", promise: promiseShipment, example: "recalled", do: in("shipping", `UPDATE shipment SET status = 'shipped' WHERE order_id = 'recalled'`)},
		{name: "other tracking number", promise: promiseShipment, example: "T-x", do: in("shipping", `UPDATE shipment SET tracking = 'T-x' WHERE order_id = 'completed0'`)},

		{name: "skipped: a position ahead", promise: promiseEffect, example: "completed0", do: func(p *platform) {
			p.exec("payment", `DELETE FROM payment WHERE order_id = 'completed0'`)
		}},
		{name: "skipped: no reservation", promise: promiseEffect, example: "PaymentProcessed", do: in("inventory", `DELETE FROM reservation WHERE order_id = 'completed0'`)},
		{name: "skipped: goods that have not left", promise: promiseEffect, example: "OrderCompleted", do: in("inventory", `UPDATE reservation SET status = 'reserved' WHERE order_id = 'completed0'`)},
		{name: "skipped: a price of nothing", promise: promiseEffect, example: "ProductPriceUpdated", do: func(p *platform) {
			p.say("product", "ProductPriceUpdated", "x", 0, nil)
			everywhere(`DELETE FROM position`)(p)
			p.read()
		}},
		{name: "skipped: no shipment", promise: promiseEffect, example: "InventoryUpdated", do: in("shipping", `DELETE FROM shipment WHERE order_id = 'completed0'`)},
		{name: "skipped: a parcel that the order does not know", promise: promiseEffect, example: "OrderShipped", do: in("order", `UPDATE orders SET status = 'confirmed', ended = NULL WHERE id = 'completed0'`)},
		{name: "skipped: an end without a tombstone", promise: promiseEffect, example: "OrderFailed", do: in("shipping", `DELETE FROM shipment WHERE order_id = 'declined'`)},
		{name: "dead letter dropped without a word", promise: promiseEffect, example: "blocked", do: in("inventory", `DELETE FROM parked WHERE key = 'blocked'`)},
		{name: "wrong message at a position", promise: promisePosition, example: "there is", do: in("inventory", `UPDATE position SET id = 'another' WHERE log = 'payment' AND seq > 0`)},
		{name: "position beyond the end", promise: promisePosition, example: "none", do: in("inventory", `UPDATE position SET seq = seq + 1000 WHERE log = 'payment' AND seq > 0`)},
		{name: "log is another one", promise: promisePosition, example: "another log", do: in("payment", `UPDATE identity SET id = 'new'`)},
		{name: "partition has stopped", promise: promisePosition, example: "wiped", do: in("order", `UPDATE position SET stopped = 'wiped' WHERE log = 'shipping' AND partition = 3`)},
		{name: "position missing", promise: promisePosition, example: "partition 5", do: in("order", `DELETE FROM position WHERE log = 'shipping' AND partition = 5`)},

		{name: "done without being said", promise: promiseCause, example: "did not say", do: in("inventory", `DELETE FROM journal WHERE kind = 'StockReleased' AND key = 'cancelled'`)},
		{name: "said without being done", promise: promiseCause, example: "does not know", do: in("payment", `UPDATE payment SET status = 'failed' WHERE order_id = 'completed0'`)},
		{name: "said twice", promise: promiseCause, example: "2 times", do: func(p *platform) {
			p.say("shipping", "OrderShipped", "completed0", 0, map[string]any{"trackingNumber": "T-completed0"})
		}},
		{name: "shipped without a reason", promise: promiseCause, example: "without InventoryUpdated", do: in("inventory", `DELETE FROM journal WHERE kind = 'InventoryUpdated' AND key = 'completed0'`)},
		{name: "other amount said", promise: promiseCause, example: "PaymentProcessed of 1 ", do: in("payment", `UPDATE journal SET body = $1 WHERE key = 'completed0'`, []byte(`{"amount":1,"currency":"USD"}`))},

		{name: "call that the provider never got", promise: promiseCalls, example: "lost", do: in("simulator", `DELETE FROM call WHERE key = 'pay-lost' AND kind = 'lookup' AND n = (SELECT MAX(n) FROM call WHERE key = 'pay-lost' AND kind = 'lookup')`)},
		{name: "call skipped", promise: promiseCalls, example: "no call said so", do: in("payment", `DELETE FROM attempt WHERE order_id = 'short' AND kind = 'refund'`)},
		{name: "call not counted", promise: promiseCalls, example: "paying", do: in("payment", `DELETE FROM attempt WHERE order_id = 'paying'`)},
		{name: "money that moved by itself", promise: promiseCalls, example: "no call for it", do: in("simulator", `UPDATE charge SET n = 2000 WHERE order_id = 'completed0'`)},

		{name: "charge without a job", promise: promiseOwner, example: "paying", do: in("payment", `DELETE FROM job WHERE key = 'paying'`)},
		{name: "pending without a deadline", promise: promiseOwner, example: "deadline", do: in("order", `DELETE FROM job WHERE key = 'paying'`)},
		{name: "parked behind nothing", promise: promiseOwner, example: "behind nothing", do: in("inventory", `UPDATE parked SET state = 'waiting'`)},

		{name: "job overdue", promise: promiseStuck, example: "charge-paying", do: in("payment", `UPDATE job SET due = $1 WHERE key = 'paying'`, past)},
		{name: "order pending past its deadline", promise: promiseStuck, example: "paying", do: in("order", `UPDATE orders SET deadline = $1 WHERE id = 'paying'`, past)},
		{name: "parked and never tried again", promise: promiseStuck, example: "parked in inventory", do: in("inventory", `UPDATE parked SET state = 'retry', due = $1`, past)},
		{name: "expired and nobody asked", promise: promiseStuck, example: "packing", do: in("inventory", `UPDATE reservation SET expires = $1 WHERE order_id = 'packing'`, past-120_000_000)},
		{name: "message never read", promise: promiseStuck, example: "order does not read", do: in("order", `UPDATE position SET seq = 0, id = '', identity = '' WHERE log = 'payment'`)},

		{name: "work left at the end", promise: promiseQuiet, example: "paying", opts: func(o *Options) { o.Final = true }, do: func(*platform) {}},
	}
}

// Nothing is wrong with what the services store, also while some of it is on its way.
func TestCleanPlatform(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		p := filled(t)
		r, err := Run(t.Context(), Options{Data: p.dir, Database: p.url, Ledger: p.ledger(), Sole: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Checks {
			if c.Violations != 0 {
				t.Errorf("%s: %d violations: %q", c.Promise, c.Violations, c.Examples)
			}
			if c.Checked == 0 {
				t.Errorf("%s: nothing was checked", c.Promise)
			}
		}
		if !r.OK || r.Dead != 1 {
			t.Errorf("ok is %v with %d dead, want true with 1", r.OK, r.Dead)
		}
	})
}

// Every wrong is found, by the check of the promise that it breaks. And no probe is
// silent: each finds something in one of the platforms, or it would prove nothing.
func TestCanaries(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		all, ran := slices.Concat(plants(), inCatalogue(), miscounts(), untold(), parcelPlants(), overscheduled(), buried(), halfMade(), sagaPlants(), disobeyed(), wrecks(), []plant{unfolded()}), 0
		loud := map[string][]bool{}
		for _, c := range all {
			t.Run(c.name, func(t *testing.T) {
				ran++
				for _, check := range c.found(t, filled(t)) {
					for i, l := range check.loud {
						if i == len(loud[check.Promise]) {
							loud[check.Promise] = append(loud[check.Promise], false)
						}
						loud[check.Promise][i] = loud[check.Promise][i] || l
					}
				}
			})
		}
		if ran < len(all) {
			return // somebody looks at one of them
		}
		for promise, probes := range loud {
			for i, l := range probes {
				if !l {
					t.Errorf("probe %d of %q found nothing anywhere", i, promise)
				}
			}
		}
	})
}

// found plants c, audits, and returns the checks.
func (c plant) found(t *testing.T, p *platform) []Check {
	c.do(p)
	return c.check(t, p)
}

// check audits p, in which c is planted.
func (c plant) check(t *testing.T, p *platform) []Check {
	t.Helper()
	o := Options{Data: p.dir, Database: p.url, Ledger: p.ledger(), pause: 10 * time.Millisecond}
	if c.opts != nil {
		c.opts(&o)
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.OK {
		t.Error("the report is ok")
	}
	for _, w := range c.also {
		i := slices.IndexFunc(r.Checks, func(check Check) bool { return check.Promise == w.promise })
		if i < 0 || !slices.ContainsFunc(r.Checks[i].found, func(f string) bool { return strings.Contains(f, w.example) }) {
			t.Errorf("%s %s: %s says nothing about %q", w.service, w.change, w.promise, w.example)
		}
	}
	for _, check := range r.Checks {
		if check.Promise == c.promise {
			if all := strings.Join(check.Examples, "\n"); !strings.Contains(all, c.example) {
				t.Errorf("%s: %d violations, none about %q:\n%s", c.promise, check.Violations, c.example, all)
			}
			return r.Checks
		}
	}
	t.Errorf("no check of %q", c.promise)
	return nil
}
