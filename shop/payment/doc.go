// Package payment takes the money of an order once, and gives it back if the order
// ends without being fulfilled.
//
//	owns       payments, attempts, the ledger, and what the provider's ledger says otherwise
//	publishes  PaymentAuthorized, PaymentProcessed, PaymentFailed, PaymentVoided,
//	           PaymentRefunded
//	consumes   OrderCreated, InventoryUpdateFailed, OrderFailed, OrderCancelled
//	is asked   AuthorizePayment, CapturePayment, VoidPayment
//
// Where nobody conducts (choreographed, parallel) an order is charged once it is created;
// else it asks for its money to be held, and then to be captured. The key is stored before
// the first call and is the same for every try and for both steps, so that the provider
// captures once. An order has one piece of work at a time:
//
//	charge ─► captured ─────────────────────────────► PaymentProcessed
//	       ─► declined ─────────────────────────────► PaymentFailed payment_declined
//	       ─► nothing happened ─► charge, later; after the last try: void
//	       ─► no answer ─► lookup ─► captured, declined
//	                              ─► not found ─► charge, later; after the last try: void
//	void   ─► voided, the key can capture no more ──► PaymentFailed payment_unavailable
//	       ─► captured after all ───────────────────► PaymentProcessed
//
// In two steps, authorize and capture each go as a charge does, with tries of their own. A
// capture of which a lookup says that the money is still held did not arrive: it is asked
// for again. A lookup, a void and a refund are asked until they are answered. The states
// are drawn by rules, in rules.go:
//
//	wanted ─► captured ─► refunding ─► refunded
//	   │  └─► failed
//	   └ the order ends ─► closing ─► failed, or what was captured goes back: refunding
//	authorizing ─► authorized ─► capturing ─► captured, as above
//	   │               │             └──────► failed, as an authorization can
//	   └───────────────┴─────────────┴ called off ─► voiding ─► voided, or refunding
//	an order that ended, or was called off, before it came: ended
//
// A hold moves no money: it is not in our ledger.
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
//	hold_unwanted                     held there for longer than two of these minutes after it
//	                                  was given up here: it is voided
//	hold_unknown                      held there for as long, and not asked for here
package payment
