package audit

import "fmt"

// The styles of an order say whose turn it is after what.
const (
	conducted = "orchestrated"
	followed  = "choreographed"
	joined    = "parallel"
)

// styled is the condition that the order of this id flows in a style. The style of an order is
// compared with the event that created it.
func styled(id, style string) string {
	return `EXISTS (SELECT 1 FROM "order".orders flow WHERE flow.id = ` + id + ` AND flow.style = '` + style + `')`
}

// only is a condition for orders of a style, and none for others.
func only(style, done string) string { return "NOT " + styled("e.key", style) + " OR " + done }

// A command is what the order asks of a service, and by what that can answer.
type command struct{ kind, by, answers, unless string }

// commands are all there are. A parcel is not sent for an order that has ended, and nobody
// is told so.
func commands() []command {
	const money = "'PaymentFailed', 'PaymentVoided', 'PaymentRefunded'"
	return []command{
		{"ReserveStock", "inventory", "'InventoryUpdated', 'InventoryUpdateFailed'", "1 = 0"},
		{"ReleaseStock", "inventory", "'StockReleased'", "1 = 0"},
		{"AuthorizePayment", "payment", "'PaymentAuthorized', " + money, "1 = 0"},
		{"CapturePayment", "payment", "'PaymentProcessed', " + money, "1 = 0"},
		{"VoidPayment", "payment", "'PaymentVoided', 'PaymentRefunded'", "1 = 0"},
		{"ShipOrder", "shipping", "'OrderShipped'", the("shipping.shipment", "x.order_id = e.key AND x.stopped IS NOT NULL")},
	}
}

// obeyed are the effects of commands, of which each has one in the service that it asks.
func obeyed() []effect {
	payment := func(and string) string { return the("payment.payment", "x.order_id = e.key AND "+and) }
	return []effect{
		{"inventory", "order", "ReserveStock", the("inventory.reservation", "x.order_id = e.key")},
		{"inventory", "order", "ReleaseStock", the("inventory.reservation", "x.order_id = e.key AND x.status NOT IN ('reserved', 'shipped')")},
		{"payment", "order", "AuthorizePayment", payment("x.status <> 'wanted'")},
		{"payment", "order", "CapturePayment", payment("x.status NOT IN ('wanted', 'authorizing', 'authorized')")},
		{"payment", "order", "VoidPayment", payment("x.closed = 1 AND x.status NOT IN ('authorized', 'captured')")},
		{"shipping", "order", "ShipOrder", the("shipping.shipment", "x.order_id = e.key")},
	}
}

// commanded checks that every command was answered, that it was obeyed as it was said, and
// that nothing was done that only a command asks for. That it was obeyed at all is the promise
// of every message's effect. Commands are kept for a day at least: of older orders only the
// rest is checked.
func (a *audit) commanded() promise {
	p := promise{name: "every command is answered, and nothing is done without one"}
	for _, c := range commands() {
		passed := fmt.Sprintf(`fact_order e JOIN mark m ON m.subscriber = '%s' AND m.log = 'order' AND m.partition = e.partition AND e.seq <= m.seq WHERE e.kind = '%s'`, c.by, c.kind)
		p.probes = append(p.probes, probe{of: count(passed), bad: fmt.Sprintf(`SELECT '%[1]s of ' || e.key || ' was passed by %[2]s, and not answered' FROM %[3]s
			AND NOT EXISTS (SELECT 1 FROM fact_%[2]s f WHERE f.key = e.key AND f.kind IN (%[4]s)) AND NOT (%[5]s)
			AND %[6]s AND NOT EXISTS (SELECT 1 FROM fact_%[2]s d WHERE d.kind = 'DeadLetterDecided' AND d.key = 'dead:' || e.id AND (d.word LIKE 'discard%%' OR d.word LIKE 'edit%%'))`,
			c.kind, c.by, passed, c.answers, c.unless, unowned(c.by, "e.key"))})
	}
	// A row of an order of a style that was conducted lately, of which no command says why.
	without := func(table, states, style, kinds string) probe {
		return probe{bad: fmt.Sprintf(`SELECT '%[1]s of order ' || x.order_id || ' is ' || x.status || ', and none of %[4]s asked for it' FROM %[1]s x JOIN "order".orders o ON o.id = x.order_id
			WHERE %[2]s AND o.style IN (%[3]s) AND o.created > {day} AND NOT EXISTS (SELECT 1 FROM fact_order f WHERE f.kind IN (%[5]s) AND f.key = x.order_id)`,
			table, states, style, unquoted(kinds), kinds)}
	}
	const ends = "'OrderFailed', 'OrderCancelled'"
	lines := func(row, kind, service, table string) probe {
		return unlike(row, `"order".journal j JOIN `+service+`.`+table+` x ON x.order_id = j.key WHERE j.kind = '`+kind+`' AND x.status <> 'ended' AND `+unedited(service, "j.key"),
			likeness{"the lines", a.lines("x.lines"), a.lines(a.dialect.text("j.body", "lines"))})
	}
	said := func(member string) string { return a.dialect.text("j.body", member) }
	p.probes = append(p.probes,
		without("inventory.reservation", "x.status <> 'ended' AND x.at < {before}", "'orchestrated'", "'ReserveStock'"),
		without("inventory.reservation", "x.status = 'released' AND x.at < {before}", "'orchestrated', 'parallel', 'choreographed'", "'ReleaseStock', "+ends),
		without("payment.payment", "x.status <> 'ended' AND x.created < {before}", "'orchestrated'", "'AuthorizePayment'"),
		without("payment.payment", "x.status IN ('capturing', 'captured', 'refunding', 'refunded') AND x.updated < {before}", "'orchestrated'", "'CapturePayment'"),
		without("payment.payment", "x.status IN ('voiding', 'voided') AND x.updated < {before}", "'orchestrated'", "'VoidPayment', "+ends),
		without("shipping.shipment", "x.status <> 'ended' AND x.created < {before}", "'orchestrated', 'parallel'", "'ShipOrder'"),
		lines(`'reservation of order ' || x.order_id`, "ReserveStock", "inventory", "reservation"),
		lines(`'payment of order ' || x.order_id`, "AuthorizePayment", "payment", "payment"),
		lines(`'shipment of order ' || x.order_id`, "ShipOrder", "shipping", "shipment"),
		unlike(`'payment of order ' || x.order_id`, `"order".journal j JOIN payment.payment x ON x.order_id = j.key WHERE j.kind = 'AuthorizePayment' AND x.status <> 'ended' AND `+unedited("payment", "j.key"),
			likeness{"the amount", "CAST(x.amount AS TEXT)", "CAST(" + said("amount") + " AS TEXT)"}, likeness{"the currency", "x.currency", said("currency")},
			likeness{"the method", "x.method", said("method")}, likeness{"the style", "x.style", said("style")}))
	return p
}
