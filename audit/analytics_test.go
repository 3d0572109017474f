package audit

import (
	"encoding/json"
	"fmt"
	"strings"
)

// count writes what analytics would have stored of all that was said.
func (p *platform) count() {
	p.renamed("b", "Other thing")
	tallies := map[[2]string]int64{}
	latest := map[[2]string]int64{}
	add := func(name, label string, n, at int64) {
		tallies[[2]string{name, label}] += n
		latest[[2]string{name, label}] = max(at, latest[[2]string{name, label}])
	}
	p.countOrders(add)
	for _, m := range p.messages("payment") {
		if m.kind == "PaymentRefunded" {
			p.exec("analytics", `INSERT INTO refund (order_id, currency, amount) VALUES ($1, 'USD', $2)`, m.key, total)
			add("refunded", "USD", total, m.time)
		}
	}
	for _, m := range p.messages("user") {
		if m.kind != "UserRegistered" {
			continue
		}
		p.exec("analytics", `INSERT INTO customer (user_id) VALUES ($1)`, m.key)
		add("users", "", 1, m.time)
	}
	for _, m := range p.messages("product") {
		if m.kind == "ProductPriceUpdated" {
			p.exec("analytics", `UPDATE product SET price = $1, currency = 'USD', priced = $2 WHERE product_id = $3`, m.body["price"], m.time, m.key)
			continue // its name is what it was
		}
		p.exec("analytics", `UPDATE product SET name = $1, named = $2 WHERE product_id = $3`, m.body["name"], m.time, m.key)
	}
	for t, n := range tallies {
		p.exec("analytics", `INSERT INTO tally (name, label, n, at) VALUES ($1, $2, $3, $4)`, t[0], t[1], n, latest[t])
	}
	p.say("analytics", "DeadLetterDecided", "dead:nothing", 0, map[string]any{"act": "redrive", "who": "eve"})
}

// renamed is a product that the catalogue calls something else.
func (p *platform) renamed(id, name string) {
	p.exec("product", `UPDATE product SET name = $1, words = $2 WHERE id = $3`, name, strings.ToLower(name), id)
	p.say("product", "ProductUpdated", id, 0, map[string]any{"productId": id, "name": name})
}

func (p *platform) countOrders(add func(name, label string, n, at int64)) {
	sold := map[string]int64{"a": 0, "b": 0}
	days := map[int64]int64{}
	for _, m := range p.messages("order") {
		reason, _ := m.body["reason"].(string)
		state := map[string]string{"OrderCompleted": "completed", "OrderFailed": "failed", "OrderCancelled": "cancelled"}[m.kind]
		switch {
		case m.kind == "OrderCreated":
			p.exec("analytics", `INSERT INTO sale (order_id, accepted, currency, total, lines, state, reason) VALUES ($1, 1, 'USD', $2, '{"a":2,"b":1}', '', '')`, m.key, total)
			add("accepted", "", 1, m.time)
		case state != "":
			p.exec("analytics", `UPDATE sale SET state = $1, reason = $2, ended = $3 WHERE order_id = $4`, state, reason, m.time, m.key)
			add(state, reason, 1, m.time)
		}
		if state == "completed" {
			add("revenue", "USD", total, m.time)
			days[m.time/86_400_000_000] += total
			sold["a"] += 2
			sold["b"]++
		}
	}
	for day, amount := range days {
		p.exec("analytics", `INSERT INTO revenue (day, currency, amount) VALUES ($1, 'USD', $2)`, day, amount)
	}
	for id, quantity := range sold {
		p.exec("analytics", `INSERT INTO product (product_id, name, named, quantity) VALUES ($1, '', 0, $2)`, id, quantity)
	}
}

// A told message is one of a journal.
type told struct {
	kind, key string
	time      int64
	body      map[string]any
}

// messages are those of a journal, in its order.
func (p *platform) messages(log string) (all []told) {
	p.t.Helper()
	rows, err := p.dbs[log].Query(`SELECT kind, key, time, body FROM journal ORDER BY seq`)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var m told
		var body []byte
		if err := rows.Scan(&m.kind, &m.key, &m.time, &body); err != nil {
			p.t.Fatal(err)
		}
		if err := json.Unmarshal(body, &m.body); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, m)
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return all
}

