package audit

import (
	"fmt"
	"strings"
)

// scratch are the temporary tables: what the run has noted, and what it has made of
// the databases to look things up.
var scratch = [...]string{
	// Where every subscription stood before any snapshot was taken.
	`CREATE TEMP TABLE mark (subscriber TEXT, log TEXT, partition BIGINT, identity TEXT, seq BIGINT, id TEXT, stopped TEXT,
		PRIMARY KEY (subscriber, log, partition))`,
	`CREATE TEMP TABLE slot (n BIGINT)`, // the partitions
	// The provider's last call before any snapshot was taken.
	`CREATE TEMP TABLE heard (n BIGINT)`,
	// Keys for which a service still has something to do.
	`CREATE TEMP TABLE owned (service TEXT, key TEXT)`,
	`CREATE INDEX owned_key ON owned (key, service)`,
	// Keys of which an operator has put another message in the place of a dead one of a service.
	`CREATE TEMP TABLE edited (service TEXT, key TEXT)`,
	`CREATE INDEX edited_key ON edited (key, service)`,
	// What was ordered.
	`CREATE TEMP TABLE demand (order_id TEXT, product_id TEXT, quantity BIGINT, amount BIGINT, PRIMARY KEY (order_id, product_id))`,
	// The same as analytics knows it.
	`CREATE TEMP TABLE wares (order_id TEXT, product_id TEXT, quantity BIGINT, PRIMARY KEY (order_id, product_id))`,
	// What open reservations hold.
	`CREATE TEMP TABLE held (product_id TEXT PRIMARY KEY, quantity BIGINT)`,
	// The stock that each order has, negative.
	`CREATE TEMP TABLE moved (order_id TEXT, product_id TEXT, quantity BIGINT, PRIMARY KEY (order_id, product_id))`,
	// Money of each order: by our ledger, by the provider's, and by the provider's as it was at the mark.
	`CREATE TEMP TABLE booked (order_id TEXT PRIMARY KEY, captures BIGINT, captured BIGINT, refunds BIGINT, refunded BIGINT)`,
	`CREATE TEMP TABLE provided (order_id TEXT PRIMARY KEY, captures BIGINT, captured BIGINT, refunds BIGINT, refunded BIGINT)`,
	`CREATE TEMP TABLE earlier (order_id TEXT PRIMARY KEY, captures BIGINT, captured BIGINT, refunds BIGINT, refunded BIGINT)`,
	// The client's ledger.
	`CREATE TEMP TABLE client (key TEXT, order_id TEXT, outcome TEXT, final TEXT, total BIGINT, currency TEXT)`,
	`CREATE INDEX client_order ON client (order_id)`,
	`CREATE INDEX client_key ON client (key)`,
	`CREATE TEMP TABLE client_item (order_id TEXT, product_id TEXT, quantity BIGINT)`,
	`CREATE INDEX client_item_order ON client_item (order_id, product_id)`,
	// How the name of each product begins.
	`CREATE TEMP TABLE spoken (seq BIGINT, word TEXT)`,
	fact("order"), fact("payment"), fact("inventory"), fact("shipping"), fact("product"), fact("user"), fact("analytics"), fact("notification"),
}

// fact is a journal without its bodies. Word is the reason of an end or a refusal, the currency
// of an amount, a tracking number, the name of a product, the template of a notification, or
// that nothing was released.
// Party is the user that it is about, the carrier, or who decided on a dead message. N is how
// often a payment was tried, how much of a product there was to begin with, or 1 where the
// body of a dead message was kept; its word is what was done, and what took its place.
func fact(log string) string {
	return "CREATE TEMP TABLE fact_" + log + ` (kind TEXT, key TEXT, version BIGINT, partition BIGINT, seq BIGINT, id TEXT, time BIGINT, word TEXT, amount BIGINT, party TEXT, n BIGINT)`
}

