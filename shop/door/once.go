package door

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	keepKeys = 24 * time.Hour
	maxKey   = 255
)

// A once is what makes a request the same as another; without a key it is like no other.
type once struct {
	caller, route, key string
	digest             string // of the body
	waits              bool   // for a later answer: the first one is not sent to it
}

// onceOf reads the Idempotency-Key of r. The path counts as it was written: decoded, it
// could be text that a database refuses.
func onceOf(r *http.Request) (once, error) {
	values := r.Header["Idempotency-Key"]
	if len(values) == 0 {
		return once{}, nil
	}
	key := values[0]
	if len(values) > 1 || !validKey(key) {
		f := Field{Field: "Idempotency-Key", Detail: "must be one header of 1 to 255 printable ASCII characters"}
		return once{}, BadRequest("", f).Cause("bad-idempotency-key")
	}
	text, err := read(r)
	if err != nil {
		return once{}, err
	}
	caller, _ := r.Context().Value(callerKey{}).(string)
	digest := sha256.Sum256(text)
	return once{caller: caller, route: r.Method + " " + r.URL.EscapedPath(), key: key,
		digest: hex.EncodeToString(digest[:]), waits: Wait(r) > 0}, nil
}

func validKey(key string) bool {
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= maxKey
}

// lock names the row in which the answer is stored.
func (o once) lock() string { return "idempotency:" + o.caller + ":" + o.route + ":" + o.key }

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
	return a, o.keep(tx, a, !o.waits)
}

// settle stores a later answer, unless the one that is stored was sent to somebody.
func (o once) settle(tx *store.Tx, later Answer) (Answer, error) {
	var status int64
	found, err := tx.Row([]any{&status}, `SELECT status FROM idempotency
		WHERE caller = $1 AND route = $2 AND key = $3`, o.caller, o.route, o.key)
	if err != nil || !found {
		return later, err
	}
	if status < 0 {
		return later, o.keep(tx, later, true)
	}
	a, _, err := o.stored(tx)
	return a, err
}

// keep stores an answer. Its status is negative until it has been sent to somebody:
// from then on it is the answer.
func (o once) keep(tx *store.Tx, a Answer, sent bool) error {
	text, _ := a.Body.(jsontext.Value)
	status := int64(a.Status)
	if !sent {
		status = -status
	}
	return tx.Exec(`INSERT INTO idempotency (caller, route, key, digest, status, location, body, time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (caller, route, key) DO UPDATE SET digest = excluded.digest, status = excluded.status,
			location = excluded.location, body = excluded.body, time = excluded.time`,
		o.caller, o.route, o.key, o.digest, status, a.Location, append([]byte{}, text...), tx.Now)
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
		f := Field{Field: "Idempotency-Key", Detail: "was used with another body"}
		return Answer{}, true, Invalid(f).Cause("idempotency-key-reused")
	}
	if a.Status = int(status); len(text) > 0 {
		a.Body = jsontext.Value(text)
	}
	if status < 0 {
		a.Status = -a.Status
		err = o.keep(tx, a, true)
	}
	return a, true, err
}
