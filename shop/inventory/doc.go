// Package inventory knows what is on the shelves, reserves it for orders, and parts with it
// when they are completed.
//
//	owns       stock, reservations, movements
//	publishes  InventoryUpdated, InventoryUpdateFailed, StockReleased
//	consumes   PaymentProcessed; OrderCreated, OrderCompleted, OrderFailed, OrderCancelled;
//	           ProductCreated, ProductPriceUpdated
//	is asked   ReserveStock, ReleaseStock
//	answers    CheckStock
//
// What became of the stock for an order, by the rules in reservation.go:
//
//	it is wanted ──► reserved ── OrderCompleted ──────────────────► shipped: off the shelf
//	       │             └────── the order ended, or ReleaseStock ─► released: free again
//	       └───────► refused: not enough of a product, nothing was reserved
//	the order ended, or ReleaseStock ──► ended: a tombstone, nothing is reserved later
//
// An order wants its stock as its style says: once PaymentProcessed (choreographed), with
// OrderCreated (parallel), or by ReserveStock (orchestrated). A command is answered as often
// as it comes: by InventoryUpdated, InventoryUpdateFailed, or StockReleased without lines
// where there was nothing to release.
//
// A reservation belongs to its order, and expires later than any deadline of that. Then
// the order service is asked: what it says has ended is settled so, what goes on is kept.
// Nothing is ever freed because time has passed.
//
// A parcel that is recalled moves nothing. Only an order that was not completed has its
// parcel recalled, and its goods were on the books all the time; nobody says when they are
// back on the shelf, and if they are not, an adjustment does.
//
// Promises: nothing is sold that is not there, by a constraint of the database beside the
// decision. An order gets all its lines or none. Stock that was reserved for an order
// leaves or is freed, once, in whatever order the messages come. Movements sum to stock.
package inventory
