// Package order takes orders and sees each of them through to its end.
//
//	owns       orders: their history, their deadlines, and what customers see of them
//	publishes  OrderCreated, OrderConfirmed, OrderCompleted, OrderFailed, OrderCancelled
//	asks       ReserveStock, ReleaseStock; AuthorizePayment, CapturePayment, VoidPayment;
//	           ShipOrder
//	consumes   PaymentAuthorized, PaymentProcessed, PaymentFailed, PaymentVoided,
//	           PaymentRefunded; InventoryUpdated, InventoryUpdateFailed, StockReleased;
//	           OrderShipped, ShipmentDelivered, ShipmentRecalled
//
// How an order flows is in saga.go where this service conducts, and in flow.go where nobody
// does, each on one page.
//
//	            ┌─────────────► cancelled ◄──┐
//	            │                            │
//	─► pending ─┼─► confirmed ─► completed   │ by the customer, before it is shipped
//	            │       └────────────────────┘
//	            └─► failed: not paid, out of stock, or its deadline passed
//
// An order is the fold of its events, which are in the service's journal with versions.
// The row of an order in table orders is written in the commit that appends them, and
// also keeps what the other services said of the payment and the shipment.
//
// A customer who cancels is answered 202 as long as payment may hold money of his: it has
// some to give back, or it has not yet said how its charge ended. That word comes for every
// order it was asked to charge: captured money goes back and is said to be refunded, a
// charge that was declined or voided has failed. Of an order that it was never asked to
// charge, payment says so when it hears of the cancel: nothing is held, and nothing will be.
//
// Promises: an order that was accepted ends, by its deadline at the latest if it is not
// confirmed by then. One that is confirmed does not fail any more. What ended stays as it
// is, whatever comes late, twice or before its time.
package order
