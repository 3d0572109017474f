package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tidewire/tidewire/toolkit/store"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// copyPages is how much is copied at a time, between two looks at whether to go on.
const copyPages = 256

// A Snapshot is a store.Snapshot: a connection that has begun to read. As long as it is
// open the WAL grows with everything that is committed.
type Snapshot struct {
	path       string
	conn       *sqlite.Conn
	page, size int64 // bytes
}

var (
	_ store.Copier   = (*Driver)(nil)
	_ store.Snapshot = (*Snapshot)(nil)
)

// Snapshot begins a snapshot of the last commit, on a connection of its own.
func (d *Driver) Snapshot(ctx context.Context) (store.Snapshot, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s, err := OpenSnapshot(d.path)
	if err != nil {
		return nil, err // not a nil *Snapshot, which is no nil store.Snapshot
	}
	return s, nil
}

// OpenSnapshot begins a snapshot of the file at path, whoever may be writing it. It is
// for files that no Driver of this process has: those at rest, and another process's.
func OpenSnapshot(path string) (*Snapshot, error) {
	c, err := connect(path, sqlite.OpenReadOnly|sqlite.OpenWAL)
	if err != nil {
		return nil, err
	}
	// BEGIN alone reads nothing, and would leave the moment to the first statement.
	for _, query := range []string{"BEGIN", "SELECT count(*) FROM sqlite_schema"} {
		if err := sqlitex.ExecuteTransient(c, query, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("read %s: %w", path, explain(err)), c.Close())
		}
	}
	s := &Snapshot{path: path, conn: c}
	if err := s.measure(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, explain(err)), c.Close())
	}
	return s, nil
}

func (s *Snapshot) measure() (err error) {
	if s.page, err = sqlitex.ResultInt64(s.conn.Prep("PRAGMA page_size")); err != nil {
		return err
	}
	pages, err := sqlitex.ResultInt64(s.conn.Prep("PRAGMA page_count"))
	s.size = pages * s.page
	return err
}

// Size is what Copy will write, in bytes.
func (s *Snapshot) Size() int64 { return s.size }

// Copy writes the database to a new file, page by page. The file needs no journal of its
// own: until its one fsync it is nobody's database.
func (s *Snapshot) Copy(ctx context.Context, path string, tell func(done int64)) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // it was synced, or is of no use
	if err := s.copy(ctx, path, tell); err != nil {
		return fmt.Errorf("copy %s: %w", s.path, err)
	}
	return f.Sync()
}

func (s *Snapshot) copy(ctx context.Context, path string, tell func(done int64)) (err error) {
	to, err := connect(path, sqlite.OpenReadWrite, "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	b, err := sqlite.NewBackup(to, "main", s.conn, "main")
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for more := true; more; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if more, err = b.Step(copyPages); err != nil {
			return explain(err)
		}
		tell(s.size - int64(b.Remaining())*s.page)
	}
	return nil
}

// Close lets go of the snapshot.
func (s *Snapshot) Close() error { return s.conn.Close() }
