package audit

import "strings"

// parcels checks that a parcel goes one way, and that what is said of it is so.
func parcels() promise {
	return promise{name: "every parcel arrives, or comes back", probes: []probe{
		// The states of one row.
		{of: count("shipping.shipment WHERE tracking <> ''"), bad: `SELECT 'parcel of order ' || order_id || ' is ' || status || ' and has ' || CASE WHEN tracking = '' THEN 'no number' ELSE 'a number' END
			FROM shipping.shipment WHERE (status IN ('shipped', 'delivered', 'recalled', 'returned')) <> (tracking <> '' AND shipped IS NOT NULL)`},
		{bad: `SELECT 'parcel of order ' || order_id || ' is ' || status || ' and nobody asks where it is' FROM shipping.shipment
			WHERE status IN ('shipped', 'recalled') AND moves IS NULL`},
		{bad: `SELECT 'parcel of order ' || order_id || ' is ' || status || ' and is to move' FROM shipping.shipment
			WHERE status NOT IN ('shipped', 'recalled') AND moves IS NOT NULL`},
		{bad: `SELECT 'parcel of order ' || order_id || ' is ' || status || ', delivered at ' || COALESCE(delivered, 0) || ', returned at ' || COALESCE(returned, 0) FROM shipping.shipment
			WHERE status = 'delivered' AND delivered IS NULL OR status = 'shipped' AND delivered IS NOT NULL OR status = 'returned' AND returned IS NULL OR status = 'recalled' AND returned IS NOT NULL`},
		{bad: `SELECT 'parcel of order ' || order_id || ' is ' || status || ' and was not stopped' FROM shipping.shipment
			WHERE (status IN ('recalled', 'returned', 'ended')) <> (stopped IS NOT NULL)`},
		{bad: `SELECT 'parcel of order ' || order_id || ' moved and was never sent' FROM shipping.shipment
			WHERE shipped IS NULL AND COALESCE(picked_up, in_transit, out_for_delivery, delivered, returned) IS NOT NULL`},
		// An order that ended is the only reason to stop. Orders were read before.
		{of: count("shipping.shipment WHERE stopped IS NOT NULL"), bad: `SELECT 'parcel of order ' || s.order_id || ' is ' || s.status || ' and its order has not ended' FROM shipping.shipment s
			WHERE s.stopped < {before} AND NOT EXISTS (SELECT 1 FROM fact_order f WHERE f.kind IN ('OrderFailed', 'OrderCancelled') AND f.key = s.order_id)`},
		// The customer is told of no delivery that there was not.
		{bad: `SELECT 'order ' || o.id || ' has a parcel that is ' || o.shipment_status || ', shipping has one that is ' || COALESCE(s.status, 'missing') FROM "order".orders o
			LEFT JOIN shipping.shipment s ON s.order_id = o.id WHERE o.shipment_status IN ('delivered', 'recalled') AND COALESCE(s.status, '') NOT IN (o.shipment_status, 'recalled', 'returned')`},
		{bad: `SELECT 'order ' || f.key || ' was said to be delivered under ' || COALESCE(f.word, 'no number') || ', its parcel is ' || s.tracking FROM fact_shipping f
			JOIN shipping.shipment s ON s.order_id = f.key WHERE f.kind = 'ShipmentDelivered' AND f.word IS DISTINCT FROM s.tracking`},
		{bad: `SELECT 'order ' || f.key || ' was said to be delivered and was not' FROM fact_shipping f
			JOIN shipping.shipment s ON s.order_id = f.key WHERE f.kind = 'ShipmentDelivered' AND s.delivered IS NULL`},
		{bad: `SELECT 'parcel of order ' || order_id || ' did not go one step after the other' FROM shipping.shipment WHERE ` + disordered("created", "shipped", "picked_up", "in_transit", "out_for_delivery", "delivered", "returned")},
	}}
}

// disordered is the condition that a time is before one of those that stand before it; some
// may be missing.
func disordered(times ...string) string {
	var pairs []string
	for i, later := range times {
		for _, earlier := range times[:i] {
			pairs = append(pairs, later+" < "+earlier)
		}
	}
	return strings.Join(pairs, " OR ")
}

// parcelsStill is the probe for parcels of which nobody has asked in time. Only the first is
// looked at. Where no shipping service lives, no parcel moves either: they are late since
// the last one did.
func parcelsStill() probe {
	return probe{of: count("shipping.shipment WHERE moves IS NOT NULL"), bad: `SELECT 'parcel of order ' || s.order_id || ' was to move at ' || s.moves FROM shipping.shipment s
		JOIN (SELECT MIN(moves) AS moves FROM shipping.shipment) first ON first.moves = s.moves
		WHERE s.moves < {late} AND s.moves < (SELECT MAX(until) FROM shipping.member) - 10000000`}
}
