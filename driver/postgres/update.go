package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	// changeTime is how long a change may run.
	changeTime = time.Second
	// lockTime is how long a change waits for rows and more locks (in ms): short of
	// changeTime, so that a deadlock is run again even where the server takes its
	// default of a second to find it.
	lockTime = "500"
	// answerTime is how long the server has to answer: it ends every statement and every
	// wait for a lock before that. It is also for how long Update tries to find out what
	// became of a COMMIT.
	answerTime = 10 * time.Second
	// tries of a change that got in another's way.
	tries = 6
)

// errStale: the connection was dead, and nothing has begun.
var errStale = errors.New("the connection was lost")

// Update runs c in a transaction of its own.
func (d *Driver) Update(ctx context.Context, c store.Change) error {
	for try := 1; ; try++ {
		err := d.try(ctx, c)
		if err == nil || try == tries || !again(err) {
			return err
		}
		pause(ctx, try)
	}
}

// pause lets the others go first: full jitter, up to 4 ms doubled each time.
func pause(ctx context.Context, try int) {
	t := time.NewTimer(rand.N(2 * time.Millisecond << try))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done(): // the next begin says so
	}
}

// try runs c once.
func (d *Driver) try(ctx context.Context, c store.Change) error {
	leave, err := d.server.gate.enter(ctx, c.Background)
	if err != nil {
		return err
	}
	conn, now, err := d.begin(ctx, c.Keys)
	if err != nil {
		leave()
		return err
	}
	conn.leave = leave
	defer conn.end(errEnded) // undoes it, unless it is committed; after Goexit too
	conn.limit(changeTime)
	err = run(c, conn, now)
	if broken := conn.broken(); broken != nil {
		return broken // whatever Run made of it: nothing can be committed any more
	}
	if err != nil {
		return err
	}
	return conn.commit()
}

// run turns a panic into an error.
func run(c store.Change, conn *conn, now time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", store.ErrPanic, p)
		}
	}()
	return c.Run(conn, now)
}

const (
	beginChange = `BEGIN ISOLATION LEVEL READ COMMITTED`
	takeLocks   = `SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k`
	// The number is drawn before any sequence, and the clock read after the locks are
	// held: both are needed for the order of the journal.
	enterSchema = `SELECT set_config('search_path', $1, true), set_config('lock_timeout', '` + lockTime + `', true),
		clock_timestamp(), pg_current_xact_id()::text, last_value FROM `
)

// begin starts a transaction that holds the locks of keys, in one round trip. What
// fails here is undone.
func (d *Driver) begin(ctx context.Context, keys []string) (*conn, time.Time, error) {
	pooled, err := d.acquire(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	c := d.newConn(context.WithoutCancel(ctx), pooled)
	batch := &pgx.Batch{}
	batch.Queue(beginChange)
	d.server.limit(batch)
	d.server.lived(batch, pooled.Conn(), &c.lives)
	if len(keys) > 0 {
		batch.Queue(takeLocks, d.locks(keys))
	}
	var now time.Time
	batch.Queue(enterSchema+d.fence.sequence, pgx.Identifier{d.schema}.Sanitize()).QueryRow(func(row pgx.Row) error {
		return row.Scan(nil, nil, &now, &c.xid, &c.seq)
	})
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
	defer cancel()
	if err := pooled.SendBatch(ctx, batch).Close(); err != nil {
		lost := pooled.Conn().IsClosed()
		c.end(errEnded)
		return nil, now, fmt.Errorf("begin: %w", d.server.fault(ctx, err, lost))
	}
	return c, d.server.now.at(now), nil
}

// fault explains an error outside a change. One dead connection means that the others
// in the pool are probably dead too.
func (s *Server) fault(ctx context.Context, err error, lost bool) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case lost:
		s.pool.Reset()
		return explain(fmt.Errorf("%w: %w", errStale, err), true)
	}
	return explain(err, false)
}
