package audit

// shipments checks that a parcel goes to whom it should, and to nobody else, with what was
// ordered.
//
// When the carrier comes for a parcel nobody says but its label, which is not kept. What is
// checked is that there is such a time where there is a label, after the parcel was wanted
// and not after it was fetched. Nor does an event say who carries a parcel that was recalled
// before its label was there.
func (a *audit) shipments() promise {
	lines := likeness{"the lines", a.lines("s.lines"), a.lines(a.dialect.text("j.body", "lines"))}
	const of, parcel = "shipping.shipment s ON s.order_id = j.key WHERE ", "'shipment of order ' || s.order_id"
	return promise{name: "one shipment per completed order", probes: []probe{
		unlike(parcel, `inventory.journal j JOIN `+of+`j.kind = 'InventoryUpdated' AND `+unedited("inventory", "j.key")+` AND `+unedited("shipping", "j.key"), lines),
		unlike(parcel, `"order".journal j JOIN `+of+`j.kind IN ('OrderFailed', 'OrderCancelled') AND s.status = 'ended'`, lines),
		unlike(parcel, `fact_shipping j JOIN `+of+`j.kind = 'OrderShipped'`, likeness{"the carrier", "s.carrier", "j.party"}),
		{bad: `SELECT 'shipment of order ' || order_id || ' has ' || CASE WHEN tracking = '' THEN 'no label' ELSE 'a label' END || ', the carrier ' || carrier || ' and the pickup ' || COALESCE(pickup, 0)
			FROM shipping.shipment WHERE (tracking <> '') <> (carrier <> '') OR (tracking <> '') <> (pickup IS NOT NULL)`},
		{bad: `SELECT 'shipment of order ' || order_id || ' has the pickup ' || pickup || ', was wanted at ' || created || ' and fetched at ' || COALESCE(picked_up, 0)
			FROM shipping.shipment WHERE pickup < created OR picked_up < pickup`},
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
