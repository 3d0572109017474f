package product

import (
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// An entry is one line of the history of a product's price.
type entry struct {
	N     int64 // 1, 2, 3, …
	Price int64
	At    time.Time
}

func (e *entry) dest() []any { return []any{&e.N, &e.Price, &e.At} }

// priced goes on with the history of p's price. Each entry is later than the one before,
// whatever the clock says.
func priced(tx *store.Tx, p Product) error {
	var last entry
	_, err := tx.Row(last.dest(), `SELECT n, price, at FROM price WHERE product_id = $1 ORDER BY n DESC LIMIT 1`, p.ID)
	if err != nil {
		return err
	}
	at := tx.Now
	if !at.After(last.At) {
		at = last.At.Add(time.Microsecond)
	}
	return write(tx, p.ID, entry{N: last.N + 1, Price: p.Price, At: at})
}

func write(tx *store.Tx, id string, e entry) error {
	return tx.Exec(`INSERT INTO price (product_id, n, price, at) VALUES ($1, $2, $3, $4)`, id, e.N, e.Price, e.At)
}

// history returns the entries behind the after-th, the oldest first: one more than limit
// if there are more.
func history(tx *store.Tx, id string, after int64, limit int) (entries []entry, err error) {
	args := []any{id, after, int64(limit + 1)}
	err = tx.Rows(`SELECT n, price, at FROM price WHERE product_id = $1 AND n > $2 ORDER BY n LIMIT $3`, args, func(scan func(...any) error) error {
		var e entry
		err := scan(e.dest()...)
		entries = append(entries, e)
		return err
	})
	return entries, err
}
