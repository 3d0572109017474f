package pgtwin

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

// What nobody waits for: what customers are told, and what is counted. Rows of a batch are
// alike, and so one statement.

// tell stores notices of facts, to be shown.
func tell(notice func(body []byte) wire.Notice) func(*batch, []envelope) {
	return func(b *batch, told []envelope) {
		var orders, templates, users, facts []string
		for _, e := range told {
			n := notice(e.body)
			orders, templates = append(orders, e.key), append(templates, n.Template)
			users, facts = append(users, n.User), append(facts, string(n.Facts))
		}
		b.Queue(`INSERT INTO notification.notification (subject, template, user_id, facts, status, at)
			SELECT *, 'stored', $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])`, orders, templates, users, facts, b.now)
		b.write()
	}
}

// nameProducts copies what the catalogue calls them.
func (s *shop) nameProducts(ctx context.Context) error {
	b := s.analytics.batch()
	b.Queue(`INSERT INTO analytics.product (product_id, name, named, quantity) SELECT id, name, $1, 0 FROM product.product`, b.now)
	return b.pool.SendBatch(ctx, &b.Batch).Close()
}

// count stores sales and how they ended, then adds to the counters.
func count(b *batch, facts []envelope) {
	ctx := context.Background()
	c, err := b.pool.Acquire(ctx)
	wire.Must(err)
	defer c.Release()
	counts := wire.NewCounts()
	var sales pgx.Batch
	sales.Queue("BEGIN")
	noteAccepted(&sales, facts, counts)
	noteCompleted(&sales, facts, counts)
	wire.Must(c.SendBatch(ctx, &sales).Close())
	b.add(counts)
	b.in(c)
}

func noteAccepted(sales *pgx.Batch, facts []envelope, counts wire.Counts) {
	var orders, currencies, goods []string
	var totals []int64
	for _, e := range facts {
		if e.kind != (contract.OrderCreated{}).Kind() {
			continue
		}
		sale := wire.NewSale(e.body)
		orders, currencies = append(orders, e.key), append(currencies, sale.Currency)
		goods, totals = append(goods, string(wire.Encode(sale.Goods))), append(totals, sale.Total)
		counts.Accepted(e.time)
	}
	if len(orders) > 0 {
		sales.Queue(`INSERT INTO analytics.sale (order_id, accepted, currency, total, lines, state, reason, ended)
			SELECT id, 1, currency, total, goods, '', '', NULL FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS s (id, currency, total, goods)`,
			orders, currencies, totals, goods)
	}
}

func noteCompleted(sales *pgx.Batch, facts []envelope, counts wire.Counts) {
	var orders []string
	var times []int64
	for _, e := range facts {
		if e.kind == (contract.OrderCompleted{}).Kind() {
			orders, times = append(orders, e.key), append(times, e.time)
		}
	}
	if len(orders) == 0 {
		return
	}
	sales.Queue(`UPDATE analytics.sale AS s SET state = 'completed', ended = o.at FROM unnest($1::text[], $2::bigint[]) AS o (id, at)
		WHERE s.order_id = o.id RETURNING o.at, s.currency, s.total, s.lines`, orders, times).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var at int64
			var goods string
			var sale wire.Sale
			if err := rows.Scan(&at, &sale.Currency, &sale.Total, &goods); err != nil {
				return err
			}
			sale.Goods = wire.Decode[map[string]int64]([]byte(goods))
			counts.Completed(sale, at)
		}
		return rows.Err()
	})
}

// add writes counts: each counter once.
func (b *batch) add(c wire.Counts) {
	for of, more := range c.Tallies {
		b.Queue(`INSERT INTO analytics.tally AS t (name, label, n, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name, label) DO UPDATE SET n = t.n + excluded.n, at = greatest(t.at, excluded.at)`, of.Name, of.Label, more.N, more.At)
	}
	for day, amount := range c.Days {
		b.Queue(`INSERT INTO analytics.revenue AS r (day, currency, amount) VALUES ($1, $2, $3)
			ON CONFLICT (day, currency) DO UPDATE SET amount = r.amount + excluded.amount`, day.Number, day.Currency, amount)
	}
	for product, quantity := range c.Sold {
		b.Queue(`UPDATE analytics.product SET quantity = quantity + $1 WHERE product_id = $2`, quantity, product)
	}
}
