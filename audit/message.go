package audit

import "fmt"

// An effect is what a message must have left in the database of a subscriber that has
// handled it. In done, e is the message.
type effect struct{ by, log, kind, done string }

// the is the condition that a row of the message's key exists.
func the(table, and string) string {
	return "EXISTS (SELECT 1 FROM " + table + " x WHERE " + and + ")"
}

// consequences are all messages of every flow and their effects: some have one in orders of
// one style only.
func consequences() []effect {
	order := func(and string) string { return the(`"order".orders`, "x.id = e.key AND "+and) }
	const ended, tried = "x.status NOT IN ('pending', 'confirmed')", "x.payment_attempts >= e.n"
	all := append(obeyed(), []effect{
		{"payment", "order", "OrderCreated", styled("e.key", conducted) + " OR " + the("payment.payment", "x.order_id = e.key")},
		{"payment", "inventory", "InventoryUpdateFailed", styled("e.key", conducted) + " OR " + the("payment.payment", "x.order_id = e.key AND x.closed = 1 AND x.status <> 'captured'")},
		{"inventory", "payment", "PaymentProcessed", only(followed, the("inventory.reservation", "x.order_id = e.key"))},
		{"inventory", "order", "OrderCreated", only(joined, the("inventory.reservation", "x.order_id = e.key"))},
		{"inventory", "order", "OrderCompleted", the("inventory.reservation", "x.order_id = e.key AND x.status = 'shipped'")},
		{"inventory", "product", "ProductCreated", the("inventory.stock", "x.product_id = e.key")},
		{"inventory", "product", "ProductPriceUpdated", the("inventory.stock", "x.product_id = e.key")},
		{"shipping", "inventory", "InventoryUpdated", only(followed, the("shipping.shipment", "x.order_id = e.key"))},
		{"order", "payment", "PaymentAuthorized", order("x.payment_status <> 'pending' AND " + tried)},
		{"order", "payment", "PaymentVoided", order("x.payment_status NOT IN ('pending', 'authorized', 'ended') AND " + tried)},
		{"order", "payment", "PaymentProcessed", order("x.payment_status IN ('captured', 'refunding', 'refunded') AND " + tried)},
		{"order", "payment", "PaymentFailed", order("(x.style = 'orchestrated' AND x.payment_status IN ('failed', 'voided', 'refunding', 'refunded') OR " + ended + " AND x.payment_status IN ('failed', 'refunded')) AND " + tried)},
		{"order", "payment", "PaymentRefunded", order("x.payment_status = 'refunded' AND " + tried)},
		{"order", "inventory", "InventoryUpdated", order("(x.style = 'choreographed' AND x.status <> 'pending' OR x.stock_status IN ('reserved', 'released'))")},
		{"order", "inventory", "InventoryUpdateFailed", order("(x.style = 'orchestrated' AND x.stock_status IN ('refused', 'released') OR " + ended + ")")},
		// Where nobody conducts the order went on without it, before there were other styles.
		{"order", "inventory", "StockReleased", order("(x.style = 'choreographed' OR x.stock_status IN ('refused', 'released'))")},
		{"order", "shipping", "OrderShipped", order(ended)},
		{"order", "shipping", "ShipmentDelivered", order("x.shipment_status IN ('delivered', 'recalled')")},
		{"order", "shipping", "ShipmentRecalled", order("x.shipment_status = 'recalled'")},
	}...)
	for _, n := range notices() {
		all = append(all, effect{"notification", n.log, n.kind, the("notification.notification", "x.subject = e.key AND x.template = "+n.template("e"))})
	}
	for _, kind := range []string{"OrderFailed", "OrderCancelled"} {
		all = append(all,
			effect{"payment", "order", kind, the("payment.payment", "x.order_id = e.key AND x.closed = 1 AND x.status NOT IN ('authorized', 'captured')")},
			effect{"inventory", "order", kind, the("inventory.reservation", "x.order_id = e.key AND x.status NOT IN ('reserved', 'shipped')")},
			effect{"shipping", "order", kind, the("shipping.shipment", "x.order_id = e.key AND x.status NOT IN ('shipped', 'delivered')")})
	}
	return append(all, counted()...)
}

// A subscription is a service that follows a log for some kinds of messages.
type subscription struct {
	by, log string
	kinds   []string
}

func subscriptions() (all []subscription) {
	at := map[[2]string]int{}
	for _, e := range consequences() {
		i, ok := at[[2]string{e.by, e.log}]
		if !ok {
			i = len(all)
			at[[2]string{e.by, e.log}] = i
			all = append(all, subscription{by: e.by, log: e.log})
		}
		all[i].kinds = append(all[i].kinds, e.kind)
	}
	return all
}

