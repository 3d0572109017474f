package projection

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// fold reads the logs to where the tables in use are, again and again, until little was left
// to read, and then takes the last step. Limits are older than the end of the first log.
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
		for more := true; more && ctx.Err() == nil; full = full || more {
			if more, err = s.chunk(ctx, limits); err != nil {
				return err
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

// A part is what is folded of one log at once.
type part struct {
	Source
	entries []stream.Entry
}

// chunk reads what follows in the logs, up to limits (none: to the end), and folds it, some
// partitions in a change: most rows are then written once, as what is said about one comes
// together, and no change is long. It reports whether there was as much as it reads at once.
func (s *session) chunk(ctx context.Context, limits map[string][]int64) (full bool, err error) {
	parts, whole, full, err := s.parts(ctx, limits)
	for from := 0; err == nil && from < store.Partitions; {
		var some []part
		for n := 0; from < store.Partitions && n < s.sizer.Size(); from++ {
			n += in(&some, parts, from)
		}
		s.pace.Next()
		err = s.step(ctx, some, whole, limits)
		s.pace.Done(0, full)
	}
	if errors.Is(err, ErrEarly) && !whole {
		s.apart = true // from now on
		return true, nil
	}
	return full && err == nil, err
}

// in adds what parts have of a partition to some, and returns how much that is.
func in(some *[]part, parts []part, partition int) (n int) {
	for i, p := range parts {
		if len(*some) == i {
			*some = append(*some, part{Source: p.Source})
		}
		for _, e := range p.entries {
			if e.Partition == partition {
				(*some)[i].entries = append((*some)[i].entries, e)
				n++
			}
		}
	}
	return n
}

// step folds parts in one change.
func (s *session) step(ctx context.Context, parts []part, whole bool, limits map[string][]int64) error {
	n := int64(0)
	for _, p := range parts {
		n += int64(len(p.entries))
	}
	if n == 0 {
		return nil
	}
	rows, err := s.folded(ctx, parts, whole)
	if err != nil {
		return err
	}
	next, spent := rows.digested(s.digest), time.Duration(0)
	err = s.update(ctx, Folding, func(tx *store.Tx) error {
		started := time.Now()
		if err := rows.write(tx); err != nil {
			return err
		}
		for _, p := range parts {
			if err := s.move(tx, p.Log, s.at[p.Log].after(p.entries)); err != nil {
				return err
			}
		}
		err := tx.Exec(`UPDATE rebuild SET digest = $1, events = $2 WHERE projection = $3`, next.String(), s.events+n, s.Name)
		spent = time.Since(started)
		return err
	})
	if err != nil {
		return err
	}
	s.sizer.Took(int(n), spent)
	s.digest, s.events = next, s.events+n
	for _, p := range parts {
		s.at[p.Log] = s.at[p.Log].after(p.entries)
		s.tell(ctx, p.Log, limits[p.Log])
	}
	return nil
}

// parts reads what is folded together: of the first log a chunk, and of the others what was
// said until then, so that a row that all of them are about is written once. Whole is whether
// the first log was read to its end; otherwise, clocks may differ.
func (s *session) parts(ctx context.Context, limits map[string][]int64) (parts []part, whole, full bool, err error) {
	until := time.Time{}
	whole = true
	for i, source := range s.Sources {
		from := s.at[source.Log].short(limits[source.Log])
		if len(from) == 0 {
			continue
		}
		entries, err := s.next(ctx, source, from)
		if err != nil {
			return nil, false, false, err
		}
		full = full || len(entries) >= chunk
		entries = cut(entries, limits[source.Log])
		switch {
		case i == 0 && len(entries) >= chunk:
			until, whole = reached(entries), false
		case !whole:
			entries = before(entries, until)
		}
		if len(entries) > 0 {
			parts = append(parts, part{source, entries})
		}
		if !whole && s.apart {
			break
		}
	}
	return parts, whole, full, nil
}

// next reads what follows in a log. Of the service's own it notes how far all of it was read:
// a partition in which nothing is said stands where it has stood.
func (s *session) next(ctx context.Context, source Source, from []store.Position) ([]stream.Entry, error) {
	own, settled := source.Log == s.DB.Service(), int64(0)
	if own {
		var err error
		if settled, err = s.DB.Settled(ctx); err != nil {
			return nil, err
		}
	}
	entries, err := s.Logs[source.Log].Read(ctx, stream.Query{From: from, Max: chunk, Want: source.Want})
	if err == nil && own && len(entries) < chunk {
		s.floor = settled
	}
	return entries, err
}

// reached is the time to which every partition was read that has entries.
func reached(entries []stream.Entry) (until time.Time) {
	last := map[int]time.Time{}
	for _, e := range entries {
		last[e.Partition] = e.Time
	}
	for _, t := range last {
		if until.IsZero() || t.Before(until) {
			until = t
		}
	}
	return until
}

// before are the entries of each partition up to a time.
func before(entries []stream.Entry, until time.Time) (some []stream.Entry) {
	later := map[int]bool{}
	for _, e := range entries {
		if later[e.Partition] = later[e.Partition] || e.Time.After(until); !later[e.Partition] {
			some = append(some, e)
		}
	}
	return some
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

// folded folds parts on a snapshot. Nobody else changes the shadows.
func (s *session) folded(ctx context.Context, parts []part, whole bool) (rows *Rows, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows = s.rows(tx, whole)
		for i, p := range parts {
			if err := s.into(rows, p.Source, p.entries); err != nil {
				return s.blamed(s.rows(tx, whole), parts[:i+1], err)
			}
		}
		return rows.carry()
	})
	return rows, err
}

// rows are none yet.
func (s *session) rows(tx *store.Tx, whole bool) *Rows {
	r := newRows(s.Projection, tx)
	r.whole, r.texts = whole, s.texts
	return r
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
	}()
	return s.Fold(rows, wanted)
}

