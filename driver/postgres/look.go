package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A look finds out who has drawn from the sequence and still runs, and nobody else.
// nextval locks its sequence before it draws, until the transaction has ended and is
// visible. So once those who held that lock after L was read have let go of it, L is
// settled.
//
// The list of locks is that of the whole server, and may be long: a look is not taken
// again before the tenfold of its own time.
type look struct {
	taken time.Time
	took  time.Duration
	seen  []holders // oldest first
}

// holders are the transactions that may still show rows up to a sequence.
type holders struct {
	seq  int64
	runs []string
}

// restTimes is how many times its own time a look must rest.
const restTimes = 10

func (l *look) due() bool { return time.Since(l.taken) >= restTimes*l.took }

// at returns the sequence that is settled, as far as looks can tell.
func (l *look) at(ctx context.Context, c *pgxpool.Conn, f *fence, s *Server) (settled int64, err error) {
	began := time.Now()
	var lives string
	var last int64
	var runs []string
	batch := &pgx.Batch{}
	s.lived(batch, c.Conn(), &lives)
	batch.Queue(f.lastValue()).QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
	batch.Queue(`SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = $1::text::regclass
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND mode = 'RowExclusiveLock' AND granted`, f.sequence).
		Query(func(rows pgx.Rows) (err error) { runs, err = pgx.CollectRows(rows, pgx.RowTo[string]); return err })
	if err := c.SendBatch(ctx, batch).Close(); err != nil {
		return 0, err
	}
	if lives != f.lives {
		return 0, errAnew
	}
	l.taken, l.took = time.Now(), time.Since(began)
	if len(runs) == 0 {
		l.seen = nil
		return last, nil
	}
	l.seen = slices.DeleteFunc(l.seen, func(h holders) bool {
		if h.overlap(runs) {
			return false
		}
		settled = max(settled, h.seq)
		return true
	})
	if n := len(l.seen); n < fencePosts && (n == 0 || l.seen[n-1].seq < last) {
		l.seen = append(l.seen, holders{seq: last, runs: runs})
	}
	return settled, nil
}

func (h holders) overlap(runs []string) bool {
	return slices.ContainsFunc(h.runs, func(r string) bool { return slices.Contains(runs, r) })
}