// positions checks that every position is a place in the log that it belongs to.
// Positions are older than the logs that are read here.
func positions() promise {
	p := promise{name: "every position is a place in its log"}
	// A partition without a position is read by nobody.
	for _, s := range subscriptions() {
		p.probes = append(p.probes, probe{bad: fmt.Sprintf(`SELECT '%[1]s has no position in partition ' || slot.n || ' of %[2]s' FROM slot
			LEFT JOIN mark m ON m.subscriber = '%[1]s' AND m.log = '%[2]s' AND m.partition = slot.n WHERE m.partition IS NULL`, s.by, s.log)})
	}
	for _, s := range services {
		const which = `m.subscriber || ', partition ' || m.partition || ' of ' || m.log`
		log := schema(s)
		p.probes = append(p.probes,
			probe{of: count("mark WHERE log = '" + s + "'"), bad: `SELECT ` + which + ` || ' has stopped: ' || m.stopped FROM mark m WHERE m.log = '` + s + `' AND m.stopped <> ''`},
			probe{bad: `SELECT ` + which + ` || ' belongs to another log: ' || m.identity FROM mark m WHERE m.log = '` + s + `' AND m.seq > 0
				AND m.identity NOT IN (SELECT id FROM ` + log + `.identity)`},
			// The same number in a log that was restored may be another message.
			probe{bad: `SELECT ` + which + ` || ' stands at ' || m.seq || ' on message ' || m.id || ', there is ' || COALESCE(j.id, 'none') FROM mark m
				LEFT JOIN ` + log + `.journal j ON j.partition = m.partition AND j.seq = m.seq WHERE m.log = '` + s + `' AND m.seq > 0 AND j.id IS DISTINCT FROM m.id`},
			probe{of: "SELECT 1", bad: `SELECT 'the log ` + s + ` has ' || COUNT(*) || ' identities' FROM ` + log + `.identity HAVING COUNT(*) > 1`},
			probe{of: count("fact_" + s), bad: `SELECT 'message ' || id || ' is ' || COUNT(*) || ' times in the log ` + s + `' FROM fact_` + s + ` GROUP BY id HAVING COUNT(*) > 1`})
	}
	return p
}

// effects checks that what a subscriber has passed it has handled, unless the message
// is parked, or an operator discarded it (or edited it: then it is another message): in = done + parked + dead + discarded.
func effects() promise {
	p := promise{name: "every message has its effect"}
	for _, e := range consequences() {
		passed := fmt.Sprintf(`fact_%[2]s e JOIN mark m ON m.subscriber = '%[1]s' AND m.log = '%[2]s' AND m.partition = e.partition AND e.seq <= m.seq
			WHERE e.kind = '%[3]s'`, e.by, e.log, e.kind)
		p.probes = append(p.probes, probe{of: count(passed), bad: fmt.Sprintf(`SELECT '%[3]s of %[2]s ' || e.key || ' was passed by %[1]s and left nothing' FROM %[4]s
			AND NOT (%[5]s)
			AND NOT EXISTS (SELECT 1 FROM %[1]q.parked k WHERE k.subscription = '%[1]s' AND k.log = '%[2]s' AND k.partition = e.partition AND k.seq = e.seq)
			AND NOT EXISTS (SELECT 1 FROM fact_%[1]s d WHERE d.kind = 'DeadLetterDecided' AND d.key = 'dead:' || e.id AND (d.word LIKE 'discard%%' OR d.word LIKE 'edit%%'))`, e.by, e.log, e.kind, passed, e.done)})
	}
	return p
}

// A word is a state that goes with a fact: a row of the table in that state has said the
// fact, and whoever has said it has the row in one of the later states.
type word struct {
	log, table, key string
	said            string // in these states of x the fact was said
	kind            string
	since           string // who said it is in one of these states
}

// words are the facts that are said in the commit that changes a row.
func words() []word {
	const payment, reservation, shipment = "payment.payment", "inventory.reservation", "shipping.shipment"
	return []word{
		{"payment", payment, "order_id", "x.status = 'captured'", "PaymentProcessed", "x.status IN ('captured', 'refunding', 'refunded')"},
		{"payment", payment, "order_id", "x.status IN ('authorized', 'capturing')", "PaymentAuthorized", "x.status NOT IN ('wanted', 'authorizing', 'ended')"},
		{"payment", payment, "order_id", "x.status = 'voided'", "PaymentVoided", "x.status IN ('voided', 'failed', 'ended', 'refunding', 'refunded')"},
		{"payment", payment, "order_id", "x.status = 'failed'", "PaymentFailed", "(x.status IN ('failed', 'refunding', 'refunded') OR x.status IN ('voided', 'ended') AND f.word = 'called_off')"},
		{"payment", payment, "order_id", "x.status = 'refunded'", "PaymentRefunded", "x.status = 'refunded'"},
		{"inventory", reservation, "order_id", "x.status IN ('reserved', 'shipped', 'released')", "InventoryUpdated", "x.status IN ('reserved', 'shipped', 'released')"},
		{"inventory", reservation, "order_id", "x.status = 'refused'", "InventoryUpdateFailed", "(x.status = 'refused' OR x.status IN ('released', 'ended') AND f.word = 'called_off')"},
		{"inventory", reservation, "order_id", "x.status = 'released'", "StockReleased", "(x.status = 'released' OR x.status IN ('refused', 'ended') AND f.word = 'nothing')"},
		{"shipping", shipment, "order_id", "x.status IN ('shipped', 'delivered')", "OrderShipped", "x.status IN ('shipped', 'delivered', 'recalled', 'returned')"},
		{"shipping", shipment, "order_id", "x.status = 'delivered'", "ShipmentDelivered", "x.status IN ('delivered', 'recalled', 'returned')"},
		{"shipping", shipment, "order_id", "x.status IN ('recalled', 'returned')", "ShipmentRecalled", "x.status IN ('recalled', 'returned')"},
		{"product", "product.product", "id", "1 = 1", "ProductCreated", "1 = 1"},
		{"user", `"user".users`, "id", "1 = 1", "UserRegistered", "1 = 1"},
	}
}

