// Package shipping sends the parcels of orders, and follows them until they arrive.
//
//	owns       shipments
//	publishes  OrderShipped, ShipmentDelivered, ShipmentRecalled
//	consumes   InventoryUpdated; OrderFailed, OrderCancelled
//	is asked   ShipOrder
//
// The life of a shipment:
//
//	its turn ──► wanted ── label made ──► shipped ── its carrier says so ──► delivered
//	                │                        └─── the order ended ───┬────────────┘
//	                │                                                ▼
//	                │                                            recalled ──► returned
//	                └─── the order ended ──► ended ── label made after all ──► recalled
//	the order ended ──────────────────────► ended: a tombstone, nothing is sent later
//
// It is shipping's turn once InventoryUpdated where nobody conducts (choreographed), else
// when ShipOrder says so: that is answered with OrderShipped as often as it comes, unless the
// order has ended.
//
// On its way, a parcel is picked_up, in_transit and out_for_delivery: these are events of a
// shipment, each with the carrier's time, and no states of it.
//
// Promises: a carrier is asked outside of every transaction, always under the same key for
// the same order, so that asking twice makes one label. What is sent for an order that has
// ended is recalled, in whatever order the messages come. A label is drawn when it is
// wanted, from what is stored, and comes out the same.
//
// Nothing of this costs an order more than a column: the parcels that move are found by an
// index on when they do, and one piece of work asks about all of them. Run makes sure that
// it is there, whoever crashed; what is overdue is measured as tidewire.shipping.overdue.
package shipping
