package saga

import (
	"github.com/tidewire/tidewire/toolkit/store"
)

// insert adds an instance, and reports whether it is the first with its id.
func insert(tx *store.Tx, p place) (first bool, err error) {
	return tx.Row([]any{nil}, `INSERT INTO saga (id, saga, state, step, tries, started, since) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO NOTHING RETURNING id`, p.ID, p.Saga, string(p.State), p.Step, p.Tries, p.Started, p.Since)
}

func read(tx *store.Tx, id string) (p place, found bool, err error) {
	p.ID = id
	var state string
	found, err = tx.Row([]any{&p.Saga, &state, &p.Step, &p.Turned, &p.Why, &p.Tries, &p.Started, &p.Since},
		`SELECT saga, state, step, turned, why, tries, started, since FROM saga WHERE id = $1`, id)
	p.State = State(state)
	return p, found, err
}

// update stores where p stands. A state that stays is not written: on SQLite that would
// write the indexes of states anew.
func update(tx *store.Tx, before, p place) error {
	if p.State == before.State {
		return tx.Exec(`UPDATE saga SET step = $2, tries = $3, since = $4 WHERE id = $1`, p.ID, p.Step, p.Tries, p.Since)
	}
	return tx.Exec(`UPDATE saga SET state = $2, step = $3, turned = $4, why = $5, tries = $6, since = $7 WHERE id = $1`,
		p.ID, string(p.State), p.Step, p.Turned, p.Why, p.Tries, p.Since)
}
