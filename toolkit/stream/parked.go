package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/trace"
)

// The states of a row of the table parked. An operator marks dead rows as retry or
// discarded; only the owner of the partition takes rows out.
const (
	stateRetry     = "retry"     // the first of its key: comes again when it is due
	stateWaiting   = "waiting"   // behind another of its key
	stateDead      = "dead"      // waits for an operator, and its key with it
	stateReleased  = "released"  // dead, and its key goes on
	stateDiscarded = "discarded" // to be taken out unhandled
)

// A parkedRow is a message that waits in the reader's database.
type parkedRow struct {
	Entry
	state string
	past  failure.History
	tries int // begun since the last that was recorded
}

// fail decides what becomes of an entry that failed alone, and tries it again as long
// as that is to happen at once.
func (s *session) fail(ctx context.Context, e Entry, cause error) error {
	var past failure.History
	for {
		next, err := s.judge(ctx, e, past, cause)
		if err != nil || next.Dead || !next.Retry.IsZero() {
			return err
		}
		past = next.Past
		s.tries = past.Attempts
		_, cause = s.commit(ctx, []Entry{e})
		s.tries = 0
		if cause == nil || unavailable(ctx, cause) || errors.Is(cause, errLost) {
			return cause
		}
	}
}

// judge parks an entry, or returns a Next without Retry if it is to be tried at once.
func (s *session) judge(ctx context.Context, e Entry, past failure.History, cause error) (next failure.Next, err error) {
	moves := s.moves([]Entry{e})
	defer func() { s.verdict(e, next, err) }()
	_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
		next = s.Policy.Judge(past, tx.Now, cause)
		if !next.Dead && !next.Retry.After(tx.Now) {
			next.Retry = time.Time{}
			return nil
		}
		if err := s.fence(tx, moves); err != nil {
			return err
		}
		return s.park(tx, e, s.stateOf(next), next)
	})
	if err != nil || next.Done() {
		return next, err
	}
	s.moved(moves)
	s.drainAt, s.drained = time.Time{}, false
	s.count(ctx, e, next)
	if s.stateOf(next) != stateReleased {
		s.held[e.Partition].parked[e.Key] = true
	}
	return next, nil
}

func (s *session) stateOf(next failure.Next) string {
	switch {
	case next.Dead && s.Policy.Release:
		return stateReleased
	case next.Dead:
		return stateDead
	}
	return stateRetry
}

func (s *session) count(ctx context.Context, e Entry, next failure.Next) {
	if !next.Dead {
		s.handling.Count(ctx, "retry", 1)
		return
	}
	s.handling.Count(ctx, "dead", 1)
	slog.ErrorContext(ctx, "a message is dead", "service", s.DB.Service(), "log", s.Name, "kind", e.Kind, "key", e.Key, "id", e.Message.ID,
		"trace_id", message.TraceID(e.Trace), "cause", next.Past.Cause())
}

