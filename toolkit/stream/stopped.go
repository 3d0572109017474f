package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A Standstill is a log of which a subscription does not read all partitions any more.
// The zero value says that it reads them.
type Standstill struct {
	Log        string
	To         string // where a Relay does not forward it to any more; "" for a Reader
	Partitions int    // that are not read
	Why        string // one of them is not
}

// Stopped returns the logs that the service of db has stopped to read, as its readers,
// of whatever process, have left it.
func Stopped(ctx context.Context, db *store.DB) ([]Standstill, error) {
	return standstills(ctx, db, db.Service())
}

// Unforwarded returns what the Relay of db to a Sink has stopped to forward.
func Unforwarded(ctx context.Context, db *store.DB, to string) ([]Standstill, error) {
	all, err := standstills(ctx, db, to)
	for i := range all {
		all[i].To = to
	}
	return all, err
}

func standstills(ctx context.Context, db *store.DB, subscription string) (all []Standstill, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		all = nil
		return tx.Rows(`SELECT log, COUNT(*), MIN(stopped) FROM position WHERE subscription = $1 AND stopped <> '' GROUP BY log ORDER BY log`,
			[]any{subscription}, func(scan func(...any) error) error {
				var s Standstill
				err := scan(&s.Log, &s.Partitions, &s.Why)
				all = append(all, s)
				return err
			})
	})
	return all, err
}

// Strange compares what the service of db has read of a log with the log itself, and
// tells what its readers will stop at, before they have looked. It costs two questions
// and one for each partition.
func Strange(ctx context.Context, db *store.DB, name string, log Log) (Standstill, error) {
	found := Standstill{Log: name}
	identity, err := log.Identity(ctx)
	if err != nil {
		return found, err
	}
	var rows []row
	err = db.View(ctx, func(tx *store.Tx) error {
		rows = nil
		return tx.Rows(`SELECT partition, seq, id, identity FROM position WHERE subscription = $1 AND log = $2 ORDER BY partition`,
			[]any{db.Service(), name}, func(scan func(...any) error) error {
				var r row
				err := scan(&r.Partition, &r.Seq, &r.ID, &r.identity)
				rows = append(rows, r)
				return err
			})
	})
	for _, r := range rows {
		if err != nil {
			break
		}
		var why string
		if why, err = stranger(ctx, log, named{name, identity}, r); why != "" {
			found.Partitions++
			found.Why = why
		}
	}
	return found, err
}

// A named log is one with its identity.
type named struct{ name, identity string }

// stranger says why a position does not belong to a log, or "".
func stranger(ctx context.Context, log Log, n named, r row) (string, error) {
	if r.identity == "" || r.Seq == 0 {
		return "", nil
	}
	if r.identity != n.identity {
		return fmt.Sprintf("the log %s is another one than was read so far (identity %s, was %s): it was wiped or replaced", n.name, n.identity, r.identity), nil
	}
	id, err := log.At(ctx, r.Partition, r.Seq)
	switch {
	case errors.Is(err, ErrUnseen): // its Read looks again when it comes there
		return "", nil
	case err != nil || id == r.ID:
		return "", err
	case id == "":
		return fmt.Sprintf("the log %s has no message at %d, which was read: it was restored to an earlier state", n.name, r.Seq), nil
	}
	return fmt.Sprintf("the log %s has message %s at %d, where %s was read: it was restored and has gone on", n.name, id, r.Seq, r.ID), nil
}

// anew reports whether the server of the log has begun anew since the last read.
func (s *session) anew() bool {
	l, ok := s.Log.(Lived)
	if !ok {
		return false
	}
	before := s.life
	s.life = l.Life()
	return before != "" && before != s.life
}

// compare stops partitions of which more was read than the log has now, and takes the others
// anew. What this process knows may be more than what is stored: where that is on the same
// server as the log, both have lost the same.
func (s *session) compare(ctx context.Context) error {
	defer s.forget()
	identity, err := s.Log.Identity(ctx)
	if err != nil {
		return err
	}
	for _, h := range s.held {
		why, err := stranger(ctx, s.Log, named{s.Name, identity}, row{Position: h.at, identity: h.identity})
		if err == nil && why != "" {
			err = s.stop(ctx, h, why)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stop leaves a partition alone, for all instances, until a later session finds the log
// that was read.
func (l *leases) stop(ctx context.Context, h *held, why string) error {
	_, err := l.db.Update(ctx, nil, func(tx *store.Tx) error {
		if err := l.stay(tx, h); err != nil {
			return err
		}
		return tx.Exec(`UPDATE position SET stopped = $1, owner = '' WHERE subscription = $2 AND log = $3 AND partition = $4`, why, l.subscription, l.log, h.at.Partition)
	})
	if err == nil {
		slog.ErrorContext(ctx, "a partition is not read any more", "subscription", l.subscription, "log", l.log, "partition", h.at.Partition, "error", why)
	}
	return err
}

// goOn takes back that a partition is stopped: the log that was read is there again.
func (l *leases) goOn(ctx context.Context, h *held) error {
	_, err := l.db.Update(ctx, nil, func(tx *store.Tx) error {
		if err := l.stay(tx, h); err != nil {
			return err
		}
		return tx.Exec(`UPDATE position SET stopped = '' WHERE subscription = $1 AND log = $2 AND partition = $3`, l.subscription, l.log, h.at.Partition)
	})
	if err == nil {
		slog.InfoContext(ctx, "a partition that was stopped is read again", "subscription", l.subscription, "log", l.log, "partition", h.at.Partition)
	}
	return err
}
