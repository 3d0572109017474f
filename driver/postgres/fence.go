package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A fence finds the sequence below which no row of a journal can still appear. A cursor
// on the sequence alone misses a fifth of the rows: they become visible as their
// transactions commit, not in the order in which they drew.
//
//	read the sequence's last value L
//	then draw the number X of a new transaction
//	once the oldest transaction that runs is younger than X, L is settled
//
// For every change has the number of its transaction before it draws from the sequence,
// so whoever drew up to L has a number below X. X is drawn: the upper end of a snapshot
// is not the next number, and rows would be missed.
//
// This is cheap, but any transaction of the whole server holds it up, for an hour if it
// runs for an hour. So what does not settle at once is looked at again (look.go).
//
// One fence serves all readers of a journal in a process.
type fence struct {
	sequence string

	mu      sync.Mutex
	asked   time.Time
	lives   string // the life of the server that all this is about
	settled int64
	posts   []post // still to be passed, oldest first
	look    look
}

// A post is a sequence, and the transaction that the oldest must be younger than.
type post struct {
	seq, xid int64
	set      time.Time
}

const (
	// fenceTime is for how long an answer is as good as a new one.
	fenceTime = time.Millisecond
	// lookTime is how long a post waits for the transactions before it, until they are
	// looked at.
	lookTime = 10 * time.Millisecond
	// fencePosts bounds what a long transaction piles up.
	fencePosts = 64
)

const (
	oldestRunning = `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
	drawXid       = `SELECT pg_current_xact_id()::text::bigint`
)

// Settled costs one round trip while nothing is appended, two or three otherwise.
func (d *Driver) Settled(ctx context.Context) (int64, error) {
	end, err := d.settle(ctx)
	return end.seq, err
}

// errAnew: the server began anew while it was asked.
var errAnew = fmt.Errorf("%w: the server has just begun anew", store.ErrUnavailable)

// An end is how far a journal is settled.
type end struct {
	seq   int64
	more  bool   // something beyond it waits
	lives string // the life of the server for which it holds
}

func (d *Driver) settle(ctx context.Context) (end, error) {
	f := &d.fence
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < fenceTime && !d.closed.Load() {
		return f.end(), nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, viewTime, errSilent)
	defer cancel()
	pooled, err := d.acquire(ctx)
	if err != nil {
		return end{}, err
	}
	defer pooled.Release()
	if err := f.move(ctx, pooled, d.server); err != nil {
		return end{}, d.server.fault(ctx, err, pooled.Conn().IsClosed())
	}
	f.asked = time.Now()
	return f.end(), nil
}

func (f *fence) end() end { return end{seq: f.settled, more: len(f.posts) > 0, lives: f.lives} }

// live forgets everything when the server has crashed: it draws numbers again that were
// not yet on disk. It reports whether there was a life before.
func (f *fence) live(lives string) (again bool) {
	if f.lives == lives {
		return false
	}
	again = f.lives != ""
	f.lives, f.settled, f.posts, f.look = lives, 0, nil, look{}
	return again
}

func (f *fence) move(ctx context.Context, c *pgxpool.Conn, s *Server) error {
	var lives string
	var oldest, last int64
	batch := &pgx.Batch{}
	s.lived(batch, c.Conn(), &lives)
	batch.Queue(oldestRunning).QueryRow(func(row pgx.Row) error { return row.Scan(&oldest) })
	batch.Queue(f.lastValue()).QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
	if err := c.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if f.live(lives) {
		s.pool.Reset() // connections of the life before would bring it back
	}
	f.pass(oldest)
	if last > f.newest() && len(f.posts) < fencePosts {
		if err := f.set(ctx, c, s, last); err != nil {
			return err
		}
	}
	if len(f.posts) == 0 || time.Since(f.posts[0].set) < lookTime || !f.look.due() {
		return nil
	}
	seq, err := f.look.at(ctx, c, f, s)
	f.settleTo(seq)
	return err
}

// set sets a post at a sequence that was read before.
func (f *fence) set(ctx context.Context, c *pgxpool.Conn, s *Server, last int64) error {
	var lives string
	var xid, oldest int64
	batch := &pgx.Batch{}
	s.lived(batch, c.Conn(), &lives)
	batch.Queue("BEGIN")
	batch.Queue(drawXid).QueryRow(func(row pgx.Row) error { return row.Scan(&xid) })
	batch.Queue("COMMIT") // of nothing: no fsync
	batch.Queue(oldestRunning).QueryRow(func(row pgx.Row) error { return row.Scan(&oldest) })
	if err := c.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if lives != f.lives {
		return errAnew
	}
	f.posts = append(f.posts, post{seq: last, xid: xid, set: time.Now()})
	f.pass(oldest)
	return nil
}

// lastValue is a statement of its own: what it reads is older than what follows.
func (f *fence) lastValue() string {
	return `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ` + f.sequence
}

// pass settles what no transaction older than the oldest can change.
func (f *fence) pass(oldest int64) {
	for _, p := range f.posts {
		if p.xid < oldest {
			f.settleTo(p.seq)
		}
	}
}

func (f *fence) settleTo(seq int64) {
	f.settled = max(f.settled, seq)
	f.posts = slices.DeleteFunc(f.posts, func(p post) bool { return p.seq <= f.settled })
}

// newest is the last sequence that is settled, or on its way to be.
func (f *fence) newest() int64 {
	if n := len(f.posts); n > 0 {
		return f.posts[n-1].seq
	}
	return f.settled
}
