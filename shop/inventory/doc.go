// Package inventory knows what is on the shelves, and takes it for orders that are paid.
//
//	owns       stock, reservations, movements
//	publishes  InventoryUpdated, InventoryUpdateFailed, StockReleased
//	consumes   PaymentProcessed; OrderFailed, OrderCancelled; ProductCreated
//
// What became of the stock for an order:
//
//	PaymentProcessed ──► taken ──── the order ended ──► released: put back
//	       └───────────► refused: not enough of a product, nothing was taken
//	the order ended ───► ended: a tombstone, whatever comes later takes nothing
//
// Promises: nothing is sold that is not there, by a constraint of the database beside the
// decision. An order gets all its lines or none. Stock that was taken for an order that
// ends is put back, once, in whatever order the messages come. Movements sum to stock.
package inventory
