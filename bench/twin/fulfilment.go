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
		product string
		tracked bool
		onHand  int64
	}
	var all []stock
	s.product.view(func(c *connection) {
		r := c.do(`SELECT id, stock IS NOT NULL, stock FROM product ORDER BY id`)
		r.rows(func() { all = append(all, stock{r.ColumnText(0), r.ColumnInt64(1) == 1, r.ColumnInt64(2)}) })
	})
	s.inventory.update(func(t *tx) {
		for _, p := range all {
			tracked := int64(0)
			if p.tracked {
				tracked = 1
				t.move(p.product, "", "initial", p.onHand)
			}
			t.do(`INSERT INTO stock (product_id, location, tracked, on_hand, reserved) VALUES (?, 'main', ?, ?, 0)`).
				text(p.product).int(tracked).int(p.onHand).run()
		}
	})
}

func (t *tx) move(product, order, kind string, quantity int64) {
	t.do(`INSERT INTO movement (id, product_id, location, order_id, kind, quantity, at) VALUES (?, ?, 'main', ?, ?, ?, ?)`).
		text(order + "-" + kind + "-" + product).text(product).text(order).text(kind).int(quantity).int(t.now).run()
}

// takeStock: the order is paid, its stock goes out.
func takeStock(e envelope) func(*tx) {
	paid := wire.Decode[contract.PaymentProcessed](e.body)
	lines := wire.Encode(paid.Lines)
	fact := wire.Encode(contract.InventoryUpdated{OrderID: paid.OrderID, Style: paid.Style, Lines: paid.Lines})
	return func(t *tx) {
		for _, l := range paid.Lines {
			tracked := false
			s := t.do(`UPDATE stock SET on_hand = on_hand - ? * tracked WHERE product_id = ? AND location = 'main' RETURNING tracked`).int(l.Quantity).text(l.ProductID)
			s.rows(func() { tracked = s.ColumnInt64(0) == 1 })
			if tracked {
				t.move(l.ProductID, paid.OrderID, "taken", -l.Quantity)
			}
		}
		t.do(`INSERT INTO reservation (order_id, status, lines, at) VALUES (?, 'taken', ?, ?)`).text(paid.OrderID).text(string(lines)).int(t.now).run()
		t.append(e, 0, contract.InventoryUpdated{}.Kind(), fact)
	}
}

// wantShipment: the stock is out, a parcel is to be sent.
func wantShipment(e envelope) func(*tx) {
	out := wire.Decode[contract.InventoryUpdated](e.body)
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
		t.do(`UPDATE shipment SET status = 'shipped', carrier = ?2, tracking = ?3, pickup = ?4, shipped = ?5, updated = ?5 WHERE order_id = ?1`).
			text(w.OrderID).text(l.Carrier).text(l.Tracking).int(l.Pickup.UnixMicro()).int(t.now).run()
		t.say(j, 0, contract.OrderShipped{OrderID: w.OrderID, Carrier: l.Carrier, TrackingNumber: l.Tracking})
	}
}
