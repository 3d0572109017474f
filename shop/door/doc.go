// Package door is what every HTTP door shares: strict JSON in, problem documents out,
// idempotency keys, pages, and a server that sheds what it cannot do.
//
//	request ──► Handler (host, limit, trace) ──► Route.Handle
//	              Decode, DecodePatch: strict JSON, or 400 413 415 422
//	              Commit: change and answer in one transaction, once per Idempotency-Key
//	            ──► Answer, or a Problem (RFC 9457)
//
// A Problem that a Route returns is the answer. Any other error is 503 if the database
// is unavailable or time ran out, and 500 without a word about its cause otherwise.
package door
