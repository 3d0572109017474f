package door

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	keepKeys = 24 * time.Hour
	maxKey   = 255
)

// Commit runs change, which decides on the rows of keys, in one transaction, and returns
// its answer. If the request has an Idempotency-Key, the answer is stored in that
// transaction, and whoever repeats the request within 24 hours gets it, byte for byte,
// without a second change. A twin that comes meanwhile waits. What fails is not stored.
//
// As every change, it may run more than once.
func Commit(r *http.Request, db *store.DB, keys []string, change func(*store.Tx) (Answer, error)) (Answer, error) {
	once, err := onceOf(r)
	if err != nil {
		return Answer{}, err
	}
	if once.key != "" {
		keys = append(slices.Clone(keys), "idempotency:"+once.caller+":"+once.route+":"+once.key)
	}
	var answer Answer
	_, err = db.Update(r.Context(), keys, func(tx *store.Tx) error {
		var err error
		answer, err = once.run(tx, change)
		return err
	})
	return answer, err
}

// A once is what makes a request the same as another; without a key it is like no other.
type once struct{ caller, route, key, digest string }

// onceOf reads the Idempotency-Key of r.
func onceOf(r *http.Request) (once, error) {
	values := r.Header["Idempotency-Key"]
	if len(values) == 0 {
		return once{}, nil
	}
	if key := values[0]; len(values) > 1 || !validKey(key) {
		return once{}, BadRequest("", Field{"Idempotency-Key", "must be one header of 1 to 255 printable ASCII characters"}).Cause("bad-idempotency-key")
	}
	text, err := read(r)
	if err != nil {
		return once{}, err
	}
	caller, _ := r.Context().Value(callerKey{}).(string)
	digest := sha256.Sum256(text)
	return once{caller: caller, route: r.Method + " " + r.URL.Path, key: values[0], digest: hex.EncodeToString(digest[:])}, nil
}

func validKey(key string) bool {
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= maxKey
}

// run answers from what is stored, or runs change and stores its answer.
func (o once) run(tx *store.Tx, change func(*store.Tx) (Answer, error)) (Answer, error) {
	if o.key != "" {
		if a, found, err := o.stored(tx); found || err != nil {
			return a, err
		}
	}
	a, err := change(tx)
	if err != nil {
		return Answer{}, err
	}
	if a, err = a.encoded(); err != nil || o.key == "" || a.Status < 200 || a.Status > 299 {
		return a, err
	}
	text, _ := a.Body.(jsontext.Value)
	if text == nil {
		text = jsontext.Value{}
	}
	return a, tx.Exec(`INSERT INTO idempotency (caller, route, key, digest, status, location, body, time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (caller, route, key) DO UPDATE SET digest = excluded.digest, status = excluded.status,
			location = excluded.location, body = excluded.body, time = excluded.time`,
		o.caller, o.route, o.key, o.digest, int64(a.Status), a.Location, []byte(text), tx.Now)
}

// stored returns the answer that was given before, if it is young enough.
func (o once) stored(tx *store.Tx) (a Answer, found bool, err error) {
	var digest string
	var status int64
	var text []byte
	found, err = tx.Row([]any{&digest, &status, &a.Location, &text}, `SELECT digest, status, location, body FROM idempotency
		WHERE caller = $1 AND route = $2 AND key = $3 AND time > $4`, o.caller, o.route, o.key, tx.Now.Add(-keepKeys))
	if !found || err != nil {
		return Answer{}, false, err
	}
	if digest != o.digest {
		return Answer{}, true, Invalid(Field{"Idempotency-Key", "was used with another body"}).Cause("idempotency-key-reused")
	}
	a.Status = int(status)
	if len(text) > 0 {
		a.Body = jsontext.Value(text)
	}
	return a, true, nil
}

type callerKey struct{}

// WithCaller returns a context whose requests are those of a caller: one caller's
// Idempotency-Key is nothing to another. Without it there is one caller, anybody.
func WithCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}
