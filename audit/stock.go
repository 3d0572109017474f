package audit

// stock checks that nothing was sold that was not there, and that what left is what was
// ordered. Products that are not tracked never run out, and do not move.
func stock() promise {
	const tracked = `JOIN inventory.stock s ON s.product_id = d.product_id AND s.tracked = 1`
	return promise{name: "nothing is oversold", probes: []probe{
		{of: count("inventory.stock"), bad: `SELECT 'product ' || product_id || ' at ' || location || ': ' || on_hand || ' on hand, ' || reserved || ' reserved' FROM inventory.stock
			WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand`},
		// From the orders alone, whatever inventory believes that it gave them.
		{bad: `SELECT 'product ' || d.product_id || ': completed orders have ' || SUM(d.quantity) || ', there were ' || COALESCE(MAX(m.supply), 0) FROM demand d
			JOIN "order".orders o ON o.id = d.order_id AND o.status = 'completed' ` + tracked + `
			LEFT JOIN (SELECT product_id, SUM(quantity) AS supply FROM inventory.movement WHERE kind <> 'shipped' GROUP BY product_id) m ON m.product_id = d.product_id
			GROUP BY d.product_id HAVING SUM(d.quantity) > COALESCE(MAX(m.supply), 0)`},
		// What a completed order wanted has left, or inventory is about to hear of it.
		{of: count("demand"), bad: `SELECT 'order ' || d.order_id || ' is completed with ' || d.quantity || ' of product ' || d.product_id || ', and moved ' || COALESCE(m.quantity, 0) FROM demand d
			JOIN "order".orders o ON o.id = d.order_id AND o.status = 'completed' ` + tracked + `
			LEFT JOIN moved m ON m.order_id = d.order_id AND m.product_id = d.product_id
			WHERE COALESCE(m.quantity, 0) <> -d.quantity AND ` + unowned("inventory", "o.id")},
		{bad: `SELECT 'order ' || o.id || ' is completed and its stock is ' || COALESCE(r.status, 'not reserved') FROM "order".orders o
			LEFT JOIN inventory.reservation r ON r.order_id = o.id
			WHERE o.status = 'completed' AND COALESCE(r.status, '') <> 'shipped' AND ` + unowned("inventory", "o.id")},
		// However far inventory has come: goods leave only for what was completed and ordered.
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and moved ' || m.quantity || ' of product ' || m.product_id FROM moved m
			JOIN "order".orders o ON o.id = m.order_id WHERE o.status IN ('failed', 'cancelled') AND m.quantity <> 0`},
		{bad: `SELECT 'order ' || m.order_id || ' moved ' || m.quantity || ' of product ' || m.product_id || ', which it did not order' FROM moved m
			JOIN "order".orders o ON o.id = m.order_id
			LEFT JOIN demand d ON d.order_id = m.order_id AND d.product_id = m.product_id WHERE COALESCE(d.quantity, 0) <> -m.quantity`},
		// Freed, or somebody is about to.
		{of: count("inventory.reservation"), bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and its stock is ' || r.status FROM inventory.reservation r
			JOIN "order".orders o ON o.id = r.order_id
			WHERE o.status IN ('failed', 'cancelled') AND r.status IN ('reserved', 'shipped') AND ` + unowned("inventory", "o.id")},
	}}
}

