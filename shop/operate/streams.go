package operate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A Stream is how far one subscription has read one partition of a log.
type Stream struct {
	Service      string    `json:"service"`
	Subscription string    `json:"subscription"`
	Log          string    `json:"log"`
	Partition    int       `json:"partition"`
	Position     int64     `json:"position"`
	Behind       int64     `json:"behind"` // messages still to be read; -1: it cannot be counted here
	Owner        string    `json:"owner,omitzero"`
	OwnedUntil   time.Time `json:"ownedUntil,omitzero"`
	Strikes      int64     `json:"strikes"`          // owners that were lost without progress
	Stopped      string    `json:"stopped,omitzero"` // why it is not read any more
	ParkedKeys   int64     `json:"parkedKeys"`       // keys that wait for their first message
	Parked       int64     `json:"parked"`           // messages that wait, dead ones included
	Dead         int64     `json:"dead"`
	last         string    // the ID of the message at Position
}

// Where names what the stream is in one line.
func (s Stream) Where() string {
	return fmt.Sprintf("subscription %s, log %s, partition %d", s.Subscription, s.Log, s.Partition)
}

// A streamKey is what a row of the table position is known by.
type streamKey struct {
	subscription, log string
	partition         int
}

// Streams lists every partition of every subscription that was ever read. Positions are
// stored with what is handled, so Behind counts facts that were only passed by as well.
func (d *Desk) Streams(ctx context.Context) ([]Stream, error) {
	var all []Stream
	err := d.each(ctx, func(db *store.DB, tx *store.Tx) error {
		parked, err := parkedOf(tx)
		if err != nil {
			return err
		}
		return tx.Rows(`SELECT subscription, log, partition, seq, id, owner, until, strikes, stopped FROM position
			ORDER BY subscription, log, partition`, nil, func(scan func(...any) error) error {
			var s Stream
			if err := scan(&s.Subscription, &s.Log, &s.Partition, &s.Position, &s.last, &s.Owner, &s.OwnedUntil, &s.Strikes, &s.Stopped); err != nil {
				return err
			}
			if s.Subscription != db.Service() && !slices.Contains(d.Forwards, s.Subscription) {
				return nil // of an engine that is not used now
			}
			p := parked[streamKey{s.Subscription, s.Log, s.Partition}]
			s.Service, s.ParkedKeys, s.Parked, s.Dead = db.Service(), p.ParkedKeys, p.Parked, p.Dead
			all = append(all, s)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Behind = d.behind(ctx, all[i])
	}
	return all, nil
}

// parkedOf counts what is parked, by stream: once for all, not once for each position.
func parkedOf(tx *store.Tx) (map[streamKey]Stream, error) {
	parked := map[streamKey]Stream{}
	err := tx.Rows(`SELECT subscription, log, partition, COUNT(DISTINCT key), COUNT(*), COUNT(CASE WHEN state IN ('dead', 'released') THEN 1 END)
		FROM parked GROUP BY subscription, log, partition`, nil, func(scan func(...any) error) error {
		var k streamKey
		var s Stream
		err := scan(&k.subscription, &k.log, &k.partition, &s.ParkedKeys, &s.Parked, &s.Dead)
		parked[k] = s
		return err
	})
	return parked, err
}

// behind counts what is still to be read. A log that does not answer is no reason to
// show nothing of the others.
func (d *Desk) behind(ctx context.Context, s Stream) int64 {
	log, ok := d.Logs[s.Log]
	if !ok {
		return -1
	}
	n, err := log.Behind(ctx, []store.Position{{Partition: s.Partition, Seq: s.Position}})
	if err != nil {
		return -1
	}
	return n
}