// park writes an entry into the table parked.
func (s *session) park(tx *store.Tx, e Entry, state string, next failure.Next) error {
	m := e.Message
	err := tx.Exec(`INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due, past, problem, died, redrives)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		s.DB.Service(), s.Name, e.Partition, e.Seq, m.ID, m.Kind, string(m.Class), m.Key, m.Version, m.Time, m.Cause, m.Trace, m.Body,
		state, next.Retry, next.Past.String(), next.Problem(), next.Died(), next.Past.Redrives)
	if err != nil {
		return err
	}
	return s.mourn(tx, m, next)
}

// carefully handles an entry in careful mode: alone in the process, and counted before
// it runs. One that has ended the process too often is dead.
func (s *session) carefully(ctx context.Context, e Entry) (err error) {
	h := s.held[e.Partition]
	s.Process.Alone(func() {
		var tries int
		_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
			ours, err := tx.Row([]any{&tries}, `UPDATE position SET careful = CASE WHEN careful_seq = $1 THEN careful + 1 ELSE 1 END, careful_seq = $1
				WHERE subscription = $2 AND log = $3 AND partition = $4 AND token = $5 RETURNING careful`,
				e.Seq, s.DB.Service(), s.Name, e.Partition, h.token)
			if err == nil && !ours {
				err = errLost
			}
			return err
		})
		switch deadly := s.deadly(tries); {
		case err != nil:
		case deadly != nil:
			_, err = s.judge(ctx, e, failure.History{}, deadly)
		default:
			err = s.isolate(ctx, []Entry{e})
		}
	})
	return err
}

// deadly says why a message that is begun for the n-th time without a verdict is dead,
// or nil.
func (s *session) deadly(n int) error {
	if n <= s.Policy.WithDefaults().Attempts {
		return nil
	}
	return failure.Permanent(fmt.Errorf("the process ended %d times while it handled this message alone", n-1))
}

// drain handles parked messages that are due, in the order of their keys.
func (s *session) drain(ctx context.Context) (progress bool, err error) {
	if time.Now().Before(s.drainAt) || len(s.held) == 0 || s.drained {
		return false, nil
	}
	due, next, err := s.due(ctx)
	if err != nil {
		return false, err
	}
	s.drainAt = time.Now().Add(max(parkPause, next))
	for _, d := range due {
		for more := true; more && ctx.Err() == nil; {
			if more, err = s.drainKey(ctx, s.held[d.Partition], d); err != nil {
				return true, err
			}
		}
	}
	return len(due) > 0, nil
}

// look finds out, while leases are renewed, whether there is anything to drain. Where that is
// seldom, drain finds out for itself.
func (s *session) look(tx *store.Tx) error {
	if s.lease/3 > drainPause || s.db.Alone() {
		return nil
	}
	some, err := tx.Row([]any{nil}, `SELECT 1 FROM parked WHERE subscription = $1 AND log = $2 AND state IN ('retry', 'discarded') LIMIT 1`, s.DB.Service(), s.Name)
	s.drained = err == nil && !some
	return err
}

// due returns what is due, of the partitions that are ours, and how long it is until
// there is more.
func (s *session) due(ctx context.Context) (due []Entry, next time.Duration, err error) {
	var ours []string
	for p := range s.held {
		ours = append(ours, strconv.Itoa(p))
	}
	slices.Sort(ours)
	partitions := strings.Join(ours, ", ")
	_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
		due, next = nil, drainPause
		later := map[string]int{}
		err := tx.Rows(`SELECT partition, seq, key, kind, due, state FROM parked WHERE subscription = $1 AND log = $2 AND state IN ('retry', 'discarded')
			AND partition IN (`+partitions+`) ORDER BY due, seq LIMIT 256`, []any{s.DB.Service(), s.Name}, func(scan func(...any) error) error {
			var e Entry
			var at time.Time
			var state string
			if err := scan(&e.Partition, &e.Seq, &e.Key, &e.Kind, &at, &state); err != nil {
				return err
			}
			switch wait := at.Sub(tx.Now); {
			case wait > 0:
				next = min(next, wait)
			case state == stateRetry && s.later(e.Kind):
				later[e.Kind]++
				next = 0
			default:
				due, next = append(due, e), 0
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.postpone(ctx, tx, later, partitions)
	})
	return due, next, err
}

// drainKey handles the parked message at d, alone in the process and counted before, if
// it is still the one to come, and makes the next of its key due. It reports whether
// that one can be handled at once.
func (s *session) drainKey(ctx context.Context, h *held, d Entry) (more bool, err error) {
	s.Process.Alone(func() {
		var p parkedRow
		var found bool
		if p, found, err = s.begin(ctx, h, d); err != nil || !found {
			return
		}
		if deadly := s.deadly(p.tries); deadly != nil {
			err = s.again(ctx, h, p, deadly)
			return
		}
		more, err = s.finish(ctx, h, p)
	})
	return more, err
}

// begin takes up the message at d, or the first of its key, and counts that it did.
func (s *session) begin(ctx context.Context, h *held, d Entry) (p parkedRow, found bool, err error) {
	_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
		if err := s.stay(tx, h); err != nil {
			return err
		}
		if p, found, err = s.head(tx, d); err != nil || !found {
			return err
		}
		p.tries++
		return tx.Exec(`UPDATE parked SET tries = $1 WHERE subscription = $2 AND log = $3 AND partition = $4 AND seq = $5`, p.tries, s.DB.Service(), s.Name, p.Partition, p.Seq)
	})
	return p, found, err
}

// finish handles a parked message and takes it out.
func (s *session) finish(ctx context.Context, h *held, p parkedRow) (more bool, err error) {
	left, started := 0, time.Now()
	span := s.span(p.Entry, started, p.past.Attempts+1)
	_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
		if err := s.stay(tx, h); err != nil {
			return err
		}
		if err := s.redo(ctx, tx, p, span); err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM parked WHERE subscription = $1 AND log = $2 AND partition = $3 AND seq = $4`, s.DB.Service(), s.Name, p.Partition, p.Seq); err != nil {
			return err
		}
		left, err = s.nextOf(tx, p.Key)
		return err
	})
	switch {
	case err == nil:
		if span != nil {
			span.End()
		}
		if left == 0 {
			delete(h.parked, p.Key)
		}
		s.handling.Done(ctx, started, p.Time)
		return left > 0, nil
	case unavailable(ctx, err) || errors.Is(err, errLost):
		return false, err
	}
	s.failed = span
	return false, s.again(ctx, h, p, err)
}