// once is the condition that a fact of a kind about s.key is said once at most: it answers no
// command, or nobody conducts the order.
func once(kind string) string {
	switch kind {
	case "OrderShipped":
		return styled("s.key", followed)
	case "InventoryUpdated", "InventoryUpdateFailed", "StockReleased", "PaymentAuthorized", "PaymentProcessed", "PaymentFailed", "PaymentVoided", "PaymentRefunded":
		return "NOT " + styled("s.key", conducted)
	}
	return "1 = 1"
}

// causes checks that nothing was done without a reason, and nothing without being said,
// once. A cause is of a later snapshot than its effect, but for OrderCreated.
func causes() promise {
	p := promise{name: "every effect has its message"}
	for _, w := range words() {
		p.probes = append(p.probes,
			probe{of: count(w.table), bad: fmt.Sprintf(`SELECT '%[1]s ' || x.%[3]s || ' did not say %[5]s' FROM %[2]s x
				WHERE %[4]s AND NOT EXISTS (SELECT 1 FROM fact_%[1]s f WHERE f.kind = '%[5]s' AND f.key = x.%[3]s)`, w.log, w.table, w.key, w.said, w.kind)},
			probe{bad: fmt.Sprintf(`SELECT '%[1]s said %[4]s of ' || f.key || ' and does not know it' FROM fact_%[1]s f
				WHERE f.kind = '%[4]s' AND NOT EXISTS (SELECT 1 FROM %[2]s x WHERE x.%[3]s = f.key AND %[5]s)`, w.log, w.table, w.key, w.kind, w.since)},
			// Whoever commands is answered each time; nobody is told twice because of one message,
			// unless an operator has the service hear it again.
			probe{bad: fmt.Sprintf(`SELECT '%[1]s said %[2]s of ' || s.key || ' ' || s.n || ' times' FROM (SELECT key, COUNT(*) AS n FROM fact_%[1]s
				WHERE kind = '%[2]s' GROUP BY key HAVING COUNT(*) > 1) s
				WHERE %[3]s OR s.n > (SELECT COUNT(DISTINCT j.cause) FROM %[1]q.journal j WHERE j.kind = '%[2]s' AND j.key = s.key)
				AND NOT EXISTS (SELECT 1 FROM fact_%[1]s r WHERE r.kind = 'StreamReplayed')`,
				w.log, w.kind, once(w.kind))})
	}
	// A tombstone needs no cause but the end of its order.
	without := func(table, states, log, kind string) probe {
		return probe{bad: fmt.Sprintf(`SELECT '%[1]s of order ' || x.order_id || ' is ' || x.status || ' without %[4]s' FROM %[1]s x
			WHERE %[2]s AND NOT EXISTS (SELECT 1 FROM fact_%[3]s f WHERE f.kind = '%[4]s' AND f.key = x.order_id)`, table, states, log, kind)}
	}
	return promise{name: p.name, probes: append(p.probes,
		without("payment.payment", "x.status <> 'ended' AND x.created < {before}", "order", "OrderCreated"),
		without("inventory.reservation", "x.status <> 'ended' AND "+styled("x.order_id", followed), "payment", "PaymentProcessed"),
		without("inventory.reservation", "x.status <> 'ended' AND x.at < {before}", "order", "OrderCreated"),
		without("shipping.shipment", "x.status <> 'ended'", "inventory", "InventoryUpdated"),
		probe{bad: `SELECT 'order ' || f.key || ' was shipped as ' || f.word || ', its shipment is ' || s.tracking FROM fact_shipping f
			JOIN shipping.shipment s ON s.order_id = f.key WHERE f.kind = 'OrderShipped' AND f.word IS DISTINCT FROM s.tracking`},
		probe{bad: `SELECT 'order ' || f.key || ': ' || f.kind || ' of ' || f.amount || ' ' || f.word || ', its payment is of ' || p.amount || ' ' || p.currency FROM fact_payment f
			JOIN payment.payment p ON p.order_id = f.key WHERE f.kind IN ('PaymentAuthorized', 'PaymentProcessed', 'PaymentRefunded')
			AND (f.amount IS DISTINCT FROM p.amount OR f.word IS DISTINCT FROM p.currency)`})}
}
