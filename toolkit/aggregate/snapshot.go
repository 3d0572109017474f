package aggregate

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tidewire/tidewire/toolkit/store"
)

// remembered returns the snapshot of key, unless it is later than until. One that cannot
// be read is none: it is a cache.
func (a Aggregate[S]) remembered(tx *store.Tx, key string, until time.Time) (r Root[S], found bool, err error) {
	r.Key = key
	var body []byte
	found, err = tx.Row([]any{&r.Last.Version, &r.Last.Time, &r.id, &body},
		`SELECT version, time, event, body FROM snapshot WHERE aggregate = $1 AND key = $2 AND format = $3 AND time <= $4`,
		a.Name, key, a.Format, until)
	if err != nil || !found {
		return r, false, err
	}
	return r, r.id != "" && json.Unmarshal(body, &r.State) == nil, nil
}

// remember writes a snapshot. It takes those of older formats away, and leaves a newer
// one: while two binaries run, each has its own, and whichever is left goes on with it.
func (a Aggregate[S]) remember(tx *store.Tx, r *Root[S]) error {
	body, err := json.Marshal(r.State)
	if err != nil {
		return err
	}
	if err := tx.Exec(`DELETE FROM snapshot WHERE aggregate = $1 AND key = $2 AND format < $3`, a.Name, r.Key, a.Format); err != nil {
		return err
	}
	r.since = 0
	return tx.Exec(`INSERT INTO snapshot (aggregate, key, format, version, time, event, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (aggregate, key, format) DO UPDATE SET version = excluded.version, time = excluded.time, event = excluded.event, body = excluded.body`,
		a.Name, r.Key, a.Format, r.Last.Version, r.Last.Time, r.id, body)
}