// redo runs the handler of a parked message.
func (s *session) redo(ctx context.Context, tx *store.Tx, p parkedRow, span trace.Span) error {
	h, ok := s.handler(p.Kind)
	if p.state == stateDiscarded || !ok {
		return nil
	}
	if err := tx.Lock(s.keys([]Entry{p.Entry})[0]...); err != nil {
		return err
	}
	return s.step(ctx, tx, h, p.Message, span)
}

// head returns what is to be handled of d's key: the first message that is not released,
// if it may be handled; d itself if it ends a thing and so passes the others.
func (s *session) head(tx *store.Tx, d Entry) (p parkedRow, found bool, err error) {
	which, args := `state <> 'released'`, []any{s.DB.Service(), s.Name, d.Key}
	if s.handlers[d.Kind].passes {
		which, args = `seq = $4`, append(args, d.Seq)
	}
	var class, past string
	m := &p.Message
	found, err = tx.Row([]any{&p.Partition, &p.Seq, &m.ID, &m.Kind, &class, &m.Key, &m.Version, &m.Time, &m.Cause, &m.Trace, &m.Body, &p.state, &past, &p.tries},
		`SELECT partition, seq, id, kind, class, key, version, time, cause, trace, body, state, past, tries FROM parked
			WHERE subscription = $1 AND log = $2 AND key = $3 AND `+which+` ORDER BY seq LIMIT 1`, args...)
	if err != nil || !found {
		return p, false, err
	}
	m.Class, p.Position.ID = message.Class(class), m.ID
	p.past, err = failure.ParseHistory(past)
	return p, p.state == stateRetry || p.state == stateDiscarded, err
}

// nextOf makes the next message of a key due, and returns how many are left.
func (s *session) nextOf(tx *store.Tx, key string) (left int, err error) {
	err = tx.Exec(`UPDATE parked SET state = 'retry', due = $1 WHERE subscription = $2 AND log = $3 AND key = $4 AND state = 'waiting'
		AND seq = (SELECT min(seq) FROM parked WHERE subscription = $2 AND log = $3 AND key = $4 AND state <> 'released')`, tx.Now, s.DB.Service(), s.Name, key)
	if err != nil {
		return 0, err
	}
	_, err = tx.Row([]any{&left}, `SELECT count(*) FROM parked WHERE subscription = $1 AND log = $2 AND key = $3 AND state <> 'released'`, s.DB.Service(), s.Name, key)
	return left, err
}

// again stores that a parked message failed once more.
func (s *session) again(ctx context.Context, h *held, p parkedRow, cause error) error {
	var next failure.Next
	left := 0
	_, err := s.db.Update(ctx, nil, func(tx *store.Tx) error {
		if err := s.stay(tx, h); err != nil {
			return err
		}
		next = s.Policy.Judge(p.past, tx.Now, cause)
		err := tx.Exec(`UPDATE parked SET state = $1, due = $2, past = $3, tries = 0, problem = $8, died = $9, redrives = $10
			WHERE subscription = $4 AND log = $5 AND partition = $6 AND seq = $7`, s.stateOf(next), next.Retry, next.Past.String(),
			s.DB.Service(), s.Name, p.Partition, p.Seq, next.Problem(), next.Died(), next.Past.Redrives)
		if err != nil {
			return err
		}
		if err := s.mourn(tx, p.Message, next); err != nil {
			return err
		}
		left, err = s.nextOf(tx, p.Key)
		return err
	})
	s.verdict(p.Entry, next, err)
	if err != nil {
		return err
	}
	s.count(ctx, p.Entry, next)
	if left == 0 {
		delete(h.parked, p.Key)
	}
	return nil
}

// parkedKeys returns the keys of a partition that are parked. One that waits behind
// nothing is made due: its owner has lost sight of it.
func (s *session) parkedKeys(ctx context.Context, partition int) (keys map[string]bool, err error) {
	_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
		keys = map[string]bool{}
		err := tx.Exec(`UPDATE parked SET state = 'retry', due = $1 WHERE subscription = $2 AND log = $3 AND partition = $4 AND state = 'waiting'
			AND NOT EXISTS (SELECT 1 FROM parked f WHERE f.subscription = parked.subscription AND f.log = parked.log AND f.key = parked.key
				AND f.seq < parked.seq AND f.state <> 'released')`, tx.Now, s.DB.Service(), s.Name, partition)
		if err != nil {
			return err
		}
		return tx.Rows(`SELECT DISTINCT key FROM parked WHERE subscription = $1 AND log = $2 AND partition = $3 AND state <> 'released'`,
			[]any{s.DB.Service(), s.Name, partition}, func(scan func(...any) error) error {
				var key string
				err := scan(&key)
				keys[key] = true
				return err
			})
	})
	return keys, err
}
