// Package payment takes the money of an order once, and gives it back if the order
// ends without being fulfilled.
//
//	owns       payments, attempts, the ledger, and what the provider's ledger says otherwise
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
//
// The provider is called through a circuit breaker, guard.go. While it is open, a call is
// not made: its job waits, which is no attempt and fails nothing, for as long as it takes.
// An order whose deadline passes meanwhile is voided and not charged, once that can be.
//
// The provider's ledger is compared with ours every minute, from where the last round
// ended, and once a week from the beginning. Entries that are younger than a minute are
// left for later, and so is money of which an answer is still to come:
//
//	entry ─► both say the same ─► nothing is stored
//	      ─► they differ ─► in doubt ─► looked at again at the end of each round
//	in doubt ─► they agree ─► forgotten
//	         ─► they differ and nobody waits for an answer ─► open, and doctor shows it
//	open ─► they agree ─► resolved
//
//	capture_missing, refund_missing   booked here, and not in the provider's ledger
//	capture_unknown, refund_unknown   in the provider's ledger, and not booked here
//	capture_differs, refund_differs   another amount, currency or reference
//	capture_unwanted                  captured there, and failed or ended here: it is looked
//	                                  up under its own key, booked, and goes back
package payment
