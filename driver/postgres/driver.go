package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Driver is a store.Driver on one schema. Other processes may have it open too.
type Driver struct {
	server *Server
	owned  bool // Close closes the server
	schema string
	fence  fence
	closed atomic.Bool
	known  atomic.Pointer[string] // see identity
}

var (
	_ store.Driver = (*Driver)(nil)
	_ store.Teller = (*Driver)(nil)
)

// Open connects to the server at url, as Connect does, and opens a schema on it, as
// Server.Open does. Closing the Driver closes the connections.
func Open(ctx context.Context, url, schema string, migrations fs.FS) (*Driver, error) {
	s, err := Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	d, err := s.Open(ctx, schema, migrations)
	if err != nil {
		s.Close()
		return nil, err
	}
	d.owned = true
	return d, nil
}

func newDriver(s *Server, schema string) *Driver {
	d := &Driver{server: s, schema: schema}
	d.fence.sequence = d.table("journal_seq")
	return d
}

// SkipLocked is what a queue adds to the query that finds what it hands out: two
// workers look at once, and neither waits for the other's rows.
func (d *Driver) SkipLocked() string { return " FOR UPDATE SKIP LOCKED" }

// Close refuses later changes. It ends the connections, if Open made them, once the
// changes that have begun are done.
func (d *Driver) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.server.hints.forget(d.schema, d)
	if d.owned {
		d.server.Close()
	}
	return nil
}

var (
	errClosed = fmt.Errorf("%w: it is closed", store.ErrUnavailable)
	errSilent = fmt.Errorf("%w: it does not answer in time", store.ErrUnavailable)
)

// acquire waits for a connection.
func (d *Driver) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if d.closed.Load() {
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
	defer cancel()
	pooled, err := d.server.pool.Acquire(ctx)
	switch {
	case err == nil:
		return pooled, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, d.server.away(err)
}

// text is a statement as this schema sends it. The comment keeps prepared statements
// apart: one that is used under another search_path is planned anew at each switch.
func (d *Driver) text(query string) string { return "/*" + d.schema + "*/ " + query }

// table is the full name of a table, for statements outside a change.
func (d *Driver) table(name string) string { return pgx.Identifier{d.schema, name}.Sanitize() }

// locks are the numbers of keys, in the one order in which they are taken.
func (d *Driver) locks(keys []string) []int64 {
	numbers := make([]int64, len(keys))
	for i, key := range keys {
		h := fnv.New64a()
		h.Write([]byte(d.schema))
		h.Write([]byte{0})
		h.Write([]byte(key))
		numbers[i] = int64(h.Sum64())
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// A clock is the server's, and never steps back.
type clock struct {
	mu     sync.Mutex
	latest time.Time
}

func (c *clock) at(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.latest) {
		c.latest = t.UTC()
	}
	return c.latest
}
