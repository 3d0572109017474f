package projection

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// exchange puts the shadows in the places of the tables, in the change that folds the last
// events into them: all that the tables have, and nothing else. Nobody changes the tables
// meanwhile. No log but the service's own is asked then, so what it may take is read ahead.
func (s *session) exchange(ctx context.Context) error {
	ahead, err := s.ahead(ctx)
	if err != nil {
		return err
	}
	next, n := digest{}, int64(0)
	_, err = s.DB.Update(ctx, nil, func(tx *store.Tx) error {
		if err := s.fence(tx); err != nil {
			return err
		}
		e, err := tx.Exchanger()
		if err != nil {
			return err
		}
		if err := e.Seize(s.names()...); err != nil {
			return err
		}
		rows, rest, err := s.rest(tx, ahead)
		if err != nil {
			return err
		}
		next, n = rows.digested(s.digest), s.events+rest
		if err := rows.write(tx); err != nil {
			return err
		}
		if err := e.Exchange(s.names()...); err != nil {
			return err
		}
		if err := s.end(tx, Done, ""); err != nil {
			return err
		}
		return tx.Exec(`UPDATE rebuild SET digest = $1, events = $2, exchanged = $3, rebuilt = $3, rebuilder = who WHERE projection = $4`, next.String(), n, tx.Now, s.Name)
	})
	if err == nil {
		s.state, s.digest, s.events = Clearing, next, n
	}
	return err
}

