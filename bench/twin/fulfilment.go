package twin

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/shipping"
)

// stockUp copies what the catalogue says is there.
func (s *shop) stockUp() {
	type stock struct {
		product, currency string
		tracked           bool
		onHand, price     int64
	}
	var all []stock
	s.product.view(func(c *connection) {
		r := c.do(`SELECT id, currency, stock IS NOT NULL, stock, price FROM product ORDER BY id`)
		r.rows(func() {
			all = append(all, stock{r.ColumnText(0), r.ColumnText(1), r.ColumnInt64(2) == 1, r.ColumnInt64(3), r.ColumnInt64(4)})
		})
	})
	s.inventory.update(func(t *tx) {
		for _, p := range all {
			tracked := int64(0)
			if p.tracked {
				tracked = 1
				t.move(movement{product: p.product, n: 1, kind: "initial", quantity: p.onHand, balance: p.onHand})
			}
			t.do(`INSERT INTO stock (product_id, location, tracked, on_hand, reserved, moves, price, currency) VALUES (?1, 'main', ?2, ?3, 0, ?2, ?4, ?5)`).
				text(p.product).int(tracked).int(p.onHand).int(p.price).text(p.currency).run()
		}
	})
}

type movement struct {
	product, order, kind string
	n, quantity, balance int64
}

func (t *tx) move(m movement) {
	t.do(`INSERT INTO movement (product_id, location, n, order_id, kind, quantity, balance, reason, at) VALUES (?, 'main', ?, ?, ?, ?, ?, '', ?)`).
		text(m.product).int(m.n).text(m.order).text(m.kind).int(m.quantity).int(m.balance).int(t.now).run()
}

// hold is for how long stock is reserved.
const hold = 24 * time.Hour

// takeStock: the order is paid, its stock is reserved.
func takeStock(e envelope) func(*tx) {
	paid := wire.Decode[contract.PaymentProcessed](e.body)
	return reserve(e, contract.InventoryUpdated{OrderID: paid.OrderID, Style: paid.Style, Lines: paid.Lines})
}

// reserve reserves the stock of an order, and says so.
func reserve(e envelope, said contract.InventoryUpdated) func(*tx) {
	lines, fact := wire.Encode(said.Lines), wire.Encode(said)
	return func(t *tx) {
		for _, l := range said.Lines {
			t.do(`UPDATE stock SET reserved = reserved + ? * tracked WHERE product_id = ? AND location = 'main'`).int(l.Quantity).text(l.ProductID).run()
		}
		t.do(`INSERT INTO reservation (order_id, status, lines, expires, at) VALUES (?, 'reserved', ?, ?, ?)`).
			text(said.OrderID).text(string(lines)).int(t.now + hold.Microseconds()).int(t.now).run()
		t.append(e, 0, said.Kind(), fact)
	}
}

// partWithStock: the order is completed, its stock has left.
func partWithStock(e envelope) func(*tx) {
	done := wire.Decode[contract.OrderCompleted](e.body)
	return func(t *tx) {
		t.do(`UPDATE reservation SET status = 'shipped', at = ? WHERE order_id = ?`).int(t.now).text(done.OrderID).run()
		for _, l := range done.Lines {
			m := movement{product: l.ProductID, order: done.OrderID, kind: "shipped", quantity: -l.Quantity}
			s := t.do(`UPDATE stock SET on_hand = on_hand - ?1, reserved = reserved - ?1, moves = moves + 1
				WHERE product_id = ?2 AND location = 'main' AND tracked = 1 RETURNING moves, on_hand`).int(l.Quantity).text(l.ProductID)
			if s.found(func() { m.n, m.balance = s.ColumnInt64(0), s.ColumnInt64(1) }) {
				t.move(m)
			}
		}
	}
}

// wantShipment: the stock is reserved, a parcel is to be sent.
func wantShipment(e envelope) func(*tx) {
	out := wire.Decode[contract.InventoryUpdated](e.body)
	return pack(e, contract.ShipOrder{OrderID: out.OrderID, Lines: out.Lines})
}

// pack wants a label for the parcel of an order.
func pack(e envelope, out contract.ShipOrder) func(*tx) {
	lines := wire.Encode(out.Lines)
	return func(t *tx) {
		t.do(`INSERT INTO shipment (order_id, status, carrier, tracking, lines, created, updated) VALUES (?1, 'wanted', '', '', ?2, ?3, ?3)`).
			text(out.OrderID).text(string(lines)).int(t.now).run()
		t.send(e, job{queue: "shipping_labels", kind: "label", body: wire.Encode(wire.Label{OrderID: out.OrderID, Lines: out.Lines, Wanted: time.UnixMicro(t.now).UTC()})})
	}
}

// ship calls the carrier for a job, which is the platform's own and in this process; what
// it answered is to be stored.
func ship(j envelope) func(*tx) {
	w := wire.Decode[wire.Label](j.body)
	l, err := shipping.Courier{}.Label(context.Background(), shipping.Parcel{Key: w.OrderID, Wanted: w.Wanted, Lines: w.Lines})
	wire.Must(err)
	return func(t *tx) {
		t.do(`UPDATE shipment SET status = 'shipped', carrier = ?2, tracking = ?3, pickup = ?4, moves = ?5, shipped = ?6, updated = ?6 WHERE order_id = ?1`).
			text(w.OrderID).text(l.Carrier).text(l.Tracking).int(l.Pickup.UnixMicro()).int(l.Next.UnixMicro()).int(t.now).run()
		t.say(j, 0, contract.OrderShipped{OrderID: w.OrderID, Carrier: l.Carrier, TrackingNumber: l.Tracking})
	}
}
