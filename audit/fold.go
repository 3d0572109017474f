package audit

import "strings"

// A likeness is a column of a row, and what something else says that it is.
type likeness struct{ what, is, said string }

// unlike is a probe for rows in which a column is not what was said. From joins the rows with
// what was said of them, and ends in a condition.
func unlike(row, from string, all ...likeness) probe {
	var differ, tell []string
	for _, l := range all {
		is := l.is + " IS DISTINCT FROM " + l.said
		differ = append(differ, is)
		tell = append(tell, "CASE WHEN "+is+" THEN ' has "+strings.ReplaceAll(l.what, "'", "''")+" ' || COALESCE(CAST("+l.is+" AS TEXT), 'nothing')"+
			" || ', not ' || COALESCE(CAST("+l.said+" AS TEXT), 'nothing') ELSE '' END")
	}
	return probe{bad: "SELECT " + row + " || " + strings.Join(tell, " || ") + " FROM " + from + " AND (" + strings.Join(differ, " OR ") + ")"}
}

// byProvider returns p as a probe that needs the provider's ledger.
func (p probe) byProvider() probe {
	p.provider = true
	return p
}

// wholeSecond is a time in the words of RFC 3339, without parts of a second: a database would
// round them.
func wholeSecond(time string) string {
	return "SUBSTR(" + time + ", 1, 19) || CASE WHEN " + time + " LIKE '%Z' THEN 'Z' ELSE SUBSTR(" + time + ", LENGTH(" + time + ") - 5) END"
}

// lines are those of an order in a JSON text, to be compared.
func (a *audit) lines(of string) string {
	return a.dialect.rows(of, "productId", "name", "quantity", "unitPrice")
}

// folded are the probes for each column of an order, but for those that its last event says.
func (a *audit) folded() []probe {
	const undone = `o.status IN ('failed', 'cancelled')`
	said := func(member string) string { return a.dialect.text("j.body", member) }
	spoken := func(kinds, and string) string {
		return `EXISTS (SELECT 1 FROM fact_payment f WHERE f.kind IN (` + kinds + `) AND f.key = o.id` + and + `)`
	}
	kept := func(kind string) string {
		return `EXISTS (SELECT 1 FROM fact_inventory f WHERE f.kind = '` + kind + `' AND f.key = o.id)`
	}
	return []probe{
		// What never changes is what the first event says.
		unlike(`'order ' || o.id`, `"order".journal j JOIN "order".orders o ON o.id = j.key WHERE j.kind = 'OrderCreated'`,
			likeness{"the user", "o.user_id", said("userId")}, likeness{"the method", "o.method", said("method")},
			likeness{"the style", "o.style", said("style")},
			likeness{"the deadline", "o.deadline / 1000000", a.dialect.second(wholeSecond(said("deadline")))},
			likeness{"the lines", a.lines("o.lines"), a.lines(said("lines"))}),
		unlike(`'order ' || o.id`, `"order".journal j JOIN "order".orders o ON o.id = j.key WHERE j.kind IN ('OrderReceived', 'OrderCreated') AND j.version = 1`,
			likeness{"the beginning", "o.created", "j.time"}, likeness{"the user at first", "o.user_id", said("userId")},
			likeness{"the style at first", "o.style", said("style")}, likeness{"the lines at first", a.lines("o.lines"), a.lines(said("lines"))}),
		// News of payment and parcel come later than events, and leave their time.
		{bad: `SELECT 'order ' || o.id || ' was changed at ' || o.updated || ', before its last event, at ' || f.time FROM "order".orders o
			JOIN fact_order f ON f.key = o.id AND f.version = o.version WHERE o.updated < f.time`},
		// That what was heard is there is the promise of every message's effect.
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and its payment ' || o.payment_status || ', which payment did not say' FROM "order".orders o
			WHERE NOT CASE o.payment_status WHEN 'pending' THEN o.status = 'pending' WHEN 'ended' THEN ` + undone + `
				WHEN 'authorized' THEN o.status = 'pending' AND ` + spoken("'PaymentAuthorized'", "") + ` WHEN 'voided' THEN ` + spoken("'PaymentVoided'", "") + `
				WHEN 'captured' THEN NOT ` + undone + ` AND ` + spoken("'PaymentProcessed'", "") + ` WHEN 'refunding' THEN ` + undone + ` AND ` + spoken("'PaymentProcessed'", "") + `
				WHEN 'failed' THEN ` + spoken("'PaymentFailed'", "") + ` WHEN 'refunded' THEN ` + spoken("'PaymentRefunded'", "") + ` ELSE 1 = 0 END`},
		{bad: `SELECT 'order ' || o.id || ' was tried to be paid ' || o.payment_attempts || ' times, which payment did not say' FROM "order".orders o
			WHERE o.payment_attempts <> 0 AND NOT ` + spoken("'PaymentAuthorized', 'PaymentProcessed', 'PaymentFailed', 'PaymentVoided', 'PaymentRefunded'", " AND f.n = o.payment_attempts")},
		// Before there were styles to choose from, nobody kept what became of the stock.
		{bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and its stock ' || o.stock_status || ', which inventory did not say' FROM "order".orders o
			WHERE NOT CASE o.stock_status WHEN 'pending' THEN o.status = 'pending' OR o.style = 'choreographed' WHEN 'ended' THEN ` + undone + `
				WHEN 'reserved' THEN ` + kept("InventoryUpdated") + ` WHEN 'refused' THEN ` + kept("InventoryUpdateFailed") + ` WHEN 'released' THEN ` + kept("StockReleased") + ` ELSE 1 = 0 END`},
		{bad: `SELECT 'order ' || o.id || ' is being undone because of ' || o.why || ', which nobody said' FROM "order".orders o
			WHERE o.why NOT IN ('', 'timed_out') AND NOT ` + spoken("'PaymentFailed'", " AND f.word = o.why") + `
				AND NOT EXISTS (SELECT 1 FROM fact_inventory f WHERE f.kind = 'InventoryUpdateFailed' AND f.key = o.id AND f.word = o.why)`},
		// Its place among those that ended is drawn from the sequence of the journal, in the
		// commit of its last event and before that: nothing else has this number.
		{bad: `SELECT 'order ' || o.id || ' has the place ' || o.ended || ' among the ended, its events have ' || first.seq || ' to ' || last.seq FROM "order".orders o
			JOIN fact_order first ON first.key = o.id AND first.version = 1 JOIN fact_order last ON last.key = o.id AND last.version = o.version
			WHERE o.ended <= first.seq OR o.ended >= last.seq`},
		{bad: `SELECT 'order ' || o.id || ' has the place ' || o.ended || ' among the ended, and so has event ' || j.kind || ' of ' || j.key FROM "order".orders o
			JOIN "order".journal j ON j.seq = o.ended`},
		{bad: `SELECT COUNT(*) || ' orders have the place ' || ended || ' among the ended' FROM "order".orders WHERE ended IS NOT NULL GROUP BY ended HAVING COUNT(*) > 1`},
	}
}
