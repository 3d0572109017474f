package pgtwin

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/shipping"
)

// stockUp copies what the catalogue says is there.
func (s *shop) stockUp(ctx context.Context) error {
	b := s.inventory.batch()
	b.Queue(`INSERT INTO inventory.stock (product_id, location, tracked, on_hand, reserved, moves, price, currency)
		SELECT id, 'main', CASE WHEN stock IS NULL THEN 0 ELSE 1 END, coalesce(stock, 0), 0, CASE WHEN stock > 0 THEN 1 ELSE 0 END, price, currency FROM product.product`)
	b.Queue(`INSERT INTO inventory.movement (product_id, location, n, order_id, kind, quantity, balance, reason, at)
		SELECT id, 'main', 1, '', 'initial', stock, stock, '', $1 FROM product.product WHERE stock > 0`, b.now)
	return b.pool.SendBatch(ctx, &b.Batch).Close()
}

// hold is for how long stock is reserved.
const hold = 24 * time.Hour

// lock holds the stock of products, in one order: two followers change it.
func (b *batch) lock(products []string) {
	b.Queue(`SELECT 1 FROM inventory.stock WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE`, products)
}

// takeStock: the orders are paid, their stock is reserved.
func takeStock(b *batch, facts []envelope) {
	all, products := make([]contract.PaymentProcessed, len(facts)), []string{}
	for i, e := range facts {
		all[i] = wire.Decode[contract.PaymentProcessed](e.body)
		for _, l := range all[i].Lines {
			products = append(products, l.ProductID)
		}
	}
	b.lock(products)
	for i, paid := range all {
		for _, l := range paid.Lines {
			b.Queue(`UPDATE inventory.stock SET reserved = reserved + $1 * tracked WHERE product_id = $2 AND location = 'main'`, l.Quantity, l.ProductID)
		}
		b.Queue(`INSERT INTO inventory.reservation (order_id, status, lines, expires, at) VALUES ($1, 'reserved', $2, $3, $4)`,
			paid.OrderID, string(wire.Encode(paid.Lines)), b.now+hold.Microseconds(), b.now)
		b.say(facts[i], 0, contract.InventoryUpdated{OrderID: paid.OrderID, Style: paid.Style, Lines: paid.Lines})
	}
	b.write()
}

// partWithStock: the orders are completed, their stock has left.
func partWithStock(b *batch, facts []envelope) {
	all, products := make([]contract.OrderCompleted, len(facts)), []string{}
	for i, e := range facts {
		all[i] = wire.Decode[contract.OrderCompleted](e.body)
		for _, l := range all[i].Lines {
			products = append(products, l.ProductID)
		}
	}
	b.lock(products)
	for _, done := range all {
		b.Queue(`UPDATE inventory.reservation SET status = 'shipped', at = $1 WHERE order_id = $2`, b.now, done.OrderID)
		for _, l := range done.Lines {
			b.Queue(`WITH parted AS (UPDATE inventory.stock SET on_hand = on_hand - $1, reserved = reserved - $1, moves = moves + 1
					WHERE product_id = $2 AND location = 'main' AND tracked = 1 RETURNING moves, on_hand)
				INSERT INTO inventory.movement (product_id, location, n, order_id, kind, quantity, balance, reason, at)
				SELECT $2, 'main', moves, $3, 'shipped', -$1::bigint, on_hand, '', $4 FROM parted`, l.Quantity, l.ProductID, done.OrderID, b.now)
		}
	}
	b.write()
}

// wantShipments: the stock is reserved, parcels are to be sent.
func wantShipments(b *batch, facts []envelope) {
	for _, e := range facts {
		out := wire.Decode[contract.InventoryUpdated](e.body)
		b.Queue(`INSERT INTO shipping.shipment (order_id, status, carrier, tracking, lines, created, updated) VALUES ($1, 'wanted', '', '', $2, $3, $3)`,
			out.OrderID, string(wire.Encode(out.Lines)), b.now)
		b.send(e, job{queue: "shipping_labels", kind: "label", body: wire.Encode(wire.Label{OrderID: out.OrderID, Lines: out.Lines, Wanted: time.UnixMicro(b.now).UTC()})})
	}
	b.write()
}

// ship calls the carrier, which is the platform's own and in this process, and stores the
// labels.
func (s *shop) ship(jobs []envelope) {
	b := s.shipping.batch()
	var ids []string
	for _, j := range jobs {
		w := wire.Decode[wire.Label](j.body)
		l, err := shipping.Courier{}.Label(context.Background(), shipping.Parcel{Key: w.OrderID, Wanted: w.Wanted, Lines: w.Lines})
		wire.Must(err)
		b.Queue(`UPDATE shipping.shipment SET status = 'shipped', carrier = $1, tracking = $2, pickup = $3, moves = $4, shipped = $5, updated = $5 WHERE order_id = $6`,
			l.Carrier, l.Tracking, l.Pickup.UnixMicro(), l.Next.UnixMicro(), b.now, w.OrderID)
		b.say(j, 0, contract.OrderShipped{OrderID: w.OrderID, Carrier: l.Carrier, TrackingNumber: l.Tracking})
		ids = append(ids, j.id)
	}
	b.finish(ids...)
	b.write()
}
