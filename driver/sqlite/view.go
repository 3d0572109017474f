package sqlite

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"zombiezen.com/go/sqlite"
)

// viewTime is how long a View may last: an open reader keeps the WAL from shrinking.
const viewTime = 5 * time.Second

// A reader is a connection for snapshots. Its interrupt is closed to end a statement.
type reader struct {
	*statements
	interrupt chan struct{}
}

// View runs read on a snapshot, on one of a few connections.
func (d *Driver) View(ctx context.Context, read func(store.Conn) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { d.readers <- r }()
	return r.view(ctx, read)
}

// reader waits for a connection that nobody uses, and opens it if it is the first time.
// A place whose connection cannot be opened stays free: the next View tries again.
func (d *Driver) reader(ctx context.Context) (*reader, error) {
	var r *reader
	select {
	case free, open := <-d.readers:
		if !open {
			return nil, errClosed
		}
		r = free
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if r != nil {
		return r, nil
	}
	c, err := connect(d.path, sqlite.OpenReadOnly|sqlite.OpenWAL, "PRAGMA cache_size=-2000")
	if err != nil {
		d.readers <- nil
		return nil, err
	}
	r = &reader{statements: newStatements(c), interrupt: make(chan struct{})}
	c.SetInterrupt(r.interrupt)
	return r, nil
}

// view runs read in a transaction, which a statement that takes too long ends. The
// connection is given back as good as new: an interrupt that has fired, or may yet fire,
// is waited for and replaced, so that it cannot end the next one's statement.
func (r *reader) view(ctx context.Context, read func(store.Conn) error) (err error) {
	late := time.AfterFunc(viewTime, func() { close(r.interrupt) })
	gone := context.AfterFunc(ctx, func() {
		if late.Stop() {
			close(r.interrupt)
		}
	})
	c := &conn{stmts: r.statements}
	defer func() {
		c.end()
		if !gone() || !late.Stop() { // too late, or about to be
			<-r.interrupt
			r.interrupt = make(chan struct{})
			r.conn.SetInterrupt(r.interrupt)
			if err == nil {
				err = context.DeadlineExceeded
			}
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
		}
		if !r.conn.AutocommitEnabled() {
			_ = r.exec("ROLLBACK") // nothing was written
		}
	}()
	if err := r.exec("BEGIN"); err != nil {
		return explain(err)
	}
	return read(c)
}
