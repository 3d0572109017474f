package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/toolkit/store"
)

// viewTime is how long a View may last: an old snapshot keeps dead rows alive.
const viewTime = 5 * time.Second

const beginView = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`

// View runs read on a snapshot.
func (d *Driver) View(ctx context.Context, read func(store.Conn) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, viewTime, errSilent)
	defer cancel()
	c, err := d.beginView(ctx)
	if err != nil {
		return err
	}
	defer c.end(errEnded)
	// A read that hangs loses its snapshot all the same.
	defer context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })()
	err = read(c)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return c.broken()
}

// beginView is a round trip of its own: a statement that is new to a connection is
// prepared before what is sent with it has run, and so under another search_path.
func (d *Driver) beginView(ctx context.Context) (*conn, error) {
	for try := 1; ; try++ {
		pooled, err := d.acquire(ctx)
		if err != nil {
			return nil, err
		}
		c := d.newConn(ctx, pooled)
		c.reading = true
		batch := &pgx.Batch{}
		batch.Queue(beginView)
		d.server.limit(batch)
		batch.Queue(`LOCK TABLE ` + d.table("exchange") + ` IN ACCESS SHARE MODE`) // before the snapshot: see Seize
		batch.Queue(`SELECT set_config('search_path', $1, true)`, pgx.Identifier{d.schema}.Sanitize())
		if err = pooled.SendBatch(ctx, batch).Close(); err == nil {
			return c, nil
		}
		err = fmt.Errorf("begin: %w", d.server.fault(ctx, err, pooled.Conn().IsClosed()))
		c.end(errEnded)
		if try == tries || !again(err) {
			return nil, err
		}
	}
}
