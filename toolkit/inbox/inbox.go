// Package inbox remembers which messages were handled, for those that come from where
// no position says so: a queue server that delivers again, a webhook that is repeated.
//
// The mark is a row of the transaction that handles the message, so the two cannot part.
// Marks are kept for twice the retention: whoever delivers later than that is not
// recognised.
package inbox

import "github.com/tidewire/tidewire/toolkit/store"

// Once marks the message with this id from source as handled in tx, and reports whether
// it is for the first time. If not, there is nothing to do, and it may be acknowledged.
// A twin that is being handled elsewhere is waited for.
func Once(tx *store.Tx, source, id string) (first bool, err error) {
	return tx.Row([]any{nil}, `INSERT INTO inbox (source, id, time) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id`, source, id, tx.Now)
}
