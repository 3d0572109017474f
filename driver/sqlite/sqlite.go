// Package sqlite keeps a service's database in one SQLite file.
//
// Every commit is fsynced (WAL, synchronous=FULL). There is one writer: changes that
// arrive together share one transaction and so one fsync, each in a savepoint of its
// own (see writer.go). Readers see snapshots and never wait for the writer.
//
// Known faults of SQLite that shape this package: a statement that is interrupted
// rolls back everybody in the transaction; $2 before $1 is bound by appearance; an open
// reader keeps the WAL from shrinking; a failed fsync must never be repeated.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// ErrInUse: another process has the file open.
var ErrInUse = errors.New("in use by another process")

// oldest is the first SQLite without the WAL-reset race, which corrupts
// (https://sqlite.org/wal.html#walresetbug).
const oldest = 3_051_003

// readers is how many snapshots can be open at a time.
const readers = 4

// A Driver is a store.Driver on one file. No other process can have it open.
type Driver struct {
	path    string
	lock    *os.File
	clock   clock
	writer  *writer
	settled atomic.Int64
	tails   tails
	recent  recent
	readers chan *reader // nil: a connection still to be opened
	closing sync.Once
}

var (
	_ store.Driver = (*Driver)(nil)
	_ store.Alone  = (*Driver)(nil)

	_ store.Grouping = (*Driver)(nil)
)

// Open opens or creates the file at path, with the toolkit's tables and those of
// migrations (goose's format; nil for none). It refuses a file that a newer binary has
// migrated, that is damaged, or that is in use (ErrInUse).
func Open(ctx context.Context, path string, migrations fs.FS) (*Driver, error) {
	lock, err := lockFile(path + "-lock")
	if err != nil {
		return nil, err
	}
	d := &Driver{path: path, lock: lock, readers: make(chan *reader, readers)}
	if err := d.open(ctx, migrations); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// open reads where the journal ends before the writer starts: numbers and times go on
// behind it.
func (d *Driver) open(ctx context.Context, migrations fs.FS) error {
	if err := migrate(ctx, d.path, migrations); err != nil {
		return err
	}
	c, err := connect(d.path, sqlite.OpenReadWrite|sqlite.OpenWAL,
		"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA wal_autocheckpoint=4000", "PRAGMA cache_size=-16000")
	if err != nil {
		return err
	}
	if err := checkVersion(c); err != nil {
		return errors.Join(err, c.Close())
	}
	seq, latest, err := d.tails.open(c)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	d.clock = startClock(latest)
	d.settled.Store(seq)
	d.recent.begin = seq
	d.writer = startWriter(c, d, seq)
	for range readers {
		d.readers <- nil
	}
	return nil
}

// connect opens a connection. A PRAGMA holds for one connection only. Sorting and
// statement journals stay in memory: a full disk or an unwritable temporary folder must
// not fail what needs no space of its own.
func connect(path string, flags sqlite.OpenFlags, pragmas ...string) (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(err))
	}
	c.SetBusyTimeout(5 * time.Second)
	for _, p := range append(pragmas, "PRAGMA temp_store=MEMORY") {
		if err := sqlitex.ExecuteTransient(c, p, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %s: %w", path, p, explain(err)), c.Close())
		}
	}
	return c, nil
}

// checkVersion refuses an engine that a change of dependencies could bring back.
func checkVersion(c *sqlite.Conn) error {
	return sqlitex.ExecuteTransient(c, "SELECT sqlite_version()", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		var major, minor, patch int
		if _, err := fmt.Sscanf(s.ColumnText(0), "%d.%d.%d", &major, &minor, &patch); err != nil {
			return err
		}
		if v := major*1_000_000 + minor*1_000 + patch; v < oldest {
			return fmt.Errorf("SQLite %s is older than 3.51.3 and can corrupt a WAL database", s.ColumnText(0))
		}
		return nil
	}})
}

// Alone is true: the file is locked.
func (d *Driver) Alone() bool { return true }

// Settled returns the last sequence of the last commit: later ones are still to be
// drawn.
func (d *Driver) Settled(context.Context) (int64, error) { return d.settled.Load(), nil }

// Close waits for the changes that have begun and the Views that are open, and lets go
// of the file last: whoever gets the lock finds everything on disk.
func (d *Driver) Close() (err error) {
	d.closing.Do(func() {
		d.writer.close()
		for range readers {
			if c := <-d.readers; c != nil {
				err = errors.Join(err, c.conn.Close())
			}
		}
		close(d.readers)
		// The last to close moves the WAL into the file, if it may write: a file that is put
		// in this one's place must not find the WAL of another.
		err = errors.Join(err, d.writer.stmts.conn.Close(), d.lock.Close())
	})
	return err
}

// lockFile takes the lock that makes this process the only one. It is a file beside the
// database: POSIX locks, which SQLite takes, are lost with the first descriptor of a file
// that a process closes, and two engines open this one. The kernel lets go of it however
// the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrInUse), f.Close())
	}
	return f, nil
}

// A clock begins at the wall clock and then keeps to monotonic time: a step of the
// machine's clock does not reach it.
type clock struct {
	began time.Time
	ahead time.Duration // of the wall clock, where the journal was
}

// startClock returns a clock that is not behind latest: what is said next is later than
// what was said before the machine's clock was set back.
func startClock(latest time.Time) clock {
	began := time.Now()
	return clock{began: began, ahead: max(0, latest.Sub(began.Round(0)))}
}

func (c clock) now() time.Time {
	return c.began.Add(time.Since(c.began) + c.ahead).Round(0).Truncate(time.Microsecond).UTC()
}

// explain turns SQLite's error into one that callers branch on. A full disk and a file
// that is gone are the database's fault and may pass; a constraint is the change's own.
func explain(err error) error {
	switch code(err).ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultCantOpen, sqlite.ResultReadOnly, sqlite.ResultBusy, sqlite.ResultNoMem:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("the file is damaged or not a database; restore it from a backup: %w: %w", store.ErrUnavailable, err)
	}
	return err
}

// code is SQLite's, from either of the two packages that call it here: a file that is
// damaged is most often met by the migrations, which run first.
func code(err error) sqlite.ResultCode {
	var migrating interface{ Code() int } // as the one behind database/sql has it
	if errors.As(err, &migrating) {
		return sqlite.ResultCode(migrating.Code())
	}
	return sqlite.ErrCode(err)
}
