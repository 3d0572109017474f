package audit

// shipments checks that a parcel goes to whom it should, and to nobody else.
func shipments() promise {
	return promise{name: "one shipment per completed order", probes: []probe{
		{of: count(`"order".orders o WHERE o.status = 'completed'`), bad: `SELECT 'order ' || o.id || ' is completed and its shipment is ' || COALESCE(s.status, 'missing') FROM "order".orders o
			LEFT JOIN shipping.shipment s ON s.order_id = o.id WHERE o.status = 'completed' AND COALESCE(s.status, '') NOT IN ('shipped', 'delivered')`},
		// The number that the customer was told is the one on the parcel.
		{bad: `SELECT 'order ' || o.id || ' has the tracking number ' || o.tracking || ', its shipment ' || s.tracking FROM "order".orders o
			JOIN shipping.shipment s ON s.order_id = o.id WHERE o.status = 'completed' AND (o.tracking <> s.tracking OR s.tracking = '')`},
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and its shipment is ' || s.status FROM "order".orders o
			JOIN shipping.shipment s ON s.order_id = o.id WHERE o.status IN ('failed', 'cancelled') AND s.status IN ('wanted', 'shipped', 'delivered') AND ` + unowned("shipping", "o.id")},
		{of: count("shipping.shipment"), bad: `SELECT 'tracking number ' || tracking || ' has ' || COUNT(*) || ' shipments' FROM shipping.shipment WHERE tracking <> '' GROUP BY tracking HAVING COUNT(*) > 1`},
	}}
}
