package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// fold reads the logs to where the tables in use are, again and again, until little was left
// to read, and then takes the last step. Limits are older than the end of what is read before.
func (s *session) fold(ctx context.Context) error {
	if err := s.known(ctx); err != nil {
		return err
	}
	last := s.exchange
	if s.compare {
		last = s.liken
	}
	for ctx.Err() == nil && s.state == Folding {
		limits, err := s.limits(ctx)
		if err != nil {
			return err
		}
		full := false
		for _, source := range s.Sources {
			for more := true; more && ctx.Err() == nil; full = full || more {
				if more, err = s.chunk(ctx, source, limits[source.Log]); err != nil {
					return err
				}
			}
		}
		if full {
			continue
		}
		switch err := last(ctx); {
		case errors.Is(err, errBehind):
			pause(ctx, backOff/10, nil)
		case errors.Is(err, store.ErrUnavailable): // somebody reads for long, and others have waited for him with us
			pause(ctx, lookTime, nil)
		case err != nil:
			return err
		}
	}
	return ctx.Err()
}

// known checks that the logs are those whose beginning was read.
func (s *session) known(ctx context.Context) error {
	for name, at := range s.at {
		log := s.Logs[name]
		if log == nil {
			return fmt.Errorf("%w: nobody has the log %s", errHopeless, name)
		}
		identity, err := log.Identity(ctx)
		if err != nil {
			return err
		}
		for _, p := range at.positions {
			id := p.ID
			if p.Seq > 0 {
				if id, err = log.At(ctx, p.Partition, p.Seq); err != nil {
					return err
				}
			}
			if identity != at.identity || id != p.ID {
				return fmt.Errorf("%w: the log %s is another one than was read so far: it was wiped, restored or replaced; ask again", errHopeless, name)
			}
		}
	}
	return nil
}

// limits are how far the service has read each log but its own, by partition.
func (s *session) limits(ctx context.Context) (all map[string][]int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error { all, err = s.read(tx); return err })
	return all, err
}

// read is limits as tx sees them. What was read of another log than there is cannot be read
// again, and would be lost.
func (s *session) read(tx *store.Tx) (map[string][]int64, error) {
	all := map[string][]int64{}
	for _, source := range s.Sources {
		if source.Log != s.DB.Service() {
			all[source.Log] = make([]int64, store.Partitions)
		}
	}
	err := tx.Rows(`SELECT log, partition, seq, identity FROM position WHERE subscription = $1`, []any{s.DB.Service()}, func(scan func(...any) error) error {
		var log, identity string
		var p store.Position
		if err := scan(&log, &p.Partition, &p.Seq, &identity); err != nil {
			return err
		}
		if all[log] == nil || p.Seq == 0 {
			return nil
		}
		if identity != s.at[log].identity {
			return fmt.Errorf("%w: what %s has read is of another log %s than there is, and a rebuild would lose it", errHopeless, s.DB.Service(), log)
		}
		all[log][p.Partition] = p.Seq
		return nil
	})
	return all, err
}

// chunk folds what follows in one log, up to limits (nil: to its end), in one change. It
// reports whether there was as much as it can take at once.
func (s *session) chunk(ctx context.Context, source Source, limits []int64) (full bool, err error) {
	from := s.at[source.Log].short(limits)
	if len(from) == 0 {
		return false, nil
	}
	s.pace.Next()
	size := s.sizer.Size()
	entries, err := s.Logs[source.Log].Read(ctx, stream.Query{From: from, Max: size, Want: source.Want})
	if err != nil {
		return false, err
	}
	full = len(entries) >= size
	if entries = cut(entries, limits); len(entries) == 0 {
		return false, nil
	}
	rows, err := s.folded(ctx, source, entries)
	if err != nil {
		return false, err
	}
	moved := s.at[source.Log].after(entries)
	next := rows.digested(s.digest)
	started := time.Now()
	var spent time.Duration
	err = s.update(ctx, Folding, func(tx *store.Tx) error {
		started = time.Now()
		if err := rows.write(tx); err != nil {
			return err
		}
		if err := s.move(tx, source.Log, moved); err != nil {
			return err
		}
		err := tx.Exec(`UPDATE rebuild SET digest = $1, events = $2 WHERE projection = $3`, next.String(), s.events+int64(len(entries)), s.Name)
		spent = time.Since(started)
		return err
	})
	if err != nil {
		return false, err
	}
	s.sizer.Took(len(entries), spent)
	s.pace.Done(full)
	s.digest, s.events = next, s.events+int64(len(entries))
	s.at[source.Log] = moved
	s.tell(ctx, source.Log, limits)
	return full, nil
}

// short are the positions that are not at their limits: what follows the others is not to
// be read yet, and would be in the way of what is.
func (p place) short(limits []int64) (some []store.Position) {
	for _, at := range p.positions {
		if limits == nil || at.Seq < limits[at.Partition] {
			some = append(some, at)
		}
	}
	return some
}

// cut leaves out what is beyond limits.
func cut(entries []stream.Entry, limits []int64) (some []stream.Entry) {
	if limits == nil {
		return entries
	}
	for _, e := range entries {
		if e.Seq <= limits[e.Partition] {
			some = append(some, e)
		}
	}
	return some
}

// folded folds entries on a snapshot. Nobody else changes the shadows.
func (s *session) folded(ctx context.Context, source Source, entries []stream.Entry) (rows *Rows, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows = newRows(s.Projection, tx)
		if err := s.into(rows, source, entries); err != nil {
			return err
		}
		return rows.carry()
	})
	return rows, err
}

// into folds what source wants of entries into rows. An error or a panic of Fold is one of
// an event, and no other try would heal it.
func (s *session) into(rows *Rows, source Source, entries []stream.Entry) (err error) {
	var wanted []stream.Entry
	for _, e := range entries {
		if source.Want(e.Kind) {
			wanted = append(wanted, e)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errHopeless, p)
		}
		if err != nil && len(wanted) > 1 && !s.passing(err) {
			err = fmt.Errorf("%w (between events %d and %d of the log %s)", err, wanted[0].Seq, wanted[len(wanted)-1].Seq, source.Log)
		}
	}()
	return s.Fold(rows, wanted)
}

// after is a place behind entries.
func (p place) after(entries []stream.Entry) place {
	next := place{identity: p.identity, positions: append([]store.Position(nil), p.positions...)}
	for _, e := range entries {
		next.positions[e.Partition] = e.Position
	}
	return next
}

// move stores how far a log was read.
func (s *session) move(tx *store.Tx, log string, to place) error {
	for i, p := range to.positions {
		if p == s.at[log].positions[i] {
			continue
		}
		err := tx.Exec(`UPDATE rebuild_position SET seq = $1, id = $2 WHERE projection = $3 AND log = $4 AND partition = $5`, p.Seq, p.ID, s.Name, log, p.Partition)
		if err != nil {
			return err
		}
	}
	return nil
}
