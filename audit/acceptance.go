package audit

// named is the order at the location of an answer i.
const named = `SUBSTR(i.location, LENGTH('/api/orders/') + 1)`

// acceptance checks what the client saw against what is stored.
func (a *audit) acceptance() promise {
	const ok = `client c WHERE c.outcome = 'ok'`
	p := promise{name: "what was accepted is stored, and as the client saw it", probes: []probe{
		{of: count("client"), bad: `SELECT 'order ' || c.order_id || ' (key ' || c.key || ') was accepted and is not stored' FROM ` + ok + `
			AND NOT EXISTS (SELECT 1 FROM "order".orders o WHERE o.id = c.order_id)`},
		// An end is an end: it is what the client saw, for ever.
		{bad: `SELECT 'order ' || c.order_id || ' is ' || o.status || ', the client saw ' || c.final
			FROM client c JOIN "order".orders o ON o.id = c.order_id WHERE c.final <> '' AND o.status <> c.final`},
		{bad: `SELECT 'order ' || c.order_id || ' has another total than the client was told: ' || o.total || ' ' || o.currency
			FROM client c JOIN "order".orders o ON o.id = c.order_id
			WHERE c.outcome = 'ok' AND (o.total IS DISTINCT FROM c.total OR o.currency IS DISTINCT FROM c.currency)`},
		{bad: `SELECT 'order ' || c.order_id || ' was ' || c.final || ' to the client without having been accepted' FROM client c WHERE c.outcome <> 'ok' AND c.final <> ''`},
		{bad: `SELECT 'order ' || i.order_id || ' has not ' || i.quantity || ' of product ' || i.product_id || ', as was ordered'
			FROM (SELECT order_id, product_id, SUM(quantity) AS quantity FROM client_item GROUP BY order_id, product_id) i
			JOIN "order".orders o ON o.id = i.order_id
			LEFT JOIN demand d ON d.order_id = i.order_id AND d.product_id = i.product_id WHERE d.quantity IS DISTINCT FROM i.quantity`},
		{bad: `SELECT 'order ' || d.order_id || ' has product ' || d.product_id || ', which was not ordered' FROM client c JOIN demand d ON d.order_id = c.order_id
			WHERE c.outcome = 'ok' AND NOT EXISTS (SELECT 1 FROM client_item i WHERE i.order_id = d.order_id AND i.product_id = d.product_id)`},
		// One key is one order, and one order has one key.
		{bad: `SELECT 'order ' || c.order_id || ' answered ' || COUNT(*) || ' keys' FROM ` + ok + ` GROUP BY c.order_id HAVING COUNT(*) > 1`},
		// Only 2xx answers are remembered, so what was rejected left nothing.
		{bad: `SELECT 'key ' || c.key || ' was rejected, and is remembered with ' || i.location FROM client c JOIN "order".idempotency i ON i.key = c.key
			WHERE c.outcome = 'rejected'`},
		{bad: `SELECT 'key ' || c.key || ' is remembered with ' || i.location || ', the client was told ' || c.order_id
			FROM client c JOIN "order".idempotency i ON i.key = c.key WHERE c.outcome = 'ok' AND i.location <> '/api/orders/' || c.order_id`},
	}}
	// An order that its client does not know may still be the one behind an answer that was
	// lost: then the server remembers the key.
	if a.Sole {
		p.probes = append(p.probes, probe{of: count(`"order".orders`), bad: `SELECT 'order ' || o.id || ' was placed by nobody' FROM "order".orders o
			WHERE NOT EXISTS (SELECT 1 FROM client c WHERE c.order_id = o.id)
			AND o.id NOT IN (SELECT ` + named + ` FROM client c JOIN "order".idempotency i ON i.key = c.key WHERE c.outcome = 'unknown')`})
	}
	return p
}

// whole checks each order by itself, and that what the server remembers to have
// accepted is there.
func whole() promise {
	return promise{name: "every order is whole", probes: []probe{
		{of: count(`"order".orders`), bad: `SELECT 'order ' || o.id || ' has the total ' || o.total || ', its lines add up to ' || COALESCE(CAST(SUM(d.amount) AS TEXT), 'nothing')
			FROM "order".orders o LEFT JOIN demand d ON d.order_id = o.id GROUP BY o.id, o.total HAVING SUM(d.amount) IS DISTINCT FROM o.total`},
		{bad: `SELECT 'order ' || o.id || ' has another total or currency than was said when it was created' FROM "order".orders o
			JOIN fact_order f ON f.kind = 'OrderCreated' AND f.key = o.id WHERE f.amount IS DISTINCT FROM o.total OR f.word IS DISTINCT FROM o.currency`},
		{of: count(`"order".idempotency`), bad: `SELECT 'key ' || i.key || ' is remembered with ' || i.location || ', which is not stored' FROM "order".idempotency i
			WHERE i.route = 'POST /api/orders' AND NOT EXISTS (SELECT 1 FROM "order".orders o WHERE o.id = ` + named + `)`},
	}}
}
