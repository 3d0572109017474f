// Package payment takes the money of an order once, and gives it back if the order
// ends without being fulfilled.
//
//	owns       payments, attempts, the ledger
//	publishes  PaymentProcessed, PaymentFailed, PaymentRefunded
//	consumes   OrderCreated, InventoryUpdateFailed, OrderFailed, OrderCancelled
//
// The key of a charge is stored before the first call and is the same for every try,
// so that the provider captures once. An order has one piece of work at a time:
//
//	charge ─► captured ─────────────────────────────► PaymentProcessed
//	       ─► declined ─────────────────────────────► PaymentFailed payment_declined
//	       ─► nothing happened ─► charge, later; after the last try: void
//	       ─► no answer ─► lookup ─► captured, declined
//	                              ─► not found ─► charge, later; after the last try: void
//	void   ─► voided, the key can capture no more ──► PaymentFailed payment_unavailable
//	       ─► captured after all ───────────────────► PaymentProcessed
//
// A lookup, a void and a refund are asked until they are answered. The states are drawn
// by rules, in payment.go:
//
//	wanted ─► captured ─► refunding ─► refunded
//	   │  └─► failed
//	   └ the order ends ─► closing ─► failed, or what was captured goes back: refunding
//	an order that ended before it came: ended
package payment
