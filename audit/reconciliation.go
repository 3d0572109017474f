package audit

// reconciled checks what payment itself says of the two ledgers against what we see in
// them. It looks now and then, so only what had come to rest before it last did counts.
func reconciled() promise {
	// What each ledger has of an order, as one comparison sees it.
	const differ = `(COALESCE(b.captures, 0) <> COALESCE(p.captures, 0) OR COALESCE(b.captured, 0) <> COALESCE(p.captured, 0)
		OR COALESCE(b.refunds, 0) <> COALESCE(p.refunds, 0) OR COALESCE(b.refunded, 0) <> COALESCE(p.refunded, 0)
		OR EXISTS (SELECT 1 FROM payment.payment y JOIN simulator.charge c ON c.key = y.key WHERE y.order_id = o.id AND c.status = 'captured'
			AND (c.reference <> y.reference OR c.currency <> y.currency))
		OR EXISTS (SELECT 1 FROM payment.payment y JOIN simulator.refund r ON r.key = 'refund-' || y.order_id WHERE y.order_id = o.id AND r.currency <> y.currency)
		OR o.id IN (SELECT y.order_id FROM simulator.charge c JOIN payment.payment y ON y.order_id = c.order_id WHERE c.status = 'captured' AND c.key <> y.key))` // once: charges have no index of orders
	// Nothing has happened to it here since the last look, which left no doubt behind.
	const rested = `NOT EXISTS (SELECT 1 FROM payment.payment y JOIN payment.reconciliation l ON y.updated >= l.done WHERE y.order_id = o.id)
		AND EXISTS (SELECT 1 FROM payment.reconciliation WHERE done > 0) AND `
	return promise{name: "money in doubt is known", probes: []probe{
		{provider: true, of: count("payment.discrepancy WHERE found > 0"), bad: `SELECT 'order ' || o.id || ' has a discrepancy, and both ledgers say the same' FROM (
				SELECT DISTINCT order_id AS id FROM payment.discrepancy WHERE resolved = 0 AND found > 0 AND entry <> 'hold') o
			LEFT JOIN booked b ON b.order_id = o.id LEFT JOIN provided p ON p.order_id = o.id
			WHERE NOT ` + differ + ` AND ` + rested + unowned("payment", "o.id")},
		// Only what the provider's ledger had, as far as it was read: its cursor is the number
		// of a call. The answers to what is recorded since are looked at next time.
		{provider: true, of: count("payment.reconciliation"), bad: `SELECT 'order ' || o.id || ' is not the same in both ledgers, and no discrepancy says so' FROM (
				SELECT order_id AS id, MAX(n) AS n FROM (SELECT order_id, n FROM simulator.charge WHERE status = 'captured' UNION ALL SELECT order_id, n FROM simulator.refund
					UNION ALL SELECT e.order_id, 0 FROM payment.entry e JOIN payment.reconciliation l ON e.made <= l.upto) moves GROUP BY order_id) o
			JOIN payment.reconciliation l ON o.n <= CAST(CASE l.place WHEN '' THEN '0' ELSE l.place END AS BIGINT)
			LEFT JOIN booked b ON b.order_id = o.id LEFT JOIN provided p ON p.order_id = o.id
			WHERE ` + differ + ` AND ` + rested + unowned("payment", "o.id") + `
				AND NOT EXISTS (SELECT 1 FROM payment.discrepancy d WHERE d.order_id = o.id AND d.resolved = 0 AND d.found > 0)`},
		// What was found and is not open any more was settled after it was found.
		{of: count("payment.discrepancy"), bad: `SELECT 'order ' || order_id || ' has a discrepancy of no kind, or that ended before it began' FROM payment.discrepancy
			WHERE found > 0 AND (kind = '' OR found < seen OR resolved > 0 AND resolved < found)`},
	}}
}
