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

const columns = `order_id, status, carrier, tracking, lines, pickup, moves,
	picked_up, in_transit, out_for_delivery, delivered, returned, shipped, stopped, created`

// load returns the shipment of an order; ErrUnknown, with status none, if there is none.
func load(tx *store.Tx, order string) (s shipment, err error) {
	found := false
	err = tx.Rows(`SELECT `+columns+` FROM shipment WHERE order_id = $1`, []any{order}, func(scan func(...any) error) error {
		found = true
		s, err = scanned(scan)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: order %s", ErrUnknown, order)
	}
	return s, err
}

// moving returns at most most parcels of which there may be something to tell by a time,
// the longest due first.
func moving(tx *store.Tx, until time.Time, most int) (all []shipment, err error) {
	err = tx.Rows(`SELECT `+columns+` FROM shipment WHERE moves <= $1 ORDER BY moves, order_id LIMIT $2`, []any{until, most}, func(scan func(...any) error) error {
		s, err := scanned(scan)
		all = append(all, s)
		return err
	})
	return all, err
}

func scanned(scan func(...any) error) (s shipment, err error) {
	var lines []byte
	w := &s.way
	err = scan(&s.order, (*string)(&s.status), &s.label.Carrier, &s.label.Tracking, &lines, &s.label.Pickup, &s.moves,
		&w[0], &w[1], &w[2], &w[3], &w[4], &s.shipped, &s.stopped, &s.created)
	if err != nil {
		return s, err
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

// save stores what messages change of a shipment.
func save(tx *store.Tx, s shipment) error {
	return tx.Exec(`UPDATE shipment SET status = $2, carrier = $3, tracking = $4, pickup = $5, moves = $6, shipped = $7, stopped = $8, updated = $9
		WHERE order_id = $1`, s.order, string(s.status), s.label.Carrier, s.label.Tracking,
		orNull(s.label.Pickup), orNull(s.moves), orNull(s.shipped), orNull(s.stopped), tx.Now)
}

// advance stores what the carrier's word changes of a shipment.
func advance(tx *store.Tx, s shipment) error {
	return tx.Exec(`UPDATE shipment SET status = $2, moves = $3, picked_up = $4, in_transit = $5, out_for_delivery = $6, delivered = $7, returned = $8, updated = $9
		WHERE order_id = $1`, s.order, string(s.status), orNull(s.moves),
		orNull(s.way[0]), orNull(s.way[1]), orNull(s.way[2]), orNull(s.way[3]), orNull(s.way[4]), tx.Now)
}

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
