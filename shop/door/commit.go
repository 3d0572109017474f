package door

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Commit runs change, which decides on the rows of keys, in one transaction, and returns
// its answer. If the request has an Idempotency-Key, the answer is stored in that
// transaction, and whoever repeats the request within 24 hours gets it, byte for byte,
// without a second change. A twin that comes meanwhile waits. What fails is not stored.
//
// The answer says where in the service's log it was said, as Tidewire-Position. That of a
// repeat may name a later place, which is as good to whoever waits for the first.
//
// As every change, it may run more than once.
func Commit(r *http.Request, db *store.DB, keys []string, change func(*store.Tx) (Answer, error)) (Answer, error) {
	once, err := onceOf(r)
	if err != nil {
		return Answer{}, err
	}
	if once.key != "" {
		keys = append(slices.Clone(keys), once.lock())
	}
	var answer Answer
	var written []store.Position
	_, err = db.Update(r.Context(), keys, func(tx *store.Tx) error {
		var err error
		tx.Then(func() { written = tx.Written() })
		answer, err = once.run(tx, change)
		return err
	})
	if err != nil {
		return answer, err
	}
	if len(written) == 0 {
		written = end(r, db, answer)
	}
	return answer.positioned(db.Service(), written), nil
}

// Settle stores a later answer to a request than Commit did, one that "Prefer: wait" has
// waited for, and returns the one to send: the earlier one, if a twin has got it already.
func Settle(r *http.Request, db *store.DB, later Answer) (Answer, error) {
	once, err := onceOf(r)
	if err != nil || once.key == "" {
		return later, err
	}
	if later, err = later.encoded(); err != nil {
		return later, err
	}
	var answer Answer
	_, err = db.Update(r.Context(), []string{once.lock()}, func(tx *store.Tx) error {
		var err error
		answer, err = once.settle(tx, later)
		return err
	})
	return answer, err
}

// Repeated reports whether Commit has an answer to r already, so that whoever is asked
// before a change need not be. It is a hint: only Commit decides.
func Repeated(r *http.Request, db *store.DB) (repeated bool, err error) {
	once, err := onceOf(r)
	if err != nil || once.key == "" {
		return false, err
	}
	err = db.View(r.Context(), func(tx *store.Tx) (err error) {
		repeated, err = tx.Row([]any{nil}, `SELECT 1 FROM idempotency WHERE caller = $1 AND route = $2 AND key = $3 AND time > $4`,
			once.caller, once.route, once.key, time.Now().Add(-keepKeys))
		return err
	})
	return repeated, err
}

type callerKey struct{}

// WithCaller returns a context whose requests are those of a caller: one caller's
// Idempotency-Key is nothing to another. Without it there is one caller, anybody.
func WithCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}
