package shipping

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations make the tables of this service.
func Migrations() fs.FS { return migrations }

// load returns the shipment of an order; ErrUnknown, with status none, if there is none.
func load(tx *store.Tx, order string) (shipment, error) {
	s := shipment{order: order}
	var lines []byte
	found, err := tx.Row([]any{(*string)(&s.status), &s.label.Carrier, &s.label.Tracking, &lines, &s.label.Pickup, &s.shipped, &s.stopped, &s.created},
		`SELECT status, carrier, tracking, lines, pickup, shipped, stopped, created FROM shipment WHERE order_id = $1`, order)
	switch {
	case err != nil:
		return s, err
	case !found:
		return s, fmt.Errorf("%w: order %s", ErrUnknown, order)
	}
	return s, json.Unmarshal(lines, &s.lines)
}

func insert(tx *store.Tx, s shipment) error {
	lines, err := json.Marshal(s.lines)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO shipment (order_id, status, carrier, tracking, lines, stopped, created, updated)
		VALUES ($1, $2, '', '', $3, $4, $5, $5)`, s.order, string(s.status), string(lines), orNull(s.stopped), tx.Now)
}

// save stores what can change of a shipment.
func save(tx *store.Tx, s shipment) error {
	return tx.Exec(`UPDATE shipment SET status = $2, carrier = $3, tracking = $4, pickup = $5, shipped = $6, stopped = $7, updated = $8
		WHERE order_id = $1`, s.order, string(s.status), s.label.Carrier, s.label.Tracking,
		orNull(s.label.Pickup), orNull(s.shipped), orNull(s.stopped), tx.Now)
}

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
