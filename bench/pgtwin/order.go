package pgtwin

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
)

// locked runs change on the orders that facts are about, with their rows locked: two
// followers of the order service may be about the same ones.
func locked(b *batch, facts []envelope, change func(orders map[string]*standing)) {
	ctx := context.Background()
	c, err := b.pool.Acquire(ctx)
	wire.Must(err)
	defer c.Release()
	keys := make([]string, len(facts))
	for i, e := range facts {
		keys[i] = e.key
	}
	orders := map[string]*standing{}
	var read pgx.Batch
	read.Queue("BEGIN")
	read.Queue(`SELECT id, status, version, lines FROM `+b.table("orders")+` WHERE id = ANY($1) ORDER BY id FOR UPDATE`, keys).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var id, lines string
			o := &standing{}
			if err := rows.Scan(&id, &o.status, &o.version, &lines); err != nil {
				return err
			}
			o.lines = wire.Decode[[]contract.Line]([]byte(lines))
			orders[id] = o
		}
		return rows.Err()
	})
	wire.Must(c.SendBatch(ctx, &read).Close())
	change(orders)
	b.in(c)
}

// standing is where an order stands.
type standing struct {
	status  string
	version int64
	lines   []contract.Line
}

// notePaid: the orders are paid.
func notePaid(b *batch, facts []envelope) {
	locked(b, facts, func(map[string]*standing) {
		for _, e := range facts {
			paid := wire.Decode[contract.PaymentProcessed](e.body)
			b.Queue(`UPDATE `+b.table("orders")+` SET payment_status = 'captured', payment_attempts = $1, updated = $2 WHERE id = $3`, paid.Attempts, b.now, e.key)
		}
	})
}

// confirm: the orders have their stock.
func confirm(b *batch, facts []envelope) {
	locked(b, facts, func(orders map[string]*standing) {
		for _, e := range facts {
			b.confirm(e, orders[e.key])
		}
	})
}

func (b *batch) confirm(e envelope, o *standing) {
	if o.status != "pending" {
		return
	}
	o.status = "confirmed"
	o.version++
	b.Queue(`UPDATE `+b.table("orders")+` SET status = 'confirmed', payment_status = 'captured', stock_status = 'reserved', updated = $1, version = $2 WHERE id = $3`, b.now, o.version, e.key)
	b.say(e, o.version, contract.OrderConfirmed{OrderID: e.key})
	b.finish(wire.Deadline + e.key)
}

// complete: the orders are shipped. They may have overtaken the news of their stock.
func complete(b *batch, facts []envelope) {
	locked(b, facts, func(orders map[string]*standing) {
		for _, e := range facts {
			shipped, o := wire.Decode[contract.OrderShipped](e.body), orders[e.key]
			b.confirm(e, o)
			o.version++
			b.Queue(`UPDATE `+b.table("orders")+` SET status = 'completed', shipment_status = 'shipped', tracking = $1, updated = $2, version = $3,
				ended = nextval('`+b.table("journal_seq")+`') WHERE id = $4`, shipped.TrackingNumber, b.now, o.version, e.key)
			b.say(e, o.version, contract.OrderCompleted{OrderID: e.key, TrackingNumber: shipped.TrackingNumber, Lines: o.lines})
		}
	})
}