// shelves checks what inventory says of its stock against itself: all of it is of one
// snapshot, so that nothing is excused. What a product began with the catalogue has said.
//
// When goods came or were counted nobody says but the movement itself, and so it is with
// when a product got its first stock: that is checked only as far as no clock is so wrong.
func shelves() promise {
	const movement = `'product ' || m.product_id || ' at ' || m.location || ': movement ' || m.n`
	return promise{name: "stock is the sum of its movements", probes: []probe{
		{bad: `SELECT ` + movement + ` || ' of ' || m.quantity || ' cannot be ' || m.kind || ', with the order "' || m.order_id || '" and the reason "' || m.reason || '"' FROM inventory.movement m
			WHERE NOT CASE m.kind WHEN 'initial' THEN m.n = 1 AND m.quantity > 0 AND m.order_id = '' AND m.reason = '' WHEN 'restock' THEN m.quantity > 0 AND m.order_id = '' AND m.reason = ''
				WHEN 'adjustment' THEN m.order_id = '' AND m.reason <> '' WHEN 'shipped' THEN m.quantity < 0 AND m.order_id <> '' AND m.reason = '' ELSE 1 = 0 END`},
		unlike(movement, `inventory.movement m JOIN fact_product f ON f.kind = 'ProductCreated' AND f.key = m.product_id WHERE m.n = 1`,
			likeness{"an initial stock of", "CASE m.kind WHEN 'initial' THEN m.quantity ELSE 0 END", "COALESCE(f.n, 0)"}),
		// The commit in which goods leave is the last that their reservation sees.
		unlike(movement, `inventory.movement m JOIN inventory.reservation r ON r.order_id = m.order_id WHERE m.kind = 'shipped' AND r.status = 'shipped'`,
			likeness{"the time", "m.at", "r.at"}),
		{bad: `SELECT ` + movement + ` || ' was at ' || m.at || ', the product was created at ' || f.time FROM inventory.movement m
			JOIN fact_product f ON f.kind = 'ProductCreated' AND f.key = m.product_id
			WHERE m.order_id = '' AND (m.at < f.time - 600000000 OR m.at > {late} + 610000000)`},
		{of: count("inventory.movement"), bad: `SELECT 'product ' || s.product_id || ' at ' || s.location || ': ' || s.on_hand || ' on hand, its movements add up to ' || COALESCE(m.quantity, 0)
			FROM inventory.stock s LEFT JOIN (SELECT product_id, location, SUM(quantity) AS quantity FROM inventory.movement GROUP BY product_id, location) m
				ON m.product_id = s.product_id AND m.location = s.location
			WHERE s.on_hand <> COALESCE(m.quantity, 0)`},
		{bad: `SELECT 'product ' || m.product_id || ' at ' || m.location || ' moves and has no stock' FROM (SELECT DISTINCT product_id, location FROM inventory.movement) m
			LEFT JOIN inventory.stock s ON s.product_id = m.product_id AND s.location = m.location WHERE s.product_id IS NULL`},
		// Each follows the one before it, and none is missing.
		{bad: `SELECT 'product ' || product_id || ' at ' || location || ': movement ' || n || ' of ' || quantity || ' leaves ' || balance || ', which is not so'
			FROM (SELECT product_id, location, n, quantity, balance, SUM(quantity) OVER line AS sum, ROW_NUMBER() OVER line AS place
				FROM inventory.movement WINDOW line AS (PARTITION BY product_id, location ORDER BY n)) m WHERE balance <> sum OR n <> place`},
		{of: count("inventory.stock"), bad: `SELECT 'product ' || s.product_id || ' at ' || s.location || ' has moved ' || s.moves || ' times, and has ' || COALESCE(m.n, 0) || ' movements'
			FROM inventory.stock s LEFT JOIN (SELECT product_id, location, COUNT(*) AS n FROM inventory.movement GROUP BY product_id, location) m
				ON m.product_id = s.product_id AND m.location = s.location WHERE s.moves <> COALESCE(m.n, 0)`},
		// What is reserved is what open reservations hold.
		{of: count("inventory.reservation WHERE status = 'reserved'"), bad: `SELECT 'product ' || s.product_id || ': ' || s.reserved || ' reserved, open reservations hold ' || COALESCE(h.quantity, 0)
			FROM (SELECT product_id, SUM(reserved) AS reserved FROM inventory.stock WHERE tracked = 1 GROUP BY product_id) s
			LEFT JOIN held h ON h.product_id = s.product_id WHERE s.reserved <> COALESCE(h.quantity, 0)`},
		{bad: `SELECT 'order ' || m.order_id || ' moved ' || m.quantity || ' of product ' || m.product_id || ', its stock is ' || COALESCE(r.status, 'not reserved') FROM moved m
			LEFT JOIN inventory.reservation r ON r.order_id = m.order_id WHERE m.quantity <> 0 AND COALESCE(r.status, '') <> 'shipped'`},
		{bad: `SELECT 'order ' || order_id || ' holds stock without end' FROM inventory.reservation WHERE status = 'reserved' AND expires IS NULL`},
		// What it is worth follows the catalogue.
		{of: count("product.product"), bad: `SELECT 'product ' || p.id || ' costs ' || p.price || ' ' || p.currency || ', its stock is valued at ' || s.price || ' ' || s.currency FROM inventory.stock s
			JOIN product.product p ON p.id = s.product_id WHERE (p.price <> s.price OR p.currency <> s.currency) AND ` + unowned("inventory", "p.id")},
	}}
}
