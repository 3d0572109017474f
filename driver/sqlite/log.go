package sqlite

import (
	"context"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Log is the journal of a database on this driver, as a stream.Log.
type Log struct{ db *store.DB }

var _ stream.Log = Log{}

// NewLog returns the journal of db.
func NewLog(db *store.DB) Log { return Log{db: db} }

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

// Read reads each partition from its position on.
func (l Log) Read(ctx context.Context, q stream.Query) (entries []stream.Entry, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		for _, from := range q.From {
			if len(entries) >= q.Max {
				return nil
			}
			err := tx.Rows(`SELECT seq, id, kind, class, key, version, time, cause, trace, body FROM journal
				WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT $3`, []any{from.Partition, from.Seq, q.Max - len(entries)},
				func(scan func(...any) error) error {
					e := stream.Entry{Position: store.Position{Partition: from.Partition}}
					err := scanEntry(scan, &e, q.Want)
					entries = append(entries, e)
					return err
				})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return entries, err
}

// scanEntry copies the body only if somebody wants it.
func scanEntry(scan func(...any) error, e *stream.Entry, want func(string) bool) error {
	var class string
	m := &e.Message
	if err := scan(&e.Seq, &m.ID, &m.Kind, &class, &m.Key, &m.Version, &m.Time, &m.Cause, &m.Trace, nil); err != nil {
		return err
	}
	e.Position.ID, m.Class = m.ID, message.Class(class)
	if !want(m.Kind) {
		return nil
	}
	return scan(nil, nil, nil, nil, nil, nil, nil, nil, nil, &m.Body)
}

// At returns the ID of the message at a place.
func (l Log) At(ctx context.Context, partition int, seq int64) (id string, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&id}, `SELECT id FROM journal WHERE partition = $1 AND seq = $2`, partition, seq)
		return err
	})
	return id, err
}

// Behind counts what follows positions.
func (l Log) Behind(ctx context.Context, from []store.Position) (n int64, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		n = 0
		for _, p := range from {
			var more int64
			if _, err := tx.Row([]any{&more}, `SELECT count(*) FROM journal WHERE partition = $1 AND seq > $2`, p.Partition, p.Seq); err != nil {
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