// index makes the indexes of the facts: before there are any on PostgreSQL, where a
// transaction that only reads makes none; afterwards on SQLite, where that is faster.
func (a *audit) index() {
	for _, s := range services {
		a.try(s, "CREATE INDEX fact_"+s+"_key ON fact_"+s+" (kind, key)")
	}
	a.try("order", `CREATE INDEX fact_order_version ON fact_order (key, version)`)
}

// partitions is how many every journal has.
const partitions = 16

// mark notes every position, and the provider's last call.
func (a *audit) mark() {
	for _, s := range services {
		a.try(s, `INSERT INTO mark SELECT subscription, log, partition, identity, seq, id, stopped FROM `+schema(s)+`.position`)
	}
	for n := range partitions {
		a.try("slot", fmt.Sprintf(`INSERT INTO slot VALUES (%d)`, n))
	}
	if a.unheard != "" {
		return
	}
	if !a.dialect.remote {
		a.try("simulator", `INSERT INTO heard SELECT COALESCE(MAX(n), 0) FROM simulator.call`)
		return
	}
	files, err := a.beside()
	if err != nil {
		return // copying it will say so
	}
	defer files.close()
	var n int64
	err = files.each(`SELECT COALESCE(MAX(n), 0) FROM simulator.call`, func(scan func(...any) error) error { return scan(&n) })
	if err != nil {
		a.missing = append(a.missing, "simulator: "+err.Error())
	}
	a.try("simulator", fmt.Sprintf(`INSERT INTO heard VALUES (%d)`, n))
}

