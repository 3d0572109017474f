package audit

import "fmt"

// counted are the messages that analytics follows, and the row that each leaves. With the
// check of the rows this is a recount of every number, as far as analytics has read.
func counted() []effect {
	sale := func(and string) string { return the("analytics.sale", "x.order_id = e.key AND "+and) }
	named := the("analytics.product", "x.product_id = e.key AND x.named >= e.time")
	return []effect{
		{"analytics", "order", "OrderCreated", sale("x.accepted = 1")},
		{"analytics", "order", "OrderCompleted", sale("x.state = 'completed'")},
		{"analytics", "order", "OrderFailed", sale("x.state = 'failed'")},
		{"analytics", "order", "OrderCancelled", sale("x.state = 'cancelled'")},
		{"analytics", "payment", "PaymentRefunded", the("analytics.refund", "x.order_id = e.key")},
		{"analytics", "product", "ProductCreated", named},
		{"analytics", "product", "ProductUpdated", named},
		{"analytics", "product", "ProductPriceUpdated", the("analytics.product", "x.product_id = e.key AND x.priced >= e.time")},
		{"analytics", "user", "UserRegistered", the("analytics.customer", "x.user_id = e.key")},
	}
}

// Sums of money do not fit 64 bits for ever, and SQLite has no more: they are added up in
// two parts, of which the first counts thousand millions.
const thousandMillions = 1_000_000_000

// summed are the parts of a sum, as hi and lo.
func summed(column string) string {
	return fmt.Sprintf("CAST(SUM(%[1]s / %[2]d) AS BIGINT) AS hi, CAST(SUM(%[1]s %% %[2]d) AS BIGINT) AS lo", column, thousandMillions)
}

// written is the text of high units of 10^18 and a rest.
func written(high, rest string) string {
	return fmt.Sprintf("CASE WHEN %[1]s = 0 THEN CAST(%[2]s AS TEXT) ELSE %[1]s || SUBSTR(CAST(1000000000000000000 + %[2]s AS TEXT), 2) END", high, rest)
}

// addUp adds up money by a key, as text.
func addUp(key, column, from string) string {
	carried := fmt.Sprintf("(hi + lo / %d)", thousandMillions)
	return fmt.Sprintf("SELECT k, %s AS n FROM (SELECT %s AS k, %s%s GROUP BY 1) parts",
		written(fmt.Sprintf("(%s / %d)", carried, thousandMillions), fmt.Sprintf("(%s %% %[2]d * %[2]d + lo %% %[2]d)", carried, thousandMillions)), key, summed(column), from)
}

// A recount is a counter of analytics, and what its rows say that it should be: two
// queries for a key and a number, which may be text.
type recount struct{ what, has, is string }

// recounts are all counters. All is of one database, and of one snapshot.
func (a *audit) recounts() []recount {
	tally := func(name string) string {
		return "SELECT label AS k, " + written("high", "n") + " AS n FROM analytics.tally WHERE name = '" + name + "'"
	}
	const sales = " FROM analytics.sale WHERE accepted = 1"
	all := []recount{
		{"orders", tally("accepted"), "SELECT '' AS k, COUNT(*) AS n" + sales + " HAVING COUNT(*) > 0"},
		{"users", tally("users"), "SELECT '' AS k, COUNT(*) AS n FROM analytics.customer HAVING COUNT(*) > 0"},
		{"revenue", tally("revenue"), addUp("currency", "total", sales+" AND state = 'completed'")},
		{"refunded", tally("refunded"), addUp("currency", "amount", " FROM analytics.refund")},
		{"revenue of day", "SELECT day || ' ' || currency AS k, " + written("high", "amount") + " AS n FROM analytics.revenue",
			addUp("(ended / 86400000000) || ' ' || currency", "total", sales+" AND state = 'completed'")},
		{"sold of product", "SELECT product_id AS k, quantity AS n FROM analytics.product WHERE quantity <> 0",
			"SELECT " + a.dialect.good + " AS k, SUM(CAST(" + a.dialect.quantity + " AS BIGINT)) AS n FROM " + a.dialect.goods + " WHERE s.accepted = 1 AND s.state = 'completed' GROUP BY 1"},
	}
	for _, end := range []string{"completed", "failed", "cancelled"} {
		all = append(all, recount{end, tally(end), "SELECT reason AS k, COUNT(*) AS n" + sales + " AND state = '" + end + "' GROUP BY reason"})
	}
	return all
}

// latest is the time of the last event in each counter. Which events are in it, the rows
// of analytics say; when they were said, the journals.
const latest = `SELECT 'accepted' AS name, '' AS label, MAX(f.time) AS at FROM analytics.sale s JOIN fact_order f ON f.kind = 'OrderCreated' AND f.key = s.order_id WHERE s.accepted = 1
	UNION ALL SELECT state, reason, MAX(ended) FROM analytics.sale WHERE accepted = 1 AND state <> '' GROUP BY state, reason
	UNION ALL SELECT 'revenue', currency, MAX(ended) FROM analytics.sale WHERE accepted = 1 AND state = 'completed' GROUP BY currency
	UNION ALL SELECT 'refunded', r.currency, MAX(f.time) FROM analytics.refund r JOIN (SELECT key, MIN(time) AS time FROM fact_payment WHERE kind = 'PaymentRefunded' GROUP BY key) f ON f.key = r.order_id GROUP BY r.currency
	UNION ALL SELECT 'users', '', MAX(f.time) FROM analytics.customer c JOIN fact_user f ON f.kind = 'UserRegistered' AND f.key = c.user_id`

