package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Errors that callers branch on.
var (
	// ErrParked: messages of the log wait in the subscription's database. What would come
	// again could not be told from what waits behind them.
	ErrParked = errors.New("messages are parked: redrive or discard them first")
	// ErrStopped: the position is one of another log.
	ErrStopped = errors.New("the partition is stopped")
)

// A Rewound partition is read again from behind To on; it had been read to Was.
type Rewound struct{ Was, To store.Position }

// Rewind has the service of db read a log again from behind positions on, so that its
// handlers get the messages once more. It never passes one by: a partition that has not
// been read so far stays where it is, and is not returned. Whoever owns a partition loses it
// and takes it anew, from there: nothing of a batch that it has in hand is stored.
//
// record, which may be nil, runs in the same transaction.
func Rewind(ctx context.Context, db *store.DB, log string, to []store.Position, record func(*store.Tx, []Rewound) error) (all []Rewound, err error) {
	_, err = db.Update(ctx, nil, func(tx *store.Tx) error {
		all = nil
		for _, p := range to {
			r, back, err := rewind(tx, db.Service(), log, p)
			if err != nil {
				return err
			}
			if back {
				all = append(all, r)
			}
		}
		if record == nil || len(all) == 0 {
			return nil
		}
		return record(tx, all)
	})
	if err == nil {
		db.Hint(rewound(log))
	}
	return all, err
}

// rewound is the topic of hints that positions of a log have been set back.
func rewound(log string) string { return "rewound " + log }

// rewind sets one position back. Its row is held first, as by whoever parks a message.
func rewind(tx *store.Tx, subscription, log string, to store.Position) (r Rewound, back bool, err error) {
	r.To, r.Was.Partition = to, to.Partition
	var stopped string
	back, err = tx.Row([]any{&r.Was.Seq, &r.Was.ID, &stopped}, `UPDATE position SET token = token + 1, strikes = 0, careful = 0
		WHERE subscription = $1 AND log = $2 AND partition = $3 AND seq > $4 RETURNING seq, id, stopped`, subscription, log, to.Partition, to.Seq)
	if err != nil || !back {
		return r, false, err
	}
	if stopped != "" {
		return r, false, fmt.Errorf("%w: partition %d: %s", ErrStopped, to.Partition, stopped)
	}
	var parked int64
	if _, err := tx.Row([]any{&parked}, `SELECT count(*) FROM parked WHERE subscription = $1 AND log = $2 AND partition = $3`, subscription, log, to.Partition); err != nil {
		return r, false, err
	}
	if parked > 0 {
		return r, false, fmt.Errorf("%w: %d in partition %d", ErrParked, parked, to.Partition)
	}
	return r, true, tx.Exec(`UPDATE position SET seq = $4, id = $5 WHERE subscription = $1 AND log = $2 AND partition = $3`, subscription, log, to.Partition, to.Seq, to.ID)
}

// Read returns how far the service of db has read each partition of a log; nothing if it
// does not follow that.
func Read(ctx context.Context, db *store.DB, log string) (at []store.Position, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		at = nil
		return tx.Rows(`SELECT partition, seq, id FROM position WHERE subscription = $1 AND log = $2 ORDER BY partition`, []any{db.Service(), log}, func(scan func(...any) error) error {
			var p store.Position
			err := scan(&p.Partition, &p.Seq, &p.ID)
			at = append(at, p)
			return err
		})
	})
	return at, err
}

// Before returns the places in front of number seq of a log, in the partitions of at.
func Before(ctx context.Context, log Log, at []store.Position, seq int64) (places []store.Position, err error) {
	for _, p := range at {
		place := store.Position{Partition: p.Partition, Seq: max(seq-1, 0)}
		if place.ID, err = log.At(ctx, place.Partition, place.Seq); err != nil {
			return nil, err
		}
		places = append(places, place)
	}
	return places, nil
}

// slack is how far the times of a log may be out of order: who commits later can have
// begun before.
const slack = time.Second

// Since returns the places in front of what was said at a time or later, in the partitions
// of at and no further than those: a second before, lest something be left out. It halves
// what is left of a partition until it is there.
func Since(ctx context.Context, log Log, at []store.Position, t time.Time) (places []store.Position, err error) {
	t = t.Add(-slack)
	for _, p := range at {
		low, high := int64(0), p.Seq
		for low < high {
			middle := low + (high-low)/2
			next, err := log.Read(ctx, Query{From: []store.Position{{Partition: p.Partition, Seq: middle}}, Max: 1, Want: func(string) bool { return false }})
			if err != nil {
				return nil, err
			}
			if len(next) == 0 || next[0].Seq > high || !next[0].Time.Before(t) {
				high = middle
			} else {
				low = next[0].Seq
			}
		}
		found, err := Before(ctx, log, []store.Position{p}, low+1)
		if err != nil {
			return nil, err
		}
		places = append(places, found...)
	}
	return places, nil
}
