package pgtwin

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/shipping"
)

// stockUp copies what the catalogue says is there, and remembers what is counted.
func (s *shop) stockUp(ctx context.Context) error {
	b := s.inventory.batch()
	b.Queue(`INSERT INTO inventory.stock (product_id, location, tracked, on_hand, reserved)
		SELECT id, 'main', CASE WHEN stock IS NULL THEN 0 ELSE 1 END, coalesce(stock, 0), 0 FROM product.product`)
	b.Queue(`INSERT INTO inventory.movement (id, product_id, location, order_id, kind, quantity, at)
		SELECT 'initial-' || id, id, 'main', '', 'initial', stock, $1 FROM product.product WHERE stock > 0`, b.now)
	return b.pool.SendBatch(ctx, &b.Batch).Close()
}

// takeStock: the orders are paid, their stock goes out.
func takeStock(b *batch, facts []envelope) {
	for _, e := range facts {
		paid := wire.Decode[contract.PaymentProcessed](e.body)
		for _, l := range paid.Lines {
			b.Queue(`WITH taken AS (UPDATE inventory.stock SET on_hand = on_hand - $1 * tracked WHERE product_id = $2 AND location = 'main' RETURNING tracked)
				INSERT INTO inventory.movement (id, product_id, location, order_id, kind, quantity, at)
				SELECT $3, $2, 'main', $4, 'taken', -$1::bigint, $5 FROM taken WHERE tracked = 1`,
				l.Quantity, l.ProductID, paid.OrderID+"-taken-"+l.ProductID, paid.OrderID, b.now)
		}
		b.Queue(`INSERT INTO inventory.reservation (order_id, status, lines, at) VALUES ($1, 'taken', $2, $3)`, paid.OrderID, string(wire.Encode(paid.Lines)), b.now)
		b.say(e, 0, contract.InventoryUpdated{OrderID: paid.OrderID, Style: paid.Style, Lines: paid.Lines})
	}
	b.write()
}

// wantShipments: the stock is out, parcels are to be sent.
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
		b.Queue(`UPDATE shipping.shipment SET status = 'shipped', carrier = $1, tracking = $2, pickup = $3, shipped = $4, updated = $4 WHERE order_id = $5`,
			l.Carrier, l.Tracking, l.Pickup.UnixMicro(), b.now, w.OrderID)
		b.say(j, 0, contract.OrderShipped{OrderID: w.OrderID, Carrier: l.Carrier, TrackingNumber: l.Tracking})
		ids = append(ids, j.id)
	}
	b.finish(ids...)
	b.write()
}
