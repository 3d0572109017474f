package audit

// status is what an order is after its event f.
const status = `CASE f.kind WHEN 'OrderReceived' THEN 'pending' WHEN 'OrderCreated' THEN 'pending' WHEN 'OrderConfirmed' THEN 'confirmed' WHEN 'OrderCompleted' THEN 'completed'
	WHEN 'OrderFailed' THEN 'failed' WHEN 'OrderCancelled' THEN 'cancelled' ELSE '' END`

// history checks that the events of each order tell its whole life, in order, and that
// its row is what they add up to, and what payment has said. Row and events are of one
// snapshot, payment's is a later one.
func (a *audit) history() promise {
	return promise{name: "an order is the sum of its history", probes: append(a.folded(), []probe{
		{of: count(`"order".orders`), bad: `SELECT 'order ' || o.id || ' has no event that created it' FROM "order".orders o
			WHERE NOT EXISTS (SELECT 1 FROM fact_order f WHERE f.kind IN ('OrderReceived', 'OrderCreated') AND f.key = o.id AND f.version = 1)`},
		// Nothing is done for an order before it is known whether there is its user.
		{of: count(`fact_order WHERE kind = 'OrderReceived'`), bad: `SELECT 'order ' || f.key || ' has not begun, and payment said ' || p.kind FROM fact_order f JOIN fact_payment p ON p.key = f.key
			WHERE f.kind = 'OrderReceived' AND p.kind IN ('PaymentAuthorized', 'PaymentProcessed') AND NOT EXISTS (SELECT 1 FROM fact_order c WHERE c.kind = 'OrderCreated' AND c.key = f.key)`},
		{of: count(`fact_order WHERE version IS NOT NULL`), bad: `SELECT 'order ' || f.key || ' has events and no row' FROM fact_order f
			WHERE f.version = 1 AND NOT EXISTS (SELECT 1 FROM "order".orders o WHERE o.id = f.key)`},
		// Contiguous from 1, without counting on the index that should see to it.
		{bad: `SELECT 'order ' || key || ' has ' || COUNT(*) || ' events, from version ' || MIN(version) || ' to ' || MAX(version)
			FROM fact_order WHERE version IS NOT NULL GROUP BY key
			HAVING MIN(version) <> 1 OR MAX(version) <> COUNT(*) OR SUM(version) * 2 <> COUNT(*) * (COUNT(*) + 1)`},
		// Each pair of neighbours: one place, later, and a step that an order may take.
		{bad: `SELECT 'order ' || f.key || ': event ' || n.version || CASE
				WHEN n.partition <> f.partition THEN ' is in another partition than the one before'
				WHEN n.time <= f.time OR n.seq <= f.seq THEN ' is not later than the one before'
				ELSE ', ' || n.kind || ', follows ' || f.kind END
			FROM fact_order f JOIN fact_order n ON n.key = f.key AND n.version = f.version + 1
			WHERE n.partition <> f.partition OR n.time <= f.time OR n.seq <= f.seq
				OR NOT (f.kind = 'OrderReceived' AND n.kind IN ('OrderCreated', 'OrderFailed', 'OrderCancelled')
					OR f.kind = 'OrderCreated' AND n.kind IN ('OrderConfirmed', 'OrderFailed', 'OrderCancelled')
					OR f.kind = 'OrderConfirmed' AND n.kind IN ('OrderCompleted', 'OrderCancelled'))`},
		{bad: `SELECT 'order ' || o.id || ' is at version ' || o.version || ', its history at ' || COALESCE(CAST(MAX(f.version) AS TEXT), 'none') FROM "order".orders o
			LEFT JOIN fact_order f ON f.key = o.id GROUP BY o.id, o.version HAVING o.version IS DISTINCT FROM MAX(f.version)`},
		// Each event says all of the state, so the last one is the fold of it.
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' (' || o.reason || '), its history says ' || ` + status + ` || ' (' || COALESCE(f.word, '') || ')'
			FROM "order".orders o JOIN fact_order f ON f.key = o.id AND f.version = o.version
			WHERE o.status <> ` + status + ` OR o.reason <> CASE WHEN f.kind IN ('OrderFailed', 'OrderCancelled') THEN COALESCE(f.word, '') ELSE '' END`},
	}...)}
}
