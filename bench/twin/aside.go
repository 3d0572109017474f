package twin

import "github.com/tidewire/tidewire/bench/wire"

// What nobody waits for: what customers are told, and what is counted.

// tell stores a notice of a fact, to be shown.
func tell(notice func(body []byte) wire.Notice) func(envelope) func(*tx) {
	return func(e envelope) func(*tx) {
		n := notice(e.body)
		return func(t *tx) {
			t.do(`INSERT INTO notification (subject, template, user_id, facts, status, at) VALUES (?, ?, ?, ?, 'stored', ?)`).
				text(e.key).text(n.Template).text(n.User).text(string(n.Facts)).int(t.now).run()
		}
	}
}

// nameProducts copies what the catalogue calls them.
func (s *shop) nameProducts() {
	names := map[string]string{}
	s.product.view(func(c *connection) {
		r := c.do(`SELECT id, name FROM product`)
		r.rows(func() { names[r.ColumnText(0)] = r.ColumnText(1) })
	})
	s.analytics.update(func(t *tx) {
		for id, name := range names {
			t.do(`INSERT INTO product (product_id, name, named, quantity) VALUES (?, ?, ?, 0)`).text(id).text(name).int(t.now).run()
		}
	})
}

// A counter gathers what a batch adds to the counters.
type counter struct{ wire.Counts }

func (c *counter) accepted(e envelope) func(*tx) {
	sale := wire.NewSale(e.body)
	goods := wire.Encode(sale.Goods)
	return func(t *tx) {
		t.do(`INSERT INTO sale (order_id, accepted, currency, total, lines, state, reason, ended) VALUES (?, 1, ?, ?, ?, '', '', NULL)`).
			text(e.key).text(sale.Currency).int(sale.Total).text(string(goods)).run()
		c.Accepted(e.time)
	}
}

func (c *counter) completed(e envelope) func(*tx) {
	return func(t *tx) {
		s := t.do(`UPDATE sale SET state = 'completed', ended = ? WHERE order_id = ? RETURNING currency, total, lines`).int(e.time).text(e.key)
		s.rows(func() {
			c.Completed(wire.Sale{Currency: s.ColumnText(0), Total: s.ColumnInt64(1), Goods: wire.Decode[map[string]int64](s.blob(2))}, e.time)
		})
	}
}

// write adds what was gathered to the counters.
func (c *counter) write(t *tx) {
	for of, more := range c.Tallies {
		t.do(`INSERT INTO tally (name, label, n, at) VALUES (?, ?, ?, ?) ON CONFLICT (name, label) DO UPDATE SET n = n + excluded.n, at = max(at, excluded.at)`).
			text(of.Name).text(of.Label).int(more.N).int(more.At).run()
	}
	for day, amount := range c.Days {
		t.do(`INSERT INTO revenue (day, currency, amount) VALUES (?, ?, ?) ON CONFLICT (day, currency) DO UPDATE SET amount = amount + excluded.amount`).
			int(day.Number).text(day.Currency).int(amount).run()
	}
	for product, quantity := range c.Sold {
		t.do(`UPDATE product SET quantity = quantity + ? WHERE product_id = ?`).int(quantity).text(product).run()
	}
	c.Counts = wire.NewCounts()
}
