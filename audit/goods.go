package audit

// stock checks that nothing was sold that was not there, and that what was taken is
// what was ordered. Products that are not tracked never run out, and do not move.
func stock() promise {
	const tracked = `JOIN inventory.stock s ON s.product_id = d.product_id AND s.tracked = 1`
	return promise{name: "nothing is oversold", probes: []probe{
		{of: count("inventory.stock"), bad: `SELECT 'product ' || product_id || ' at ' || location || ': ' || on_hand || ' on hand, ' || reserved || ' reserved' FROM inventory.stock
			WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand AND tracked = 1`},
		// What is on the shelf is what came and went.
		{of: count("inventory.movement"), bad: `SELECT 'product ' || s.product_id || ' at ' || s.location || ': ' || s.on_hand || ' on hand, its movements add up to ' || COALESCE(m.quantity, 0)
			FROM inventory.stock s LEFT JOIN (SELECT product_id, location, SUM(quantity) AS quantity FROM inventory.movement GROUP BY product_id, location) m
				ON m.product_id = s.product_id AND m.location = s.location
			WHERE s.tracked = 1 AND s.on_hand <> COALESCE(m.quantity, 0)`},
		{bad: `SELECT 'product ' || m.product_id || ' at ' || m.location || ' moves and has no stock' FROM (SELECT DISTINCT product_id, location FROM inventory.movement) m
			LEFT JOIN inventory.stock s ON s.product_id = m.product_id AND s.location = m.location WHERE s.product_id IS NULL`},
		// From the orders alone, whatever inventory believes that it gave them.
		{bad: `SELECT 'product ' || d.product_id || ': completed orders have ' || SUM(d.quantity) || ', there were ' || COALESCE(MAX(m.supply), 0) FROM demand d
			JOIN "order".orders o ON o.id = d.order_id AND o.status = 'completed' ` + tracked + `
			LEFT JOIN (SELECT product_id, SUM(quantity) AS supply FROM inventory.movement WHERE kind IN ('initial', 'restock') GROUP BY product_id) m ON m.product_id = d.product_id
			GROUP BY d.product_id HAVING SUM(d.quantity) > COALESCE(MAX(m.supply), 0)`},
		{of: count("demand"), bad: `SELECT 'order ' || d.order_id || ' is completed with ' || d.quantity || ' of product ' || d.product_id || ', and moved ' || COALESCE(m.quantity, 0) FROM demand d
			JOIN "order".orders o ON o.id = d.order_id AND o.status = 'completed' ` + tracked + `
			LEFT JOIN moved m ON m.order_id = d.order_id AND m.product_id = d.product_id WHERE COALESCE(m.quantity, 0) <> -d.quantity`},
		{bad: `SELECT 'order ' || o.id || ' is completed and its stock is ' || COALESCE(r.status, 'not reserved') FROM "order".orders o
			LEFT JOIN inventory.reservation r ON r.order_id = o.id WHERE o.status = 'completed' AND COALESCE(r.status, '') <> 'taken'`},
		// Put back, or somebody is about to.
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and moved ' || m.quantity || ' of product ' || m.product_id FROM moved m
			JOIN "order".orders o ON o.id = m.order_id WHERE o.status IN ('failed', 'cancelled') AND m.quantity <> 0 AND ` + unowned("inventory", "o.id")},
		{bad: `SELECT 'order ' || m.order_id || ' moved ' || m.quantity || ' of product ' || m.product_id || ', which it did not order' FROM moved m
			JOIN "order".orders o ON o.id = m.order_id
			LEFT JOIN demand d ON d.order_id = m.order_id AND d.product_id = m.product_id WHERE COALESCE(d.quantity, 0) < -m.quantity OR m.quantity > 0`},
		// Of one database: a reservation that is not taken holds nothing.
		{bad: `SELECT 'order ' || r.order_id || ' is ' || r.status || ' and has ' || m.quantity || ' of product ' || m.product_id FROM inventory.reservation r
			JOIN moved m ON m.order_id = r.order_id WHERE r.status <> 'taken' AND m.quantity <> 0`},
	}}
}

// shipments checks that a parcel goes to whom it should, and to nobody else.
func shipments() promise {
	return promise{name: "one shipment per completed order", probes: []probe{
		{of: count(`"order".orders o WHERE o.status = 'completed'`), bad: `SELECT 'order ' || o.id || ' is completed and its shipment is ' || COALESCE(s.status, 'missing') FROM "order".orders o
			LEFT JOIN shipping.shipment s ON s.order_id = o.id WHERE o.status = 'completed' AND COALESCE(s.status, '') <> 'shipped'`},
		// The number that the customer was told is the one on the parcel.
		{bad: `SELECT 'order ' || o.id || ' has the tracking number ' || o.tracking || ', its shipment ' || s.tracking FROM "order".orders o
			JOIN shipping.shipment s ON s.order_id = o.id WHERE o.status = 'completed' AND (o.tracking <> s.tracking OR s.tracking = '')`},
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and its shipment is ' || s.status FROM "order".orders o
			JOIN shipping.shipment s ON s.order_id = o.id WHERE o.status IN ('failed', 'cancelled') AND s.status IN ('wanted', 'shipped') AND ` + unowned("shipping", "o.id")},
		{of: count("shipping.shipment"), bad: `SELECT 'tracking number ' || tracking || ' has ' || COUNT(*) || ' shipments' FROM shipping.shipment WHERE tracking <> '' GROUP BY tracking HAVING COUNT(*) > 1`},
	}}
}
