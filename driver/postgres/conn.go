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
	lives   string // the life of the server in which it began
	seq     int64  // of the journal's last row before it
	leave   func() // gives up the place in the gate
	// ctx ends what runs, at the end of the time of the change. It is not the caller's.
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer

	mu     sync.Mutex
	pooled *pgxpool.Conn
	queued *pgx.Batch
	later  []asked // what will have answers when queued is sent
	inRow  bool    // the rows of a query are being read
	failed error   // the transaction is aborted
	ended  error   // the change may not use it any more
	said   mark    // a row of the journal, by which the commit can be recognized
}

// A mark is a row of the journal.
type mark struct {
	partition int
	id        string
}

var (
	_ store.Conn     = (*conn)(nil)
	_ store.Together = (*conn)(nil)
)

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
		return c.send()
	}
	return nil
}

func (c *conn) Query(query string, args []any, row func(scan func(dest ...any) error) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.queue(query, args); err != nil {
		return err
	}
	q := &store.Question{Row: row}
	if err := c.send(asked{q, c.queued.Len() - 1}); err != nil {
		return err
	}
	return q.Err
}

// Ask sends all questions at once.
func (c *conn) Ask(questions []*store.Question) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	var all []asked
	for _, q := range questions {
		if q.Next != nil {
			q.Query, q.Row = drawNext, func(scan func(...any) error) error { return scan(q.Next) }
		}
		if q.Err = c.queue(q.Query, q.Args); q.Err == nil {
			all = append(all, asked{q, c.queued.Len() - 1})
		}
	}
	err := c.send(all...)
	var unsent pgx.ErrPreprocessingBatch
	if errors.As(err, &unsent) { // nothing was sent, and only the text says which one it is
		for _, q := range questions {
			if c.d.text(q.Query) == unsent.SQL() {
				q.Err = err
			}
		}
	}
	return err
}

// Lock waits for more locks before the next statement that is sent.
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
	return nil
}

const drawNext = `SELECT nextval('journal_seq')`

func (c *conn) Next() (n int64, err error) {
	if c.reading {
		return 0, errViewed
	}
	err = c.Query(drawNext, nil, func(scan func(...any) error) error { return scan(&n) })
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

// asked is a question and the place of its statement in what is queued.
type asked struct {
	*store.Question
	place int
}

// send sends what is queued, and reads the answers. An error of the server aborts the
// transaction; one of a Row does not.
func (c *conn) send(questions ...asked) error {
	batch, later := c.flush()
	if batch.Len() == 0 {
		return nil
	}
	results := c.pooled.SendBatch(c.ctx, batch)
	query, err := c.take(results, batch.QueuedQueries, append(later, questions...))
	if c.ended != nil {
		return c.ended // whoever ended it has closed the connection
	}
	if err == nil {
		err = results.Close()
	}
	if err != nil {
		return c.fail(results, query, err)
	}
	c.failed = errOf(later)
	return c.failed
}

// flush returns what is queued, and begins anew.
func (c *conn) flush() (batch *pgx.Batch, later []asked) {
	batch, later = c.queued, c.later
	c.queued, c.later = &pgx.Batch{}, nil
	return batch, later
}

// take reads what came of statements, with the answers to questions, which stand in the
// order of their places. It returns the statement that failed, and why.
func (c *conn) take(results pgx.BatchResults, statements []*pgx.QueuedQuery, questions []asked) (query string, err error) {
	for place, q := range statements {
		if len(questions) > 0 && questions[0].place == place {
			err = c.read(results, questions[0].Question)
			questions = questions[1:]
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			return q.SQL, err
		}
	}
	return "", nil
}

// errOf returns the first error of answers.
func errOf(answered []asked) error {
	for _, a := range answered {
		if a.Err != nil {
			return a.Err
		}
	}
	return nil
}

// read reads the answer to a question. Its error is the server's.
func (c *conn) read(results pgx.BatchResults, q *store.Question) error {
	rows, err := results.Query()
	if err == nil {
		for q.Row != nil && q.Err == nil && c.ended == nil && rows.Next() {
			q.Err = c.call(rows, q.Row)
		}
		if c.ended != nil {
			return c.ended
		}
		rows.Close()
		err = rows.Err()
	}
	if err != nil {
		q.Err = err
	}
	return err
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
	case c.ctx.Err() != nil && c.reading:
		c.failed = context.Cause(c.ctx)
	case c.ctx.Err() != nil:
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
