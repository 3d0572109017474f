package audit

// capture checks that nobody paid twice.
func capture() promise {
	return promise{name: "at most one capture per order", probes: []probe{
		{of: count("booked"), bad: `SELECT 'order ' || order_id || ' has ' || captures || ' captures and ' || refunds || ' refunds in our ledger' FROM booked
			WHERE captures > 1 OR refunds > captures`},
		{provider: true, of: count("provided"), bad: `SELECT 'order ' || order_id || ' has ' || captures || ' captures and ' || refunds || ' refunds at the provider' FROM provided
			WHERE captures > 1 OR refunds > captures`},
		// A lookup may tell of the same capture again; another reference is another one.
		{of: count("payment.attempt"), bad: `SELECT 'order ' || order_id || ' was told of ' || COUNT(DISTINCT reference) || ' captures' FROM payment.attempt
			WHERE status = 'captured' GROUP BY order_id HAVING COUNT(DISTINCT reference) > 1`},
		// All tries share one key: that is what makes the provider capture once.
		{provider: true, bad: `SELECT 'order ' || c.order_id || ' was captured under the key ' || c.key || ', its own is ' || p.key FROM simulator.charge c
			JOIN payment.payment p ON p.order_id = c.order_id WHERE c.status = 'captured' AND p.status <> 'ended' AND c.key <> p.key`},
		{bad: `SELECT 'order ' || a.order_id || ' was charged under the key ' || a.key || ', its own is ' || p.key FROM payment.attempt a
			JOIN payment.payment p ON p.order_id = a.order_id WHERE a.kind <> 'refund' AND a.key <> p.key`},
	}}
}

// provider compares our ledger with the provider's. The provider's is the later one:
// what it has and we have not is in flight as long as payment has a job for it, and is
// looked at only as far as the provider was at the mark.
func provider() promise {
	return promise{name: "our ledger equals the provider's", probes: []probe{
		{provider: true, of: count("booked"), bad: `SELECT 'order ' || b.order_id || ': ' || b.captured || ' captured and ' || b.refunded || ' refunded by our ledger, '
				|| COALESCE(p.captured, 0) || ' and ' || COALESCE(p.refunded, 0) || ' by the provider''s'
			FROM booked b LEFT JOIN provided p ON p.order_id = b.order_id
			WHERE b.captured > COALESCE(p.captured, 0) OR b.refunded > COALESCE(p.refunded, 0)`},
		// Payment may have recorded it since, or has a job that will.
		{provider: true, of: count("earlier"), bad: `SELECT 'order ' || p.order_id || ': ' || p.captured || ' captured and ' || p.refunded || ' refunded by the provider, '
				|| COALESCE(b.captured, 0) || ' and ' || COALESCE(b.refunded, 0) || ' by our ledger, and nobody asks'
			FROM earlier p LEFT JOIN booked b ON b.order_id = p.order_id
			WHERE (p.captured > COALESCE(b.captured, 0) OR p.refunded > COALESCE(b.refunded, 0)) AND ` + unowned("payment", "p.order_id")},
		{provider: true, bad: `SELECT 'order ' || e.order_id || ' was captured in ' || c.currency || ', by our ledger in ' || e.currency FROM payment.entry e
			JOIN payment.payment p ON p.order_id = e.order_id JOIN simulator.charge c ON c.key = p.key WHERE e.kind = 'capture' AND e.currency <> c.currency`},
		{provider: true, bad: `SELECT 'order ' || e.order_id || ' was refunded in ' || r.currency || ', by our ledger in ' || e.currency FROM payment.entry e
			JOIN payment.payment p ON p.order_id = e.order_id JOIN simulator.refund r ON r.charge_key = p.key WHERE e.kind = 'refund' AND e.currency <> r.currency`},
		{provider: true, bad: `SELECT 'order ' || p.order_id || ' has the reference ' || p.reference || ', the provider ' || c.reference FROM payment.payment p
			JOIN simulator.charge c ON c.key = p.key WHERE c.status = 'captured' AND p.status IN ('captured', 'refunding', 'refunded') AND p.reference <> c.reference`},
		// When it was, only the provider knows.
		unlike(`'entry ' || e.id`, `payment.entry e JOIN payment.payment p ON p.order_id = e.order_id JOIN simulator.charge c ON c.key = p.key
			WHERE e.kind = 'capture' AND c.status = 'captured'`, likeness{"the provider's time", "e.made", "c.at"}).byProvider(),
		unlike(`'entry ' || e.id`, `payment.entry e JOIN simulator.refund r ON r.key = 'refund-' || e.order_id
			WHERE e.kind = 'refund'`, likeness{"the provider's time", "e.made", "r.at"}).byProvider(),
		// Completed is the last step: the capture came before it, and nothing may follow.
		{provider: true, bad: `SELECT 'order ' || o.id || ' is completed; captured ' || COALESCE(p.captured, 0) || ' and refunded ' || COALESCE(p.refunded, 0) || ' of ' || o.total || ' by the provider'
			FROM "order".orders o LEFT JOIN provided p ON p.order_id = o.id
			WHERE o.status = 'completed' AND (COALESCE(p.captured, 0) <> o.total OR COALESCE(p.captures, 0) <> 1 OR p.refunds > 0)`},
	}}
}