// miscounts are wrong numbers, each of another kind.
func miscounts() []plant {
	off := func(name, what, query string) plant {
		return plant{name: "miscounted: " + name, promise: promiseNumbers, example: what, do: in("analytics", query)}
	}
	tally := func(name, what string) plant {
		return off(name, what, fmt.Sprintf(`UPDATE tally SET n = n + 1 WHERE name = '%s'`, name))
	}
	passed := func(what, query string) plant {
		return plant{name: "not counted: " + what, promise: promiseEffect, example: what, do: in("analytics", query)}
	}
	return []plant{
		tally("accepted", "orders : counted 20, there are 19"),
		tally("completed", "completed : counted 6, there are 5"),
		tally("failed", "failed out_of_stock: counted 4, there are 3"),
		tally("cancelled", "cancelled cancelled_by_customer: counted 5, there are 4"),
		tally("users", "users : counted 2, there are 1"),
		tally("revenue", "revenue USD: counted 6251, there are 6250"),
		tally("refunded", "refunded USD: counted 5001, there are 5000"),
		off("more than fits 64 bits", "revenue USD: counted 20000000000000006250, there are 6250", `UPDATE tally SET high = 20 WHERE name = 'revenue'`),
		off("sales of more than fits 64 bits", "revenue USD: counted 6250, there are 45000000000000000005", `UPDATE sale SET total = 9000000000000000001`),
		off("refunds of more than fits 64 bits", "refunded USD: counted 5000, there are 36000000000000000004", `UPDATE refund SET amount = 9000000000000000001`),
		off("a day of more than fits 64 bits", "USD: counted 3000000000000006250, there are 6250", `UPDATE revenue SET high = 3`),
		off("no counter", "there are 19", `DELETE FROM tally`),
		off("another day", "revenue of day 1 USD: counted 6250, there are 0", `UPDATE revenue SET day = 1`),
		off("another currency", "revenue of day", `UPDATE revenue SET currency = 'EUR'`),
		off("a product", "sold of product a: counted 5, there are 10", `UPDATE product SET quantity = 5 WHERE product_id = 'a'`),
		off("a product that nobody bought", "sold of product c: counted 1, there are 0", `INSERT INTO product (product_id, name, named, quantity) VALUES ('c', '', 0, 1)`),

		off("a sale at another price", "counts with 1251 USD, it was accepted with 1250 USD", `UPDATE sale SET total = 1251 WHERE order_id = 'lost'`),
		off("a sale in another currency", "counts with 1250 EUR", `UPDATE sale SET currency = 'EUR' WHERE order_id = 'lost'`),
		off("a sale that nobody made", "accepted with nothing", `INSERT INTO sale (order_id, accepted, currency, total, lines, state, reason) VALUES ('none', 1, 'USD', 1, '{}', '', '')`),
		off("another end", "order lost counts as completed", `UPDATE sale SET state = 'completed' WHERE order_id = 'lost'`),
		off("another reason", "order lost counts as failed (timed_out)", `UPDATE sale SET reason = 'timed_out' WHERE order_id = 'lost'`),
		off("another time", "order completed0 counts as completed", `UPDATE sale SET ended = ended + 1 WHERE order_id = 'completed0'`),
		off("other quantities", "order completed0 counts with 3 of product a, it has 2", `UPDATE sale SET lines = '{"a":3,"b":1}' WHERE order_id = 'completed0'`),
		off("a line too few", "order completed0 counts with 0 of product b, it has 1", `UPDATE sale SET lines = '{"a":2}' WHERE order_id = 'completed0'`),
		off("a line too many", "order completed0 counts with 1 of product c, it has 0", `UPDATE sale SET lines = '{"a":2,"b":1,"c":1}' WHERE order_id = 'completed0'`),
		off("another refund", "refunded 1 USD", `UPDATE refund SET amount = 1 WHERE order_id = 'short'`),
		off("a user that there is not", "user ghost", `INSERT INTO customer (user_id) VALUES ('ghost')`),
		off("another price", "which the catalogue did not say then", `UPDATE product SET price = price + 1 WHERE priced > 0`),
		off("another name", "product a is called Mine", `UPDATE product SET name = 'Mine' WHERE product_id = 'a'`),

		passed("OrderCreated of order lost", `UPDATE sale SET accepted = 0 WHERE order_id = 'lost'`),
		passed("OrderCompleted of order completed0", `UPDATE sale SET state = '' WHERE order_id = 'completed0'`),
		passed("OrderFailed of order lost", `DELETE FROM sale WHERE order_id = 'lost'`),
		passed("OrderCancelled of order cancelled", `UPDATE sale SET state = '' WHERE order_id = 'cancelled'`),
		passed("PaymentRefunded of payment short", `DELETE FROM refund WHERE order_id = 'short'`),
		passed("ProductCreated of product a", `UPDATE product SET named = 0 WHERE product_id = 'a'`),
		passed("ProductUpdated of product b", `UPDATE product SET named = named - 1 WHERE product_id = 'b'`),
		passed("ProductPriceUpdated of product", `UPDATE product SET priced = 0`),
		passed("UserRegistered of user 1", `DELETE FROM customer`),
	}
}
