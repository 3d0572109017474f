package sqlite

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Log is the journal of a database on this driver, as a stream.Log.
type Log struct {
	db     *store.DB
	driver *Driver
}

var _ stream.Log = Log{}

// NewLog returns the journal of db, which is on d.
func NewLog(db *store.DB, d *Driver) Log { return Log{db: db, driver: d} }

// Identity returns the journal's, which is made when it is first asked for.
func (l Log) Identity(ctx context.Context) (id string, err error) {
	_, err = l.db.Update(ctx, nil, func(tx *store.Tx) error {
		found, err := tx.Row([]any{&id}, `SELECT id FROM identity`)
		if err != nil || found {
			return err
		}
		id = uuid.NewString()
		return tx.Exec(`INSERT INTO identity (id) VALUES ($1)`, id)
	})
	return id, err
}

// Read reads the journal from the first position on that something follows, and gives
// each partition what comes after its own. There is one writer that draws and commits in
// order: no row appears between two that were read.
func (l Log) Read(ctx context.Context, q stream.Query) (entries []stream.Entry, err error) {
	behind, known := l.driver.tails.behind(q.From)
	if len(behind) == 0 {
		return nil, nil
	}
	var after [store.Partitions]int64 // -1: not asked for
	for p := range after {
		after[p] = -1
	}
	start := behind[0].Seq
	for _, p := range behind {
		after[p.Partition] = p.Seq
		start = min(start, p.Seq)
	}
	entries, ok := l.driver.recent.after(start, after, q)
	if !ok {
		err = l.db.View(ctx, func(tx *store.Tx) error {
			entries, err = scanFrom(tx, q, start, after)
			return err
		})
	}
	if err == nil && len(entries) < q.Max {
		l.lower(behind, known, entries)
	}
	return entries, err
}

// scanFrom reads q.Max entries behind start, of the partitions that want them. Rows of
// others are passed by without copying more than their place.
func scanFrom(tx *store.Tx, q stream.Query, start int64, after [store.Partitions]int64) (entries []stream.Entry, err error) {
	errFull := errors.New("enough")
	err = tx.Rows(`SELECT partition, seq, id, kind, class, key, version, time, cause, trace, body FROM journal WHERE seq > $1 ORDER BY seq`, []any{start},
		func(scan func(...any) error) error {
			if len(entries) == q.Max {
				return errFull
			}
			var e stream.Entry
			if err := scan(&e.Partition, &e.Seq, nil, nil, nil, nil, nil, nil, nil, nil, nil); err != nil {
				return err
			}
			if at := after[e.Partition]; at < 0 || e.Seq <= at {
				return nil
			}
			entries = append(entries, e)
			return scanEntry(scan, &entries[len(entries)-1], q.Want)
		})
	if errors.Is(err, errFull) {
		err = nil
	}
	return entries, err
}

// lower remembers the partitions for which nothing was found to the end of the journal.
// It is called only when the read was not full: a full one has not seen the end.
func (l Log) lower(behind []store.Position, known map[int]int64, entries []stream.Entry) {
	for _, p := range behind {
		if !slices.ContainsFunc(entries, func(e stream.Entry) bool { return e.Partition == p.Partition }) {
			l.driver.tails.lower(p, known[p.Partition])
		}
	}
}

// scanEntry copies the body only if somebody wants it.
func scanEntry(scan func(...any) error, e *stream.Entry, want func(string) bool) error {
	var class string
	m := &e.Message
	if err := scan(nil, nil, &m.ID, &m.Kind, &class, &m.Key, &m.Version, &m.Time, &m.Cause, &m.Trace, nil); err != nil {
		return err
	}
	e.Position.ID, m.Class = m.ID, message.Class(class)
	if !want(m.Kind) {
		return nil
	}
	return scan(nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, &m.Body)
}

// At returns the ID of the message at a place.
func (l Log) At(ctx context.Context, partition int, seq int64) (id string, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&id}, `SELECT id FROM journal WHERE partition = $1 AND seq = $2`, partition, seq)
		return err
	})
	return id, err
}

// Behind counts what follows positions, row by row: it is asked by metrics and operators,
// never by a reader.
func (l Log) Behind(ctx context.Context, from []store.Position) (n int64, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		n = 0
		for _, p := range from {
			var more int64
			if _, err := tx.Row([]any{&more}, `SELECT count(*) FROM journal WHERE partition = $1 AND seq > $2 AND class <> 'audit'`, p.Partition, p.Seq); err != nil {
				return err
			}
			n += more
		}
		return nil
	})
	return n, err
}

// Watch returns hints that something was appended by this process, which is the only
// one.
func (l Log) Watch() (hint <-chan struct{}, stop func()) { return l.db.Watch(store.Journal) }
