package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/tidewire/tidewire/toolkit/store"
)

// errLost: the COMMIT may have arrived.
var errLost = errors.New("the answer to a commit was lost")

// commit sends what is queued, with the COMMIT, and returns what became of it.
func (c *conn) commit() error {
	if !c.timer.Stop() {
		return store.ErrRevoked
	}
	err := c.sendCommit()
	if !errors.Is(err, errLost) {
		return err
	}
	c.end(errEnded) // its connection is gone, and its place is another's
	return c.outcome(err)
}

func (c *conn) sendCommit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	batch, later := c.flush()
	batch.Queue("COMMIT")
	ctx, cancel := context.WithTimeout(c.ctx, answerTime)
	defer cancel()
	results := c.pooled.SendBatch(ctx, batch)
	defer results.Close() // once the answer is here: whatever this says, it is committed
	last := batch.Len() - 1
	query, err := c.take(results, batch.QueuedQueries[:last], later)
	var tag pgconn.CommandTag
	if err == nil {
		query = "COMMIT"
		tag, err = results.Exec()
	}
	switch {
	case err != nil && decided(err):
		return c.fail(results, query, err)
	case err != nil:
		return fmt.Errorf("%w: %w", errLost, err)
	case tag.String() != "COMMIT":
		return errors.New("postgres: the server rolled back what was to be committed")
	case errOf(later) != nil:
		return fmt.Errorf("%w: it was committed, but %w", store.ErrUnknown, errOf(later))
	}
	return nil
}

// decided reports whether err, before the answer to a COMMIT, proves that nothing was
// committed.
func decided(err error) bool {
	var pg *pgconn.PgError
	return unsendable(err) || errors.As(err, &pg) && !final(pg)
}

// outcome finds out what became of a change whose answer was lost: nil if it is
// committed, ErrUnavailable if it is undone.
func (c *conn) outcome(cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), answerTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := c.ask(ctx)
		switch {
		case err == nil && status == committed:
			return nil
		case err == nil && status == undone:
			return fmt.Errorf("%w: %w", store.ErrUnavailable, cause)
		case err == nil && status == lostForGood:
			return fmt.Errorf("%w: %w", store.ErrUnknown, cause)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", store.ErrUnknown, cause)
		}
	}
}

type status int

const (
	running status = iota
	committed
	undone
	lostForGood
)

// ask asks once. In the same life of the server a transaction's number says all. In
// another life, numbers that were not on disk have been given out again: a committed
// one may be somebody else's, and then only a row of the change itself can tell.
func (c *conn) ask(ctx context.Context) (status, error) {
	pooled, err := c.d.server.pool.Acquire(ctx)
	if err != nil {
		return running, err
	}
	defer pooled.Release()
	var lives string
	var word *string
	batch := &pgx.Batch{}
	c.d.server.lived(batch, pooled.Conn(), &lives)
	batch.Queue(`SELECT pg_xact_status($1::text::xid8)`, c.xid).QueryRow(func(row pgx.Row) error { return row.Scan(&word) })
	err = pooled.SendBatch(ctx, batch).Close()
	same := lives == c.lives
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "22023" && !same: // a number still to be drawn
		return undone, nil
	case err != nil:
		return running, err
	case word == nil: // too long ago
		return lostForGood, nil
	case *word == "committed" && same:
		return committed, nil
	case *word == "committed":
		return c.recognize(ctx, pooled.Conn())
	case *word == "aborted":
		return undone, nil
	case !same: // still running: in this life, or one that was only taken for another
		return running, nil
	}
	_, err = pooled.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid::text = $1::text`, shortXid(c.xid))
	return running, err
}

// recognize looks for the row that the change said.
func (c *conn) recognize(ctx context.Context, conn *pgx.Conn) (status, error) {
	if c.said.id == "" {
		return lostForGood, nil
	}
	var there bool
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+c.d.table("journal")+` WHERE partition = $1 AND seq >= $2 AND id = $3)`,
		c.said.partition, c.seq, c.said.id).Scan(&there)
	switch {
	case err != nil:
		return running, err
	case there:
		return committed, nil
	}
	return undone, nil
}

// shortXid is a number as the list of sessions shows it, without its epoch.
func shortXid(xid string) string {
	var n uint64
	if _, err := fmt.Sscan(xid, &n); err != nil {
		return ""
	}
	return fmt.Sprint(uint32(n))
}
