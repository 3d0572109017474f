package postgres

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// journal is the journal of one schema, as a stream.Log.
type journal struct {
	db      *store.DB
	d       *Driver
	table   string
	looking *atomic.Bool // a hint is on its way
	nothing nothing
}

var _ stream.Lived = (*journal)(nil)

// NewLog returns the journal of db, which is on d.
func NewLog(db *store.DB, d *Driver) stream.Log {
	return &journal{db: db, d: d, table: d.table("journal"), looking: &atomic.Bool{}}
}

// Identity returns what Open gave the journal when it created it.
func (j *journal) Identity(ctx context.Context) (id string, err error) {
	err = j.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT id FROM `+j.d.table("identity")).Scan(&id)
	})
	return id, err
}

// Life is that of the server.
func (j *journal) Life() string {
	j.d.fence.mu.Lock()
	defer j.d.fence.mu.Unlock()
	return j.d.fence.lives
}

// Read reads up to what is settled, in the order of the sequences.
func (j *journal) Read(ctx context.Context, q stream.Query) ([]stream.Entry, error) {
	end, err := j.d.settle(ctx)
	if err != nil {
		return nil, err
	}
	if end.more {
		j.lookAgain()
	}
	from := slices.DeleteFunc(slices.Clone(q.From), func(p store.Position) bool { return p.Seq >= end.seq })
	if len(from) == 0 || q.Max <= 0 || j.nothing.since(from, end) {
		return nil, nil
	}
	r := reading{journal: j, from: from, end: end, max: q.Max, want: q.Want}
	err = j.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return r.run(ctx, c)
	})
	if err == nil && len(r.entries) == 0 {
		j.nothing.found(from, end)
	}
	return r.entries, err
}

// lookAgain gives the hint that the end of the transaction in the way may not give: it
// need not append anything.
func (j *journal) lookAgain() {
	if j.looking.CompareAndSwap(false, true) {
		time.AfterFunc(2*fenceTime, func() {
			j.looking.Store(false)
			j.db.Hint(store.Journal)
		})
	}
}

// At returns the ID of the message at a place.
func (j *journal) At(ctx context.Context, partition int, seq int64) (id string, err error) {
	err = j.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		err := c.QueryRow(ctx, `SELECT id FROM `+j.table+` WHERE partition = $1 AND seq = $2`, partition, seq).Scan(&id)
		if err == pgx.ErrNoRows {
			return nil
		}
		return err
	})
	return id, err
}

// Behind counts what follows positions.
func (j *journal) Behind(ctx context.Context, from []store.Position) (n int64, err error) {
	partitions, seqs := split(from)
	err = j.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT count(*) FROM unnest($1::bigint[], $2::bigint[]) AS f (partition, seq)
			JOIN `+j.table+` AS j ON j.partition = f.partition AND j.seq > f.seq AND j.class <> 'audit'`, partitions, seqs).Scan(&n)
	})
	return n, err
}

// Watch returns hints of this process; others' appends are found by looking.
func (j *journal) Watch() (hint <-chan struct{}, stop func()) { return j.db.Watch(store.Journal) }

// query lends a connection to one statement, which names its tables in full.
func (j *journal) query(ctx context.Context, run func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, viewTime, errSilent)
	defer cancel()
	pooled, err := j.d.acquire(ctx)
	if err != nil {
		return err
	}
	defer pooled.Release()
	if err := run(ctx, pooled.Conn()); err != nil {
		return j.d.server.fault(ctx, err, pooled.Conn().IsClosed())
	}
	return nil
}

// A reading collects the entries of one Read.
type reading struct {
	*journal
	from    []store.Position
	end     end
	max     int
	want    func(kind string) bool
	entries []stream.Entry
}

// run asks every partition for its share, and then those that had more for the rest.
func (r *reading) run(ctx context.Context, c *pgx.Conn) error {
	if !r.d.server.pooled && lifeOf(c) != r.end.lives {
		return nil // the end is of another life of the server
	}
	share := (r.max + len(r.from) - 1) / len(r.from) * 2
	full, err := r.ask(ctx, c, r.from, share)
	if err == nil && len(full) > 0 && len(r.entries) < r.max {
		_, err = r.ask(ctx, c, full, r.max)
	}
	slices.SortFunc(r.entries, func(a, b stream.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	r.entries = r.entries[:min(len(r.entries), r.max)]
	return err
}

// ask reads at most limit entries of each partition, and returns where those that may
// have more go on.
func (r *reading) ask(ctx context.Context, c *pgx.Conn, from []store.Position, limit int) (full []store.Position, err error) {
	partitions, seqs := split(from)
	query, args := `SELECT j.partition, j.seq, j.id, j.kind, j.class, j.key, coalesce(j.version, 0), j.time, j.cause, j.trace, j.body
		FROM unnest($1::bigint[], $2::bigint[]) AS f (partition, seq) CROSS JOIN LATERAL (
			SELECT * FROM `+r.table+` WHERE partition = f.partition AND seq > f.seq AND seq <= $3 ORDER BY seq LIMIT $4) AS j`, []any{partitions, seqs, r.end.seq, limit}
	if r.d.server.pooled { // nobody knows before which life it is
		query, args = query+` WHERE $5 = `+livesNow, append(args, r.end.lives)
	}
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	count := make(map[int]int, len(from))
	for rows.Next() {
		e, err := r.entry(rows)
		if err != nil {
			return nil, err
		}
		r.entries = append(r.entries, e)
		if count[e.Partition]++; count[e.Partition] == limit {
			full = append(full, e.Position)
		}
	}
	return full, rows.Err()
}

func (r *reading) entry(rows pgx.Rows) (e stream.Entry, err error) {
	m := &e.Message
	var class string
	dest := []any{&e.Partition, &e.Seq, &m.ID, &m.Kind, &class, &m.Key, &m.Version, &m.Time, &m.Cause, &m.Trace, nil}
	if err = scan(rows, dest); err != nil {
		return e, err
	}
	e.Position.ID, m.Class = m.ID, message.Class(class)
	if r.want(m.Kind) {
		clear(dest)
		dest[len(dest)-1] = &m.Body
		err = scan(rows, dest)
	}
	return e, err
}

func split(from []store.Position) (partitions, seqs []int64) {
	for _, p := range from {
		partitions, seqs = append(partitions, int64(p.Partition)), append(seqs, p.Seq)
	}
	return partitions, seqs
}