// fill makes what the checks look things up in, from the snapshot.
func (a *audit) fill() {
	d := a.dialect
	number := func(member string) string { return "CAST(" + d.text("body", member) + " AS BIGINT)" }
	for _, s := range services {
		a.try("the journal of "+s, `INSERT INTO fact_`+s+` SELECT kind, key, version, partition, seq, id, time,
			CASE WHEN kind IN ('OrderFailed', 'OrderCancelled', 'PaymentFailed', 'InventoryUpdateFailed') THEN `+d.text("body", "reason")+`
				WHEN kind IN ('OrderReceived', 'OrderCreated', 'PaymentAuthorized', 'PaymentProcessed', 'PaymentRefunded') THEN `+d.text("body", "currency")+`
				WHEN kind = 'StockReleased' THEN CASE `+d.text("body", "lines")+` WHEN '[]' THEN 'nothing' END
				WHEN kind IN ('NotificationSent', 'NotificationFailed') THEN `+d.text("body", "template")+`
				WHEN kind IN ('OrderShipped', 'ShipmentDelivered') THEN `+d.text("body", "trackingNumber")+`
				WHEN kind IN ('ProductCreated', 'ProductUpdated') THEN `+d.text("body", "name")+`
				WHEN kind = 'DeadLetterDecided' THEN `+d.text("body", "act")+` || ' ' || COALESCE(`+d.text("body", "became")+`, '') END,
			CASE WHEN kind IN ('OrderReceived', 'OrderCreated') THEN `+number("total")+`
				WHEN kind IN ('ProductCreated', 'ProductPriceUpdated') THEN `+number("price")+`
				WHEN kind IN ('PaymentAuthorized', 'PaymentProcessed', 'PaymentRefunded') THEN `+number("amount")+` END,
			CASE kind WHEN 'OrderCreated' THEN `+d.text("body", "userId")+` WHEN 'OrderShipped' THEN `+d.text("body", "carrier")+` WHEN 'UserRegistered' THEN key
				WHEN 'DeadLetterDecided' THEN `+d.text("body", "who")+` END,
			CASE WHEN kind IN ('PaymentAuthorized', 'PaymentProcessed', 'PaymentFailed', 'PaymentVoided', 'PaymentRefunded') THEN COALESCE(`+number("attempts")+`, 0)
				WHEN kind = 'ProductCreated' THEN `+number("stock")+`
				WHEN kind = 'DeadLetterDecided' AND COALESCE(`+d.text("body", "body")+`, `+d.text("body", "rawBody")+`) IS NOT NULL THEN 1 END
			FROM `+schema(s)+`.journal`)
	}
	if !d.remote {
		a.index()
	}
	for _, s := range services {
		// A deadline does no work for its order: it only ends what others have not. A look at
		// the provider's ledger is for no order, and comes again for ever; one at the parcels
		// comes as long as one is on its way.
		a.try("jobs of "+s, `INSERT INTO owned SELECT '`+s+`', key FROM `+schema(s)+`.job WHERE queue NOT IN ('order_deadlines', 'payment_reconciliation', 'shipping_tracking')`)
		a.try("parked messages of "+s, `INSERT INTO owned SELECT '`+s+`', key FROM `+schema(s)+`.parked`)
		a.try("edits of "+s, `INSERT INTO edited SELECT '`+s+`', `+d.text("j.body", "key")+` FROM fact_`+s+` f JOIN `+schema(s)+`.journal j ON j.seq = f.seq
			WHERE f.kind = 'DeadLetterDecided' AND f.word LIKE 'edit%'`)
	}
	// A message above a mark may have been handled since; then what it caused is there.
	for _, s := range subscriptions() {
		a.try("the journal of "+s.log, fmt.Sprintf(`INSERT INTO owned SELECT '%[1]s', e.key FROM fact_%[2]s e
			LEFT JOIN mark m ON m.subscriber = '%[1]s' AND m.log = '%[2]s' AND m.partition = e.partition
			WHERE e.kind IN (%[3]s) AND e.seq > COALESCE(m.seq, 0)`, s.by, s.log, list(s.kinds)))
	}
	a.listen()
	// Two lines of one product want it twice.
	a.try("lines of orders", `INSERT INTO demand SELECT o.id, `+d.line("productId")+`, SUM(CAST(`+d.line("quantity")+` AS BIGINT)),
		SUM(CAST(`+d.line("quantity")+` AS BIGINT) * CAST(`+d.line("unitPrice")+` AS BIGINT)) FROM "order".orders o, `+d.lines+` GROUP BY 1, 2`)
	a.try("lines of reservations", `INSERT INTO held SELECT `+d.line("productId")+`, SUM(CAST(`+d.line("quantity")+` AS BIGINT))
		FROM inventory.reservation o, `+d.lines+` WHERE o.status = 'reserved' GROUP BY 1`)
	a.try("sales", `INSERT INTO wares SELECT s.order_id, `+d.good+`, CAST(`+d.quantity+` AS BIGINT) FROM `+d.goods)
	a.try("movements", `INSERT INTO moved SELECT order_id, product_id, SUM(quantity) FROM inventory.movement
		WHERE order_id <> '' GROUP BY order_id, product_id`)
	a.try("entries", `INSERT INTO booked SELECT order_id, `+sums("kind = 'capture'", "kind = 'refund'")+` FROM payment.entry GROUP BY order_id`)
	if a.unheard != "" {
		return
	}
	const provided = ` SELECT order_id, %s FROM (
		SELECT order_id, 'capture' AS kind, amount, n FROM simulator.charge WHERE status = 'captured'
		UNION ALL SELECT order_id, 'refund', amount, n FROM simulator.refund) moves %s GROUP BY order_id`
	is := sums("kind = 'capture'", "kind = 'refund'")
	a.try("the provider's ledger", `INSERT INTO provided`+fmt.Sprintf(provided, is, ""))
	a.try("the provider's ledger", `INSERT INTO earlier`+fmt.Sprintf(provided, is, "WHERE n <= (SELECT n FROM heard)"))
}

// sums counts and adds up the captures and the refunds of a group.
func sums(capture, refund string) string {
	var columns []string
	for _, is := range []string{capture, refund} {
		columns = append(columns, "SUM(CASE WHEN "+is+" THEN 1 ELSE 0 END)", "SUM(CASE WHEN "+is+" THEN amount ELSE 0 END)")
	}
	return strings.Join(columns, ", ")
}
