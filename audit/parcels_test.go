package audit

import (
	"testing"
	"time"
)

const promiseParcel = "every parcel arrives, or comes back"

// parcelPlants are wrongs that are done to parcels.
func parcelPlants() []plant {
	past := time.Now().Add(-time.Minute).UnixMicro()
	parcel := func(change, order string, args ...any) func(*platform) {
		return in("shipping", `UPDATE shipment SET `+change+` WHERE order_id = '`+order+`'`, args...)
	}
	return []plant{
		{name: "parcel without a number", promise: promiseParcel, example: "completed0 is shipped and has no number", do: parcel(`tracking = ''`, "completed0")},
		{name: "parcel that was never sent", promise: promiseParcel, example: "returned is returned and has a number", do: parcel(`shipped = NULL`, "returned")},
		{name: "tombstone with a number", promise: promiseParcel, example: "declined is ended and has a number", do: parcel(`tracking = 'T-x', shipped = created`, "declined")},
		{name: "nobody asks about a parcel", promise: promiseParcel, example: "completed1 is shipped and nobody asks", do: parcel(`moves = NULL`, "completed1")},
		{name: "nobody asks about a recalled parcel", promise: promiseParcel, example: "recalled is recalled and nobody asks", do: parcel(`moves = NULL`, "recalled")},
		{name: "a delivered parcel that moves", promise: promiseParcel, example: "delivered is delivered and is to move", do: parcel(`moves = 1`, "delivered")},
		{name: "delivered at no time", promise: promiseParcel, example: "delivered is delivered, delivered at 0", do: parcel(`delivered = NULL`, "delivered")},
		{name: "delivered and not said so", promise: promiseCause, example: "delivered did not say ShipmentDelivered", do: in("shipping", `DELETE FROM journal WHERE kind = 'ShipmentDelivered'`)},
		{name: "delivered twice", promise: promiseCause, example: "said ShipmentDelivered of delivered 2 times", do: func(p *platform) {
			p.say("shipping", "ShipmentDelivered", "delivered", 0, map[string]any{"trackingNumber": "T-delivered"})
		}},
		{name: "said to be delivered and on its way", promise: promiseCause, example: "said ShipmentDelivered of completed0 and does not know it", do: func(p *platform) {
			p.say("shipping", "ShipmentDelivered", "completed0", 0, map[string]any{"trackingNumber": "T-completed0"})
		}},
		{name: "said to be delivered and never was", promise: promiseParcel, example: "recalled was said to be delivered and was not", do: func(p *platform) {
			p.say("shipping", "ShipmentDelivered", "recalled", 0, map[string]any{"trackingNumber": "T-recalled"})
		}},
		{name: "delivered under another number", promise: promiseParcel, example: "delivered was said to be delivered under T-delivered, its parcel is T-x", do: parcel(`tracking = 'T-x'`, "delivered")},
		{name: "returned at no time", promise: promiseParcel, example: "returned is returned, delivered at 0, returned at 0", do: parcel(`returned = NULL`, "returned")},
		{name: "recalled by nobody", promise: promiseParcel, example: "recalled is recalled and was not stopped", do: parcel(`stopped = NULL`, "recalled")},
		{name: "recalled for no reason", promise: promiseParcel, example: "completed0 is recalled and its order has not ended", do: parcel(`status = 'recalled', stopped = updated`, "completed0")},
		{name: "moved and never sent", promise: promiseParcel, example: "short moved and was never sent", do: parcel(`in_transit = 1`, "short")},
		{name: "picked up before it was sent", promise: promiseParcel, example: "completed0 did not go", do: parcel(`picked_up = shipped - 1`, "completed0")},
		{name: "delivered before it was on its way", promise: promiseParcel, example: "delivered did not go", do: parcel(`in_transit = delivered + 1`, "delivered")},
		{name: "an order with a parcel that has not arrived", promise: promiseParcel, example: "completed0 has a parcel that is delivered, shipping has one that is shipped", do: in("order", `UPDATE orders SET shipment_status = 'delivered' WHERE id = 'completed0'`)},
		{name: "a delivery that the order does not know", promise: promiseEffect, example: "ShipmentDelivered of shipping delivered was passed by order", do: in("order", `UPDATE orders SET shipment_status = 'shipped' WHERE id = 'delivered'`)},
		{name: "completed and called back", promise: promiseShipment, example: "completed0 is completed and its shipment is recalled", do: parcel(`status = 'recalled'`, "completed0")},
		{name: "cancelled and delivered", promise: promiseShipment, example: "recalled is cancelled and its shipment is delivered", do: parcel(`status = 'delivered'`, "recalled")},
		{name: "parcel stands still", promise: promiseStuck, example: "completed0 was to move", do: parcel(`moves = $1`, "completed0", past)},
	}
}

// A platform that was stopped is late with nothing: its parcels were in time as long as it
// lived. Nor is it left to do something because parcels are on their way.
func TestParcelsOfAStoppedPlatform(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		p := filled(t)
		stopped := time.Now().Add(-time.Hour)
		p.exec("shipping", `UPDATE member SET until = $1`, stopped.UnixMicro())
		p.exec("shipping", `UPDATE shipment SET moves = $1 WHERE moves IS NOT NULL`, stopped.Add(time.Minute).UnixMicro())
		p.job("shipping", "shipping_tracking", "track", "tracking", time.Minute-time.Hour)
		r, err := Run(t.Context(), Options{Data: p.dir, Database: p.url, Final: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Checks {
			switch {
			case c.Promise == promiseQuiet:
				for _, e := range c.found {
					if e == "shipping has something to do for tracking" {
						t.Error(e)
					}
				}
			case c.Violations != 0:
				t.Errorf("%s: %q", c.Promise, c.Examples)
			}
		}
	})
}
