package operate

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A Depth is how much stands in one queue.
type Depth struct {
	Service string    `json:"service"`
	Queue   string    `json:"queue"`
	Waiting int64     `json:"waiting"`          // to be handed out, due or not
	Due     int64     `json:"due"`              // of those, now
	Out     int64     `json:"out"`              // with a worker
	Dead    int64     `json:"dead"`             // for an operator
	Oldest  time.Time `json:"oldest,omitzero"`  // since when the longest due one could have been handed out
	Expired int64     `json:"expired"`          // leases that ended without a verdict
	Lost    time.Time `json:"lostAt,omitzero"`  // when the first of those ended
	Next    time.Time `json:"nextDue,omitzero"` // when the next that is not due will be
}

// Depths lists every queue, by service and name; those that are empty too, so that a
// name that was mistyped can be told from one with nothing in it.
func (d *Desk) Depths(ctx context.Context) ([]Depth, error) {
	var all []Depth
	now := time.Now()
	err := d.each(ctx, func(db *store.DB, tx *store.Tx) error {
		own, err := depthsOf(tx, now)
		own = d.withEmpty(db, own)
		slices.SortFunc(own, func(a, b Depth) int { return strings.Compare(a.Queue, b.Queue) })
		for _, q := range own {
			q.Service = db.Service()
			all = append(all, q)
		}
		return err
	})
	return all, err
}

// withEmpty adds those queues of a service that have nothing in them.
func (d *Desk) withEmpty(db *store.DB, own []Depth) []Depth {
	for _, name := range d.Queues[db.Service()] {
		if !slices.ContainsFunc(own, func(q Depth) bool { return q.Queue == name }) {
			own = append(own, Depth{Queue: name})
		}
	}
	return own
}

// depthsOf counts every queue of one database in one pass. While a job is out, its due
// time is the end of its lease.
func depthsOf(tx *store.Tx, now time.Time) ([]Depth, error) {
	var all []Depth
	err := tx.Rows(`SELECT queue,
			COUNT(CASE WHEN dead = 0 AND lease = '' THEN 1 END),
			COUNT(CASE WHEN dead = 0 AND lease = '' AND due <= $1 THEN 1 END),
			COUNT(CASE WHEN dead = 0 AND lease <> '' THEN 1 END),
			COUNT(CASE WHEN dead <> 0 THEN 1 END),
			MIN(CASE WHEN dead = 0 AND lease = '' AND due <= $1 THEN due END),
			COUNT(CASE WHEN dead = 0 AND lease <> '' AND due <= $1 THEN 1 END),
			MIN(CASE WHEN dead = 0 AND lease <> '' AND due <= $1 THEN due END),
			MIN(CASE WHEN dead = 0 AND lease = '' AND due > $1 THEN due END)
		FROM job GROUP BY queue`, []any{now}, func(scan func(...any) error) error {
		var q Depth
		err := scan(&q.Queue, &q.Waiting, &q.Due, &q.Out, &q.Dead, &q.Oldest, &q.Expired, &q.Lost, &q.Next)
		all = append(all, q)
		return err
	})
	return all, err
}
