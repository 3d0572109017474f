// Package shipping sends the parcels of orders.
//
//	owns       shipments
//	publishes  OrderShipped, ShipmentRecalled
//	consumes   InventoryUpdated; OrderFailed, OrderCancelled
//
// The life of a shipment:
//
//	InventoryUpdated ──► wanted ── label made ──► shipped ── the order ended ──► recalled
//	                        └─── the order ended ──► ended ── label made after all ──► recalled
//	the order ended ──────────────────────────────► ended: a tombstone, nothing is sent later
//
// Promises: a carrier is asked outside of every transaction, always under the same key for
// the same order, so that asking twice makes one label. What is sent for an order that has
// ended is recalled, in whatever order the messages come.
package shipping
