package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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
// One fence serves all readers of a journal in a process.
type fence struct {
	sequence string

	mu      sync.Mutex
	asked   time.Time
	lives   string // the life of the server that all this is about
	settled int64
	posts   []post // still to be passed, oldest first
}

// A post is a sequence, and the transaction that the oldest must be younger than.
type post struct{ seq, xid int64 }

const (
	// fenceTime is for how long an answer is as good as a new one.
	fenceTime = time.Millisecond
	// fencePosts bounds what a long transaction piles up.
	fencePosts = 64
)

const (
	oldestRunning = `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
	drawXid       = `SELECT pg_current_xact_id()::text::bigint`
)

// Settled costs one round trip while nothing is appended, two otherwise.
func (d *Driver) Settled(ctx context.Context) (int64, error) {
	seq, _, _, err := d.settled(ctx)
	return seq, err
}

// settled also returns whether there is more that waits, and for which life of the
// server it holds.
func (d *Driver) settled(ctx context.Context) (seq int64, more bool, lives string, err error) {
	f := &d.fence
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < fenceTime {
		return f.settled, len(f.posts) > 0, f.lives, nil
	}
	ctx, cancel := context.WithTimeout(ctx, viewTime)
	defer cancel()
	pooled, err := d.acquire(ctx)
	if err != nil {
		return 0, false, "", err
	}
	defer pooled.Release()
	f.live(lifeOf(pooled.Conn()))
	if err := f.move(ctx, pooled); err != nil {
		return 0, false, "", d.server.fault(ctx, err, pooled.Conn().IsClosed())
	}
	f.asked = time.Now()
	return f.settled, len(f.posts) > 0, f.lives, nil
}

// live forgets everything when the server has crashed: it draws numbers again that were
// not yet on disk.
func (f *fence) live(lives string) {
	if f.lives != lives {
		f.lives, f.settled, f.posts = lives, 0, nil
	}
}

func (f *fence) move(ctx context.Context, c *pgxpool.Conn) error {
	var oldest, last int64
	look := &pgx.Batch{}
	look.Queue(oldestRunning).QueryRow(func(row pgx.Row) error { return row.Scan(&oldest) })
	look.Queue(`SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ` + f.sequence).
		QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
	if err := c.SendBatch(ctx, look).Close(); err != nil {
		return err
	}
	f.pass(oldest)
	if last <= f.newest() || len(f.posts) == fencePosts {
		return nil
	}
	var xid int64
	set := &pgx.Batch{}
	set.Queue("BEGIN")
	set.Queue(drawXid).QueryRow(func(row pgx.Row) error { return row.Scan(&xid) })
	set.Queue("COMMIT") // of nothing: no fsync
	set.Queue(oldestRunning).QueryRow(func(row pgx.Row) error { return row.Scan(&oldest) })
	if err := c.SendBatch(ctx, set).Close(); err != nil {
		return err
	}
	f.posts = append(f.posts, post{seq: last, xid: xid})
	f.pass(oldest)
	return nil
}

// pass settles what no transaction older than the oldest can change.
func (f *fence) pass(oldest int64) {
	f.posts = slices.DeleteFunc(f.posts, func(p post) bool {
		if p.xid >= oldest {
			return false
		}
		f.settled = max(f.settled, p.seq)
		return true
	})
}

// newest is the last sequence that is settled, or on its way to be.
func (f *fence) newest() int64 {
	if n := len(f.posts); n > 0 {
		return f.posts[n-1].seq
	}
	return f.settled
}
