package audit

// stillHeld is the condition that what h holds at the provider was neither captured nor given up.
const stillHeld = `NOT EXISTS (SELECT 1 FROM simulator.charge c WHERE c.key = h.key)`

// holds checks that money is held for orders that go on, and for nobody else. The provider
// keeps a hold for ever, and adds what became of it.
func holds() promise {
	return promise{name: "money is held only for orders that go on", probes: []probe{
		{provider: true, of: count("simulator.hold"), bad: `SELECT 'order ' || o.id || ' is ' || o.status || ', and ' || h.amount || ' ' || h.currency || ' are held under the key ' || h.key FROM simulator.hold h
			JOIN "order".orders o ON o.id = h.order_id WHERE o.ended IS NOT NULL AND ` + stillHeld + ` AND ` + unowned("payment", "o.id")},
		{provider: true, bad: `SELECT 'order ' || h.order_id || ' has ' || h.amount || ' ' || h.currency || ' held under the key ' || h.key || ', its payment is of ' || COALESCE(p.amount || ' ' || p.currency || ' under ' || p.key, 'nothing')
			FROM simulator.hold h LEFT JOIN payment.payment p ON p.order_id = h.order_id
			WHERE (p.key IS DISTINCT FROM h.key OR p.amount <> h.amount OR p.currency <> h.currency) AND h.n <= (SELECT n FROM heard) AND ` + unowned("payment", "h.order_id")},
		// What we take for held is.
		{provider: true, of: count("payment.payment WHERE status IN ('authorized', 'capturing')"), bad: `SELECT 'payment of order ' || p.order_id || ' is ' || p.status || ' as ' || p.reference || ', the provider holds ' || COALESCE(h.reference, 'nothing')
			FROM payment.payment p LEFT JOIN simulator.hold h ON h.key = p.key WHERE p.status IN ('authorized', 'capturing') AND h.reference IS DISTINCT FROM p.reference`},
		// And what we take for given up is, as far as it was held.
		{provider: true, of: count("payment.payment WHERE status = 'voided'"), bad: `SELECT 'payment of order ' || p.order_id || ' is voided, at the provider it is ' || COALESCE(c.status, 'not')
			FROM payment.payment p LEFT JOIN simulator.charge c ON c.key = p.key WHERE p.status = 'voided' AND COALESCE(c.status, '') <> 'voided'`},
		// Somebody asks for what is neither held nor let go.
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ', its payment ' || p.status || ' and nobody ends that' FROM "order".orders o JOIN payment.payment p ON p.order_id = o.id
			WHERE o.ended IS NOT NULL AND p.status IN ('authorizing', 'authorized', 'capturing', 'voiding') AND ` + unowned("payment", "o.id")},
		// A hold in doubt is one.
		{provider: true, of: count("payment.discrepancy WHERE entry = 'hold'"), bad: `SELECT 'order ' || d.order_id || ' has a hold in doubt under the key ' || d.key || ', and nothing is held' FROM payment.discrepancy d
			JOIN payment.reconciliation l ON l.done > 0 WHERE d.entry = 'hold' AND d.resolved = 0 AND d.found > 0 AND ` + unowned("payment", "d.order_id") + `
			AND NOT EXISTS (SELECT 1 FROM payment.payment y WHERE y.order_id = d.order_id AND y.updated >= l.done)
			AND NOT EXISTS (SELECT 1 FROM simulator.hold h WHERE h.key = d.key AND (` + stillHeld + ` OR EXISTS (SELECT 1 FROM simulator.charge c
				WHERE c.key = h.key AND c.n > CAST(CASE l.place WHEN '' THEN '0' ELSE l.place END AS BIGINT))))`},
	}}
}