// undone checks that who gets nothing pays nothing.
func undone() promise {
	const of = `"order".orders o WHERE o.status IN ('failed', 'cancelled')`
	return promise{name: "a failed or cancelled order costs nothing", probes: []probe{
		{of: count(of), bad: `SELECT 'order ' || o.id || ' is ' || o.status || '; captured ' || b.captured || ', refunded ' || b.refunded || ' by our ledger'
			FROM "order".orders o JOIN booked b ON b.order_id = o.id
			WHERE o.status IN ('failed', 'cancelled') AND b.captured <> b.refunded AND ` + unowned("payment", "o.id")},
		{provider: true, bad: `SELECT 'order ' || o.id || ' is ' || o.status || '; captured ' || p.captured || ', refunded ' || p.refunded || ' by the provider'
			FROM "order".orders o JOIN provided p ON p.order_id = o.id
			WHERE o.status IN ('failed', 'cancelled') AND p.captured <> p.refunded AND ` + unowned("payment", "o.id")},
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ', its payment ' || p.status || ' and not closed' FROM ` + `"order".orders o JOIN payment.payment p ON p.order_id = o.id
			WHERE o.status IN ('failed', 'cancelled') AND p.status IN ('wanted', 'authorizing', 'authorized', 'capturing', 'voiding', 'captured', 'refunding') AND ` + unowned("payment", "o.id")},
	}}
}

// balance checks the double entry.
func balance() promise {
	return promise{name: "money balances", probes: []probe{
		{of: count("payment.entry"), bad: `SELECT 'entry ' || id || ' moves ' || amount || ' from ' || debit || ' to ' || credit FROM payment.entry
			WHERE amount <= 0 OR debit = credit OR kind NOT IN ('capture', 'refund')`},
		// Of one database, so exact at every moment.
		{bad: `SELECT 'entry ' || e.id || ' moves ' || e.amount || ' ' || e.currency || ', payment is of ' || COALESCE(p.amount || ' ' || p.currency, 'nothing')
			FROM payment.entry e LEFT JOIN payment.payment p ON p.order_id = e.order_id
			WHERE p.amount IS DISTINCT FROM e.amount OR p.currency IS DISTINCT FROM e.currency`},
		{bad: `SELECT 'entry ' || id || ' takes from ' || debit || ' and gives to ' || credit FROM payment.entry
			WHERE NOT (kind = 'capture' AND debit = 'provider' AND credit = 'sales:' || currency OR kind = 'refund' AND credit = 'provider' AND debit = 'sales:' || currency)`},
		{of: count("payment.payment"), bad: `SELECT 'order ' || o.id || ' is of ' || o.total || ' ' || o.currency || ', its payment of ' || p.amount || ' ' || p.currency
			FROM "order".orders o JOIN payment.payment p ON p.order_id = o.id WHERE p.status <> 'ended' AND (p.amount <> o.total OR p.currency <> o.currency)`},
		// The state of a payment is what its entries say.
		{bad: `SELECT 'payment of order ' || p.order_id || ' is ' || p.status || '; ' || COALESCE(b.captures, 0) || ' captures and ' || COALESCE(b.refunds, 0) || ' refunds are booked'
			FROM payment.payment p LEFT JOIN booked b ON b.order_id = p.order_id
			WHERE COALESCE(b.captures, 0) <> CASE WHEN p.status IN ('captured', 'refunding', 'refunded') THEN 1 ELSE 0 END
				OR COALESCE(b.refunds, 0) <> CASE WHEN p.status = 'refunded' THEN 1 ELSE 0 END`},
		{bad: `SELECT 'order ' || o.id || ' is completed; captured ' || COALESCE(b.captured, 0) || ' and refunded ' || COALESCE(b.refunded, 0) || ' of ' || o.total || ' by our ledger'
			FROM "order".orders o LEFT JOIN booked b ON b.order_id = o.id
			WHERE o.status = 'completed' AND (COALESCE(b.captured, 0) <> o.total OR COALESCE(b.captures, 0) <> 1 OR b.refunds > 0)`},
		// What was captured and given back leaves nothing, in any currency.
		{bad: `SELECT 'accounts in ' || currency || ' add up to ' || (hi + lo / 1000000000) || ' thousand millions and ' || (lo % 1000000000) FROM (SELECT currency, ` + summed("amount") + ` FROM (
			SELECT currency, amount FROM payment.entry e WHERE EXISTS (SELECT 1 FROM payment.payment p WHERE p.order_id = e.order_id AND p.status = 'refunded') AND kind = 'capture'
			UNION ALL SELECT currency, -amount FROM payment.entry WHERE kind = 'refund') legs GROUP BY currency) parts WHERE hi + lo / 1000000000 <> 0 OR lo % 1000000000 <> 0`},
	}}
}

// calls checks that no call to the provider was skipped or made up: what was answered
// was asked, what moved money was a call, and what is settled was answered.
func calls() promise {
	const settled = `status IN ('captured', 'refunding', 'refunded')`
	return promise{name: "every call to the provider is accounted for", probes: []probe{
		// Fewer answers than calls is a lost answer; more is an answer that was made up.
		{provider: true, of: count("payment.attempt"), bad: `SELECT 'order ' || a.order_id || ' was answered ' || a.n || ' times ' || a.status || ' to a ' || a.kind || ', the provider answered ' || COALESCE(c.n, 0) || ' times so'
			FROM (SELECT order_id, key, kind, status, COUNT(*) AS n FROM payment.attempt
				WHERE status IN ('authorized', 'captured', 'declined', 'voided', 'refunded', 'not_found') GROUP BY order_id, key, kind, status) a
			LEFT JOIN (SELECT key, kind, answer, COUNT(*) AS n FROM simulator.call GROUP BY key, kind, answer) c
				ON c.key = a.key AND c.kind = a.kind AND c.answer = a.status WHERE a.n > COALESCE(c.n, 0)`},
		{provider: true, of: count("simulator.charge"), bad: `SELECT 'order ' || m.order_id || ' has a ' || m.kind || ' at the provider under the key ' || m.key || ' and no call for it'
			FROM (SELECT n, key, order_id, 'charge' AS kind FROM simulator.charge UNION ALL SELECT n, key, order_id, 'refund' FROM simulator.refund
				UNION ALL SELECT n, key, order_id, 'hold' FROM simulator.hold) m
			LEFT JOIN (SELECT n, key FROM simulator.call) c ON c.n = m.n AND c.key = m.key WHERE c.n IS NULL`},
		{of: count("payment.payment"), bad: `SELECT 'order ' || p.order_id || ' counts ' || p.calls || ' calls, ' || p.attempts || ' tries and ' || p.captures || ' captures, stored are ' || COALESCE(a.n, 0) || ', ' || COALESCE(a.tries, 0) || ' and ' || COALESCE(a.captures, 0)
			FROM payment.payment p LEFT JOIN (SELECT order_id, COUNT(*) AS n, SUM(CASE WHEN kind IN ('charge', 'authorize', 'capture') THEN 1 ELSE 0 END) AS tries,
				SUM(CASE WHEN kind = 'capture' THEN 1 ELSE 0 END) AS captures FROM payment.attempt GROUP BY order_id) a ON a.order_id = p.order_id
			WHERE p.calls <> COALESCE(a.n, 0) OR p.attempts <> COALESCE(a.tries, 0) OR p.captures <> COALESCE(a.captures, 0)`},
		// No state of a payment without the call that led to it.
		{bad: `SELECT 'order ' || p.order_id || ' is ' || p.status || ' and no call said so' FROM payment.payment p WHERE p.` + settled + `
			AND NOT EXISTS (SELECT 1 FROM payment.attempt a WHERE a.order_id = p.order_id AND a.status = 'captured' AND a.reference = p.reference)
			OR p.status = 'refunded' AND NOT EXISTS (SELECT 1 FROM payment.attempt a WHERE a.order_id = p.order_id AND a.kind = 'refund' AND a.status = 'refunded')
			OR p.status IN ('authorized', 'capturing') AND NOT EXISTS (SELECT 1 FROM payment.attempt a WHERE a.order_id = p.order_id AND a.status = 'authorized' AND a.reference = p.reference)
			OR p.status = 'voided' AND NOT EXISTS (SELECT 1 FROM payment.attempt a WHERE a.order_id = p.order_id AND a.status = 'voided')
			OR p.status = 'failed' AND NOT EXISTS (SELECT 1 FROM payment.attempt a WHERE a.order_id = p.order_id AND a.status IN ('declined', 'voided'))`},
		// Whatever is booked is booked with the answer to a call.
		{bad: `SELECT 'entry ' || e.id || ' was booked at ' || e.at || ', when no call was answered so' FROM payment.entry e
			WHERE NOT EXISTS (SELECT 1 FROM payment.attempt a WHERE a.order_id = e.order_id AND a.at = e.at
				AND (e.kind = 'capture' AND a.status = 'captured' OR e.kind = 'refund' AND a.kind = 'refund' AND a.status = 'refunded'))`},
		{bad: `SELECT 'order ' || a.order_id || ' has call ' || MAX(a.n) || ' and ' || COUNT(*) || ' in all' FROM payment.attempt a GROUP BY a.order_id HAVING MAX(a.n) <> COUNT(*)`},
	}}
}