// analytics checks that every number is the sum of its rows, and that every row is what
// the journals say. The rows are of an earlier snapshot than the journals.
func (a *audit) analytics() promise {
	p := promise{name: "every number is the sum of what happened"}
	for _, r := range a.recounts() {
		p.probes = append(p.probes, probe{of: "SELECT COUNT(*) FROM (" + r.has + ") has", bad: fmt.Sprintf(`SELECT '%[1]s ' || COALESCE(has.k, due.k) || ': counted ' || COALESCE(has.n, '0') || ', there are ' || COALESCE(due.n, '0')
			FROM (SELECT k, CAST(n AS TEXT) AS n FROM (%[2]s) h) has FULL JOIN (SELECT k, CAST(n AS TEXT) AS n FROM (%[3]s) d) due
			ON due.k = has.k WHERE COALESCE(has.n, '0') <> COALESCE(due.n, '0')`, r.what, r.has, r.is)})
	}
	return promise{name: p.name, probes: append(p.probes,
		unlike(`'counter ' || t.name || ' ' || t.label`, `analytics.tally t JOIN (`+latest+`) l ON l.name = t.name AND l.label = t.label WHERE 1 = 1`,
			likeness{"the time", "t.at", "l.at"}),
		probe{of: count("analytics.sale"), bad: `SELECT 'order ' || s.order_id || ' counts with ' || s.total || ' ' || s.currency || ', it was accepted with ' || COALESCE(f.amount || ' ' || f.word, 'nothing')
			FROM analytics.sale s LEFT JOIN fact_order f ON f.kind = 'OrderCreated' AND f.key = s.order_id
			WHERE s.accepted = 1 AND (f.amount IS DISTINCT FROM s.total OR f.word IS DISTINCT FROM s.currency)`},
		probe{of: count("analytics.sale WHERE state <> ''"), bad: `SELECT 'order ' || s.order_id || ' counts as ' || s.state || ' (' || s.reason || '), which was not said then' FROM analytics.sale s
			WHERE s.state <> '' AND NOT EXISTS (SELECT 1 FROM fact_order f WHERE f.kind IN ('OrderCompleted', 'OrderFailed', 'OrderCancelled') AND f.key = s.order_id
				AND s.state = ` + status + ` AND s.reason = COALESCE(f.word, '') AND s.ended = f.time)`},
		// Both ways: what was ordered and does not count, and what counts and was not ordered.
		probe{of: count("demand"), bad: `SELECT 'order ' || s.order_id || ' counts with ' || COALESCE(g.quantity, 0) || ' of product ' || COALESCE(d.product_id, g.product_id) || ', it has ' || COALESCE(d.quantity, 0)
			FROM analytics.sale s JOIN (SELECT order_id, product_id FROM demand UNION SELECT order_id, product_id FROM wares) w ON w.order_id = s.order_id
			LEFT JOIN demand d ON d.order_id = w.order_id AND d.product_id = w.product_id
			LEFT JOIN wares g ON g.order_id = w.order_id AND g.product_id = w.product_id
			WHERE s.accepted = 1 AND COALESCE(d.quantity, 0) <> COALESCE(g.quantity, 0)`},
		probe{of: count("analytics.refund"), bad: `SELECT 'order ' || r.order_id || ' counts as refunded ' || r.amount || ' ' || r.currency || ', which was not said' FROM analytics.refund r
			WHERE NOT EXISTS (SELECT 1 FROM fact_payment f WHERE f.kind = 'PaymentRefunded' AND f.key = r.order_id AND f.amount = r.amount AND f.word = r.currency)`},
		probe{of: count("analytics.customer"), bad: `SELECT 'user ' || c.user_id || ' counts, and was not registered' FROM analytics.customer c
			WHERE NOT EXISTS (SELECT 1 FROM fact_user f WHERE f.kind = 'UserRegistered' AND f.key = c.user_id)`},
		probe{of: count("analytics.product WHERE named > 0"), bad: `SELECT 'product ' || p.product_id || ' is called ' || p.name || ', which the catalogue did not say then' FROM analytics.product p
			WHERE p.named > 0 AND NOT EXISTS (SELECT 1 FROM fact_product f WHERE f.kind IN ('ProductCreated', 'ProductUpdated') AND f.key = p.product_id AND f.time = p.named AND f.word = p.name)`},
		probe{of: count("analytics.product WHERE priced > 0"), bad: `SELECT 'product ' || p.product_id || ' costs ' || p.price || ', which the catalogue did not say then' FROM analytics.product p
			WHERE p.priced > 0 AND NOT EXISTS (SELECT 1 FROM fact_product f WHERE f.kind IN ('ProductCreated', 'ProductPriceUpdated') AND f.key = p.product_id AND f.time = p.priced AND f.amount = p.price)`})}
}
