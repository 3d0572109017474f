// Package simulator is a payment provider to develop and test against: a process of
// its own, with a ledger of its own that outlives every crash of the shop.
//
//	POST /charges            {"key","orderId","amount","currency","method"}
//	POST /authorizations     the same body: the money is held, and not captured yet
//	POST /authorizations/{key}/capture  what is held is captured, or declined: then it is
//	                         held no more; 404 not_found
//	GET  /charges/{key}      what became of a key, of either kind; 404 not_found
//	POST /charges/{key}/void the key will never capture, and holds nothing: voided; or
//	                         captured, if it has
//	POST /refunds            {"key","chargeKey","orderId","amount","currency"}
//	GET  /ledger?cursor=&limit=  holds, charges and refunds behind a cursor, in the order in
//	                         which they were made; each has its cursor, next is absent at
//	                         the end. What became of a hold is a charge of the same key
//	POST /faults             see Faults; what is absent stays as it is; GET shows them
//	GET  /healthz
//
// It promises what a good provider promises. An answer is on disk before it is sent.
// A key moves money once, and the same request gets the same answer; with another
// amount, currency or order it gets 422 mismatch. A voided key refuses later charges
// with 409 voided, even those that were on their way, and so it refuses later captures.
// Amounts are in minor units.
//
// And it misbehaves as the method of payment says. In two steps it comes to the same:
//
//	ok                captured
//	declined          declined, in two steps at the first
//	declined_late     declined, in two steps at the second
//	fails_twice       503 twice for each key, then ok; in two steps at the first
//	unavailable       503 for ever, in two steps at the first
//	timeout_captured  captured, then the connection is cut; a lookup finds it
//	timeout_lost      the connection is cut, nothing is stored; a lookup does not find it; in
//	                  two steps at the first
//	slow              ok, after Options.Slow, which passes once
//
// Every request leaves a row in the table call, the lost ones too.
package simulator
