package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A conn is a store.Conn: a connection for as long as a change may use it. Its mutex is
// held whenever the connection is used, so that it can be taken away.
type conn struct {
	d       *Driver
	reading bool // a View
	xid     string
	leave   func() // gives up the place in the gate
	// ctx ends what runs, at the end of the time of the change. It is not the caller's.
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer

	mu     sync.Mutex
	pooled *pgxpool.Conn
	queued *pgx.Batch
	inRow  bool  // the rows of a query are being read
	failed error // the transaction is aborted
	ended  error // the change may not use it any more
	said   mark  // the last row of the journal, by which the commit can be recognized
}

// A mark is a row of the journal.
type mark struct {
	partition int
	seq       int64
	id        string
}

var _ store.Conn = (*conn)(nil)

var (
	errEnded  = errors.New("postgres: used after its change ended")
	errInRow  = errors.New("postgres: a row function runs no statement")
	errViewed = errors.New("postgres: a View changes nothing")
)

// queueLimit is how many statements wait at most: a change of any size needs little
// memory.
const queueLimit = 500

func (d *Driver) newConn(ctx context.Context, pooled *pgxpool.Conn) *conn {
	c := &conn{d: d, pooled: pooled, queued: &pgx.Batch{}, leave: func() {}}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// limit revokes the change after a time: a statement that is running is given up with
// its connection, and the locks are free.
func (c *conn) limit(t time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(t, func() {
		c.cancel()
		c.end(store.ErrRevoked)
	})
}

func (c *conn) Exec(query string, args ...any) error {
	if c.reading {
		return errViewed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.queue(query, args); err != nil {
		return err
	}
	if c.queued.Len() >= queueLimit {
		return c.send(nil)
	}
	return nil
}

func (c *conn) Query(query string, args []any, row func(scan func(dest ...any) error) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.queue(query, args); err != nil {
		return err
	}
	return c.send(row)
}

// Lock waits for more locks at once, since whoever locks is about to read.
func (c *conn) Lock(keys ...string) error {
	if c.reading {
		return errViewed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil || len(keys) == 0 {
		return err
	}
	c.queued.Queue(takeLocks, c.d.locks(keys))
	return c.send(nil)
}

func (c *conn) Next() (n int64, err error) {
	if c.reading {
		return 0, errViewed
	}
	err = c.Query(`SELECT nextval('journal_seq')`, nil, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

// usable says why the connection cannot be used. The mutex is held.
func (c *conn) usable() error {
	switch {
	case c.ended != nil:
		return c.ended
	case c.inRow:
		return errInRow
	}
	return c.failed
}

func (c *conn) queue(query string, args []any) error {
	if err := c.usable(); err != nil {
		return err
	}
	encoded, err := encode(args)
	if err != nil {
		return wrap(query, err)
	}
	c.queued.Queue(c.d.text(query), encoded...)
	return nil
}

// send sends what is queued, and calls row for each row of the last statement. An
// error of the server aborts the transaction; one of row does not.
func (c *conn) send(row func(func(...any) error) error) error {
	batch := c.queued
	c.queued = &pgx.Batch{}
	results := c.pooled.SendBatch(c.ctx, batch)
	for _, q := range batch.QueuedQueries[:batch.Len()-1] {
		if _, err := results.Exec(); err != nil {
			return c.fail(results, q.SQL, err)
		}
	}
	last := batch.QueuedQueries[batch.Len()-1].SQL
	rows, err := results.Query()
	if err != nil {
		return c.fail(results, last, err)
	}
	rowErr := c.read(rows, row)
	if c.ended != nil {
		return c.ended // whoever ended it has closed the connection
	}
	rows.Close()
	if err := errors.Join(rows.Err(), results.Close()); err != nil {
		return c.fail(results, last, err)
	}
	return rowErr
}

func (c *conn) read(rows pgx.Rows, row func(func(...any) error) error) error {
	if row == nil {
		return nil
	}
	for rows.Next() {
		if err := c.call(rows, row); err != nil || c.ended != nil {
			return err
		}
	}
	return nil
}

// call calls row without the mutex: a change that hangs there can be revoked.
func (c *conn) call(rows pgx.Rows, row func(func(...any) error) error) error {
	c.inRow = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.inRow = false
	}()
	return row(func(dest ...any) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ended != nil {
			return c.ended
		}
		return scan(rows, dest)
	})
}

// fail remembers the error that has aborted the transaction, the first of results.
func (c *conn) fail(results pgx.BatchResults, query string, err error) error {
	_ = results.Close()
	var unsent pgx.ErrPreprocessingBatch
	if errors.As(err, &unsent) {
		query = unsent.SQL()
	}
	lost := c.pooled.Conn().IsClosed()
	switch {
	case lost && c.ctx.Err() != nil && c.reading:
		c.failed = context.Cause(c.ctx)
	case lost && c.ctx.Err() != nil:
		c.failed = store.ErrRevoked
	case !c.reading && tooLong(err):
		c.failed = fmt.Errorf("%w: %w", store.ErrRevoked, wrap(query, err))
	default:
		c.failed = wrap(query, explain(err, lost && !unsendable(err)))
	}
	return c.failed
}

// unsendable reports whether err is of an argument that does not fit its column. The
// library gives up the connection for it.
func unsendable(err error) bool {
	var unsent pgx.ErrPreprocessingBatch
	return errors.As(err, &unsent) && strings.Contains(unsent.Error(), "(build)")
}

// broken returns why the change cannot be committed.
func (c *conn) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return c.ended
	}
	return c.failed
}

// end takes the connection away for a reason, and undoes what is not committed. It may
// be called again.
func (c *conn) end(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return
	}
	c.ended = reason
	if c.timer != nil {
		c.timer.Stop()
	}
	c.rollback()
	c.cancel()
	c.pooled.Release()
	c.leave()
}

// rollback undoes the transaction, if there is one: in one round trip, or by closing
// the connection, which the server takes as well.
func (c *conn) rollback() {
	raw := c.pooled.Conn()
	if raw.IsClosed() || raw.PgConn().TxStatus() == 'I' && !raw.PgConn().IsBusy() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), changeTime)
	defer cancel()
	if !raw.PgConn().IsBusy() {
		if _, err := raw.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err == nil {
			return
		}
	}
	_ = raw.Close(ctx) // lost or not, the pool drops it
}
