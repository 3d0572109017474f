package store

import (
	"context"
	"errors"
)

// A Replicated driver may have a copy of its database, which is a little behind it.
type Replicated interface {
	// ViewReplica runs read on one snapshot of the copy, of which no longer than a moment
	// ago it was the newest, and which has what was committed with the message at least in
	// the journal (none for the zero Position) and all that was committed before. Where
	// that cannot be had within a moment it is ErrUnavailable; read may have begun.
	ViewReplica(ctx context.Context, least Position, read func(Conn) error) error
}

// A Replica is a copy of a database that may be a little behind it: for reads that are
// heavy, and that may be a little old. Nothing is decided from it.
type Replica struct{ db *DB }

// Replica returns the replica of db. Where there is none, db itself stands in for it.
func (db *DB) Replica() Replica { return Replica{db} }

// View runs read on one snapshot of the replica that has what was committed with least (the
// zero Position asks for nothing) and all before, and on one of the primary if the replica
// is away or has not got as far. read may run twice: it assigns.
func (r Replica) View(ctx context.Context, least Position, read func(*Tx) error) error {
	if d, ok := r.db.driver.(Replicated); ok {
		err := d.ViewReplica(ctx, least, func(c Conn) error {
			return read(&Tx{conn: c, db: r.db, reading: true, said: &said{}})
		})
		if !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
			return err
		}
	}
	return r.db.View(ctx, read)
}