// liken compares the tables in use with the fold at one moment, and changes nothing.
func (s *session) liken(ctx context.Context) error {
	ahead, err := s.ahead(ctx)
	if err != nil {
		return err
	}
	var folded, live digest
	var rest int64
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows, n, err := s.rest(tx, ahead)
		if err != nil {
			return err
		}
		folded, live, rest = rows.digested(s.digest), digest{}, n
		for _, t := range s.Tables {
			if err := t.each(tx, t.Name, "", nil, func(row []any) { live.add(t, row) }); err != nil {
				return fmt.Errorf("%w: the tables in use cannot be read in one View: %w", errHopeless, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.update(ctx, Clearing, func(tx *store.Tx) error {
		if err := s.end(tx, Done, ""); err != nil {
			return err
		}
		return tx.Exec(`UPDATE rebuild SET digest = $1, live = $2, events = $3 WHERE projection = $4`, folded.String(), live.String(), s.events+rest, s.Name)
	})
}

// ahead reads what follows in the logs of others: of all partitions together, or of each by
// itself, where one of them has more than fits.
func (s *session) ahead(ctx context.Context) (map[string][]stream.Entry, error) {
	all := map[string][]stream.Entry{}
	for _, source := range s.Sources {
		if source.Log == s.DB.Service() {
			continue
		}
		log, from := s.Logs[source.Log], s.at[source.Log].positions
		entries, err := log.Read(ctx, stream.Query{From: from, Max: chunk, Want: source.Want})
		if err != nil {
			return nil, err
		}
		if len(entries) == chunk {
			entries = nil
			for _, p := range from {
				some, err := log.Read(ctx, stream.Query{From: []store.Position{p}, Max: chunk, Want: source.Want})
				if err != nil {
					return nil, err
				}
				entries = append(entries, some...)
			}
			inOrder(entries)
		}
		all[source.Log] = entries
	}
	return all, nil
}

func inOrder(entries []stream.Entry) {
	slices.SortFunc(entries, func(a, b stream.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
}

// rest folds what the tables in use have, as tx sees them, and the shadows have not yet: the
// service's own log to its end, and the others, of what was read ahead, to where the service
// is.
func (s *session) rest(tx *store.Tx, ahead map[string][]stream.Entry) (rows *Rows, n int64, err error) {
	limits, err := s.read(tx)
	if err != nil {
		return nil, 0, err
	}
	rows = s.rows(tx, true)
	var parts []part
	for _, source := range s.Sources {
		entries, own := ahead[source.Log], source.Log == s.DB.Service()
		if own {
			entries, err = tail(tx, s.at[source.Log].positions, s.floor)
		} else {
			entries, err = s.upTo(source.Log, entries, limits[source.Log])
		}
		if err != nil {
			return nil, 0, err
		}
		n += int64(len(entries))
		parts = append(parts, part{source, entries})
		if err := s.into(rows, source, entries); err != nil {
			return nil, 0, s.blamed(s.rows(tx, true), parts, err)
		}
	}
	return rows, n, rows.carry()
}

// upTo returns what of entries is within limits, and errBehind if there may be more.
func (s *session) upTo(log string, entries []stream.Entry, limits []int64) ([]stream.Entry, error) {
	some := cut(entries, limits)
	reached := s.at[log].after(some)
	for p, limit := range limits {
		if reached.positions[p].Seq < limit {
			return nil, errBehind
		}
	}
	return some, nil
}

// tail reads the service's own journal behind positions, and behind floor, up to which all was
// read: with what is committed to it and what the transaction has before it.
func tail(tx *store.Tx, from []store.Position, floor int64) (entries []stream.Entry, err error) {
	var args []any
	var values []string
	for _, p := range from {
		values = append(values, fmt.Sprintf("(CAST($%d AS BIGINT), CAST($%d AS BIGINT))", len(args)+1, len(args)+2))
		args = append(args, p.Partition, max(p.Seq, floor))
	}
	err = tx.Rows(`SELECT j.partition, j.seq, j.id, j.kind, j.class, j.key, j.version, j.time, j.body
		FROM (VALUES `+strings.Join(values, ", ")+`) AS f JOIN journal j ON j.partition = f.column1 AND j.seq > f.column2`, args, func(scan func(...any) error) error {
		var e stream.Entry
		var class string
		m := &e.Message
		err := scan(&e.Partition, &e.Seq, &m.ID, &m.Kind, &class, &m.Key, &m.Version, &m.Time, &m.Body)
		e.Position.ID, m.Class = m.ID, message.Class(class)
		entries = append(entries, e)
		return err
	})
	inOrder(entries)
	return entries, err
}

// each calls row for the rows of a table behind a key, in the order of their keys.
func (t Table) each(tx *store.Tx, from, after string, args []any, row func([]any)) error {
	dests, copied := t.dests()
	return tx.Rows(`SELECT `+t.list(0, "")+` FROM `+from+after, args, func(scan func(...any) error) error {
		if err := scan(dests...); err != nil {
			return err
		}
		row(copied())
		return nil
	})
}

// clear digests what the tables were, if they have become shadows, and deletes the shadows.
func (s *session) clear(ctx context.Context) error {
	var now Status
	var outcome string
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if now, err = s.load(tx); err == nil {
			_, err = tx.Row([]any{&outcome}, `SELECT outcome FROM rebuild WHERE projection = $1`, s.Name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if now.Exchanged && now.Live == "" {
		was, err := s.was(ctx)
		if err != nil {
			return err
		}
		err = s.update(ctx, Clearing, func(tx *store.Tx) error {
			return tx.Exec(`UPDATE rebuild SET live = $1 WHERE projection = $2`, was.String(), s.Name)
		})
		if err != nil {
			return err
		}
	}
	if err := s.sweep(ctx); err != nil {
		return err
	}
	return s.update(ctx, outcome, func(tx *store.Tx) error {
		if err := tx.Exec(`DELETE FROM rebuild_position WHERE projection = $1`, s.Name); err != nil { // who cancels leaves them
			return err
		}
		return tx.Exec(`UPDATE rebuild SET state = $1, ended = $2, owner = '' WHERE projection = $3`, outcome, tx.Now, s.Name)
	})
}

// was is the digest of the tables that were in use. They are changed no more, so they are
// read a page at a time.
func (s *session) was(ctx context.Context) (d digest, err error) {
	renewed := time.Now()
	for _, t := range s.Tables {
		var last []any
		for more := true; more; {
			after, args := t.behind(last)
			n, page := 0, digest{}
			err := s.DB.View(ctx, func(tx *store.Tx) error {
				n, page = 0, d
				return t.each(tx, t.shadow(), after, args, func(row []any) {
					page.add(t, row)
					last, n = row[:t.Keys], n+1
				})
			})
			if err != nil {
				return d, err
			}
			d, more = page, n == chunk
			if time.Since(renewed) < s.lease()/4 {
				continue
			}
			if err := s.update(ctx, Clearing, func(*store.Tx) error { return nil }); err != nil {
				return d, err
			}
			renewed = time.Now()
		}
	}
	return d, nil
}

// behind is what finds the next page behind a key.
func (t Table) behind(last []any) (query string, args []any) {
	order := fmt.Sprintf(` ORDER BY %s LIMIT %d`, t.key(), chunk)
	if last == nil {
		return order, nil
	}
	marks := make([]string, t.Keys)
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	return ` WHERE (` + t.key() + `) > (` + strings.Join(marks, ", ") + `)` + order, slices.Clone(last)
}

// sweep deletes the shadows, a little at a time where that is needed.
func (s *session) sweep(ctx context.Context) error {
	for _, t := range s.Tables {
		for gone := false; !gone; {
			s.pace.Next()
			err := s.update(ctx, s.state, func(tx *store.Tx) error {
				e, err := tx.Exchanger()
				if err != nil {
					return fmt.Errorf("%w: %w", errHopeless, err)
				}
				gone, err = e.Clear(t.Name, sweepRows)
				return err
			})
			if err != nil {
				return err
			}
			s.pace.Done(sweepRows, true)
		}
	}
	return nil
}

// sweepRows is how many rows of a shadow go at a time.
const sweepRows = 500