// blamed names the event that err is about, so that somebody can mend what folds it: the last
// of parts are folded once more, one event after the other, until one of them says the same.
func (s *session) blamed(rows *Rows, parts []part, err error) error {
	if s.passing(err) || errors.Is(err, ErrEarly) {
		return err
	}
	last := parts[len(parts)-1]
	for _, p := range parts[:len(parts)-1] {
		if again := s.into(rows, p.Source, p.entries); again != nil {
			return last.failed(err)
		}
	}
	for _, e := range last.entries {
		alone := s.into(rows, last.Source, []stream.Entry{e})
		if alone == nil {
			continue
		}
		if alone.Error() == err.Error() {
			return fmt.Errorf("event %d of the log %s, %s of key %s, cannot be folded: %w; no event is left out: mend what folds it, and ask again", e.Seq, last.Log, e.Kind, e.Key, err)
		}
		break
	}
	return last.failed(err)
}

// failed says between which events an error is, where nobody knows more.
func (p part) failed(err error) error {
	return fmt.Errorf("%w (between events %d and %d of the log %s)", err, p.entries[0].Seq, p.entries[len(p.entries)-1].Seq, p.Log)
}

// after is a place behind entries.
func (p place) after(entries []stream.Entry) place {
	next := place{identity: p.identity, positions: append([]store.Position(nil), p.positions...)}
	for _, e := range entries {
		next.positions[e.Partition] = e.Position
	}
	return next
}

// move stores how far a log was read, in one statement.
func (s *session) move(tx *store.Tx, log string, to place) error {
	args, rows := []any{s.Name, log}, []string{}
	for i, p := range to.positions {
		if p == s.at[log].positions[i] {
			continue
		}
		n := len(args)
		rows = append(rows, fmt.Sprintf("(CAST($%d AS BIGINT), CAST($%d AS BIGINT), $%d)", n+1, n+2, n+3))
		args = append(args, p.Partition, p.Seq, p.ID)
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.Exec(`UPDATE rebuild_position SET seq = move.column2, id = move.column3 FROM (VALUES `+strings.Join(rows, ", ")+`) AS move
		WHERE projection = $1 AND log = $2 AND partition = move.column1`, args...)
}
