package audit

import (
	"fmt"
	"time"
)

// wrecks are platforms in which much is wrong at once, of every kind and everywhere.
func wrecks() []plant {
	final := func(o *Options) { o.Final, o.Sole = true, true }
	return []plant{
		{name: "no tables", promise: promiseStores, example: "identity", do: dropTables},
		{name: "all messages lost", promise: promiseCause, example: "did not say", do: everywhere(`DELETE FROM journal`)},
		{name: "all messages doubled", promise: promiseCause, example: "2 times", do: everywhere(`INSERT INTO journal (partition, seq, id, kind, class, key, time, cause, trace, body)
			SELECT partition, seq + 1000, id, kind, class, key, time, cause, trace, body FROM journal`)},
		{name: "all effects lost", promise: promiseEffect, example: "left nothing", do: loseEffects},
		{name: "all positions lost", promise: promisePosition, example: "has no position", do: everywhere(`DELETE FROM position`)},
		{name: "all positions wrong", promise: promisePosition, example: "belongs to another log", do: wrongPositions},
		{name: "everybody stands still", promise: promiseStuck, example: "beyond its deadline", do: standStill, opts: final},
		{name: "money astray", promise: promiseBalance, example: "from provider to provider", do: moneyAstray},
		{name: "goods astray", promise: promiseShipment, example: "2 shipments", do: goodsAstray},
		{name: "client astray", promise: promiseClient, example: "without having been accepted", do: func(p *platform) {
			p.seen = append(p.seen, `{"key":"k","orderId":"short","outcome":"unknown","final":"failed"}`+"\n",
				`{"key":"l","orderId":"lost","outcome":"ok","total":"12.50","currency":"USD","items":[{"productId":"a","quantity":2}]}`+"\n")
			p.seen = append(p.seen[:3], p.seen[4:]...) // its other line, with all items
		}},
	}
}

// everywhere changes the databases of all services.
func everywhere(query string) func(*platform) {
	return func(p *platform) {
		for _, s := range services {
			p.exec(s, query)
		}
	}
}

func dropTables(p *platform) {
	for _, s := range services {
		for _, table := range tables(s) {
			p.exec(s, `DROP TABLE `+table)
		}
	}
	for _, table := range []string{"call", "refund", "charge", "hold"} {
		p.exec("simulator", `DROP TABLE `+table)
	}
}

func loseEffects(p *platform) {
	p.exec("notification", `DELETE FROM notification`)
	p.exec("payment", `DELETE FROM payment`)
	p.exec("shipping", `DELETE FROM shipment`)
	p.exec("inventory", `DELETE FROM reservation`)
	p.exec("inventory", `DELETE FROM stock`)
	p.exec("product", `DELETE FROM product`)
	p.exec("user", `DELETE FROM users`)
	p.exec("analytics", `UPDATE sale SET accepted = 0, state = ''`)
	for _, table := range []string{"refund", "product", "customer"} {
		p.exec("analytics", `DELETE FROM `+table)
	}
	p.exec("order", `UPDATE orders SET status = 'pending', payment_status = 'pending', shipment_status = 'pending', ended = NULL`)
}

func wrongPositions(p *platform) {
	for _, s := range services {
		p.exec(s, `INSERT INTO position (subscription, log, partition, identity, seq, id, stopped) VALUES ('another', $1, 0, 'gone', 1000, 'x', 'wiped')`, s)
		p.exec(s, `INSERT INTO identity (id) VALUES ('second')`)
	}
}

func standStill(p *platform) {
	for _, s := range services {
		p.job(s, s+"_work", "work", "paying", -time.Minute)
		for _, state := range []string{"waiting", "retry"} {
			p.seqs["parked"]++
			p.park(s, "order", state, p.seqs["parked"], state, -time.Minute)
		}
		p.exec(s, `UPDATE position SET seq = 0, id = '', identity = ''`)
	}
	p.exec("order", `UPDATE orders SET deadline = 0`)
}

func moneyAstray(p *platform) {
	p.relax("payment", "entry")
	p.exec("payment", `UPDATE entry SET credit = debit WHERE id = 'capture-completed0'`)
	p.exec("payment", `UPDATE entry SET currency = 'EUR' WHERE id = 'refund-short'`)
	p.exec("payment", `UPDATE attempt SET n = 7 WHERE order_id = 'declined'`)
	p.exec("payment", `INSERT INTO entry SELECT 'again', order_id, kind, debit, credit, amount, currency, at, made FROM entry WHERE id = 'refund-short'`)
}

func goodsAstray(p *platform) {
	p.exec("inventory", `UPDATE movement SET product_id = 'c' WHERE order_id = 'completed0'`)
	p.exec("inventory", `UPDATE reservation SET status = 'released' WHERE order_id = 'completed1'`)
	p.exec("shipping", `UPDATE shipment SET tracking = 'T-completed0' WHERE order_id = 'completed1'`)
	p.exec("shipping", `UPDATE shipment SET status = 'wanted' WHERE order_id = 'declined'`)
	p.exec("order", `UPDATE orders SET lines = '[]' WHERE id = 'lost'`)
	p.exec("inventory", fmt.Sprintf(`UPDATE movement SET quantity = %d WHERE kind = 'initial'`, 1))
}
