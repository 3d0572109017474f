// Package journal keeps a service's journal from growing for ever.
//
// Facts, public and internal, are history and are never deleted. Commands and audit rows
// go when they are older than the retention, but never before every reader has passed
// them, and never the row that a reader's position names: by it a reader knows that the
// journal is the one it has read.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A Pruner deletes what has passed its retention in the database of one service.
type Pruner struct {
	DB      *store.DB
	Readers []*store.DB   // of every service that reads this journal
	Keep    time.Duration // at least; 30 days
	Every   time.Duration // between two looks; 1h
}

const chunk = 1000 // rows in one commit

// Run prunes now and then until ctx is done.
func (p Pruner) Run(ctx context.Context) error {
	if p.Every == 0 {
		p.Every = time.Hour
	}
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	for {
		if n, err := p.Prune(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("what has passed its retention could not be deleted, and is tried again", "service", p.DB.Service(), "error", err)
		} else if n > 0 {
			slog.Info("deleted what has passed its retention", "service", p.DB.Service(), "rows", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Prune deletes what has passed its retention, in commits of at most a thousand rows,
// and returns how many rows those were.
func (p Pruner) Prune(ctx context.Context) (deleted int, err error) {
	read, err := p.read(ctx)
	if err != nil {
		return 0, err
	}
	for partition, upTo := range read {
		n, err := p.repeat(ctx, `DELETE FROM journal WHERE (partition, seq) IN (SELECT partition, seq FROM journal
			WHERE class IN ('command', 'audit') AND time < $1 AND partition = $2 AND seq < $3
				AND seq < (SELECT max(seq) FROM journal) LIMIT $4) RETURNING seq`, 1, partition, upTo)
		deleted += n
		if err != nil {
			return deleted, err
		}
	}
	keys, err1 := p.repeat(ctx, `DELETE FROM idempotency WHERE (caller, route, key) IN (SELECT caller, route, key FROM idempotency WHERE time < $1 LIMIT $2) RETURNING key`, 1)
	marks, err2 := p.repeat(ctx, `DELETE FROM inbox WHERE (source, id) IN (SELECT source, id FROM inbox WHERE time < $1 LIMIT $2) RETURNING id`, 2)
	return deleted + keys + marks, errors.Join(err1, err2)
}

// repeat runs a DELETE of at most chunk rows until there is nothing left to delete. Its
// first parameter is the time before which rows go, keeps retentions ago; its last the
// chunk.
func (p Pruner) repeat(ctx context.Context, query string, keeps time.Duration, args ...any) (deleted int, err error) {
	for n := chunk; n == chunk; deleted += n {
		_, err := p.DB.Background().Update(ctx, nil, func(tx *store.Tx) error {
			n = 0
			all := append(append([]any{tx.Now.Add(-keeps * p.keep())}, args...), chunk)
			return tx.Rows(query, all, func(func(...any) error) error { n++; return nil })
		})
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// keep is how long rows stay. An idempotency key is promised a day.
func (p Pruner) keep() time.Duration {
	if p.Keep == 0 {
		return 30 * 24 * time.Hour
	}
	return max(p.Keep, 24*time.Hour)
}

// read returns, for each partition, the lowest position of any reader. A reader that
// has none yet has read nothing.
func (p Pruner) read(ctx context.Context) (read [store.Partitions]int64, err error) {
	for i := range read {
		read[i] = math.MaxInt64
	}
	for _, db := range p.Readers {
		rows := 0
		err := db.View(ctx, func(tx *store.Tx) error {
			rows = 0
			return tx.Rows(`SELECT partition, seq FROM position WHERE log = $1`, []any{p.DB.Service()}, func(scan func(...any) error) error {
				var partition int
				var seq int64
				err := scan(&partition, &seq)
				rows++
				read[partition] = min(read[partition], seq)
				return err
			})
		})
		if err != nil {
			return read, fmt.Errorf("positions of %s: %w", db.Service(), err)
		}
		if rows < store.Partitions {
			clear(read[:])
		}
	}
	return read, nil
}
