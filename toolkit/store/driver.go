package store

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
)

// Errors that callers branch on. A driver wraps them round its database's own.
var (
	// ErrConflict: another append took this version of the key. Load it again.
	ErrConflict = errors.New("version conflict")
	// ErrRevoked: the change held the writer for more than a second.
	ErrRevoked = errors.New("change took too long and was rolled back")
	// ErrUnavailable: the database cannot do this now (gone, full, closed). Nothing
	// was stored; the same may work later.
	ErrUnavailable = errors.New("database unavailable")
	// ErrUnknown: the database went away while it committed, and whether the change is
	// stored could not be found out.
	ErrUnknown = errors.New("it is not known whether the change was stored")
	// ErrPanic: the change panicked and was rolled back.
	ErrPanic = errors.New("change panicked")
)

// Away reports whether err says that the database cannot answer now, and nothing about
// what it was asked.
func Away(err error) bool { return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknown) }

// A Driver opens transactions on one kind of database. Its methods may be called
// concurrently. A Driver never retries what it cannot prove undone.
//
// Package storetest checks every promise made here.
type Driver interface {
	// Update runs c and returns nil only once its commit is on disk. An error or a
	// panic of c.Run undoes c and nothing else, and is returned. A change that runs
	// for more than a second is undone and returns ErrRevoked. ctx may end the wait
	// for c's turn; once c has begun, ctx no longer reaches the database, and Update
	// returns what became of the commit, never a guess.
	Update(ctx context.Context, c Change) error

	// View runs read on one snapshot of the primary. It ends with ctx, and after five
	// seconds at the latest.
	View(ctx context.Context, read func(Conn) error) error

	// Settled returns the journal sequence up to which no more rows will appear:
	// whoever has read up to it has missed nothing.
	Settled(ctx context.Context) (int64, error)

	Close() error
}

// An Alone driver is the only one that has its database open: a lease of another
// owner is a dead one.
type Alone interface{ Alone() bool }

// A Teller is a Driver whose database other processes have open, too, and that tells them
// where to look. It is a hint, as one of Watch.
type Teller interface {
	// Tell tells the others soon that something was committed to topics. It waits for
	// nothing, and may be called as often as there are commits.
	Tell(topics []string)
	// Hear calls hint with the topics of what others tell, until the Driver is closed.
	Hear(hint func(topics []string))
	// Hearing reports whether what others tell arrives, as far as is known.
	Hearing() bool
}

// A Change is one transaction.
type Change struct {
	// Keys name the rows that it decides on. Their locks are held before Run begins,
	// against every process. A Driver takes them in one order.
	Keys []string
	// Background changes wait while others are waiting, but not for ever.
	Background bool
	// Run may run more than once, always from the beginning and on the same
	// database: it assigns, never accumulates.
	Run func(c Conn, now time.Time) error
}

// A Conn is a transaction of a driver. It is used by one goroutine at a time, and
// every method fails once its change has ended.
type Conn interface {
	// Exec runs a statement that returns no rows, in order with the others. A driver
	// may delay it until the next Query or the end of the change; its error may come
	// from there.
	Exec(query string, args ...any) error

	// Query calls row for each row, with a function that copies its columns to
	// pointers to int64, int, bool, string, []byte or time.Time, or skips one at nil.
	// NULL is the zero value. row runs no statement.
	Query(query string, args []any, row func(scan func(dest ...any) error) error) error

	// Lock takes more locks, as Change.Keys.
	Lock(keys ...string) error

	// Append adds messages to the journal, in order, each behind everything that was
	// committed to its partition before. It returns their sequences, which are there
	// once the change is committed. A version that is taken is ErrConflict, now or then.
	Append(msgs []message.Message) ([]int64, error)

	// Next draws the next number of the journal's sequence: it grows with every draw,
	// and Settled covers it.
	Next() (int64, error)
}

// A Conn that is a round trip away from its database is a Together.
type Together interface {
	// Ask is Query, or Next, for each of questions in turn, in one round trip. Its error
	// is that of the transaction, which is aborted, and then of the question whose
	// statement failed, too. The error of a Row is its question's alone.
	Ask(questions []*Question) error
}

// A Question is what Query or Next are asked.
type Question struct {
	Query string
	Args  []any
	Row   func(scan func(dest ...any) error) error
	Next  *int64 // where the number goes; nil for a Query
	Err   error  // of the answer
}
