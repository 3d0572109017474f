package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/trace"
)

// A batch is what was read at once, and is handled in one commit if it can be. This is how it
// is passed by, taken apart until only what is at fault fails, and committed.

// skipLimit is how many messages are passed by before the position is stored all the same.
const skipLimit = 4096

// apply handles what was read, or passes it by if nobody wants it.
func (s *session) apply(ctx context.Context, entries []Entry) error {
	if s.pass(entries) {
		return nil
	}
	for s.careful > 0 && len(entries) > 0 {
		if err := s.carefully(ctx, entries[0]); err != nil {
			return err
		}
		entries = entries[1:]
		s.careful--
	}
	return s.isolate(ctx, entries)
}

// pass moves past entries that no handler wants, without a commit, as long as there
// are not too many of them.
func (s *session) pass(entries []Entry) bool {
	for _, e := range entries {
		if _, wanted := s.handler(e.Kind); wanted {
			return false
		}
	}
	for _, e := range entries {
		if s.held[e.Partition].skipped+len(entries) > skipLimit {
			return false
		}
	}
	for _, e := range entries {
		h := s.held[e.Partition]
		h.at = e.Position
		if e.Class != message.Audit { // what is said about letters alone moves no position: see Behind
			h.skipped++
		}
	}
	return true
}

// isolate handles entries in one commit. If that fails, it takes out the one that
// seems to be at fault and handles the parts, down to a single message, which fails
// for itself alone.
func (s *session) isolate(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	suspect, err := s.commit(ctx, entries)
	if err == nil || unavailable(ctx, err) || errors.Is(err, errLost) {
		return err
	}
	if len(entries) == 1 {
		return s.fail(ctx, entries[0], err)
	}
	parts := [][]Entry{entries[:len(entries)/2], entries[len(entries)/2:]}
	if suspect < len(entries) {
		parts = [][]Entry{entries[:suspect], entries[suspect : suspect+1], entries[suspect+1:]}
	}
	for _, part := range parts {
		if err := s.isolate(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// unavailable reports whether err says nothing about a message.
func unavailable(ctx context.Context, err error) bool {
	return store.Away(err) || ctx.Err() != nil
}

// commit handles entries and moves the positions past them, in one transaction. On an
// error it names the entry that was being handled, len(entries) after the last one.
func (s *session) commit(ctx context.Context, entries []Entry) (suspect int, err error) {
	started := time.Now()
	moves, keys := s.moves(entries), s.keys(entries)
	spans := s.spans(entries, started)
	at, waiting := 0, 0
	var spent time.Duration
	_, err = s.db.Update(ctx, nil, func(tx *store.Tx) error {
		begun := time.Now()
		at, waiting = 0, 0
		if err := s.fence(tx, moves); err != nil {
			return err
		}
		if err := tx.Lock(slices.Concat(keys...)...); err != nil {
			return err
		}
		at, err = tx.Each(keys, func(tx *store.Tx, i int) error {
			parked, err := s.handle(ctx, tx, entries[i], spans.of(i))
			if parked {
				waiting++
			}
			return err
		})
		spent = time.Since(begun)
		return err
	})
	if err != nil {
		if len(entries) == 1 {
			s.failed = spans.of(0)
		}
		return at, err // the spans of others are forgotten: they come again
	}
	spans.end()
	s.sizer.Took(len(entries), spent)
	s.moved(moves)
	s.record(ctx, started, entries, waiting)
	return 0, nil
}

// handle runs the handler of an entry, or parks the entry behind its key.
func (s *session) handle(ctx context.Context, tx *store.Tx, e Entry, span trace.Span) (parked bool, err error) {
	h, ok := s.handler(e.Kind)
	if !ok {
		return false, nil
	}
	if s.held[e.Partition].parked[e.Key] && !h.passes {
		return true, s.park(tx, e, stateWaiting, failure.Next{})
	}
	return false, s.step(ctx, tx, h, e.Message, span)
}

// keys returns the keys that the handlers of entries decide on; none where there is
// nobody to lock them against.
func (s *session) keys(entries []Entry) [][]string {
	all := make([][]string, len(entries))
	if s.DB.Alone() {
		return all
	}
	for i, e := range entries {
		all[i] = []string{e.Key}
		if h, ok := s.handler(e.Kind); ok && h.keys != nil {
			if keys, err := h.keys(e.Message); err == nil { // else the handler says so, for itself
				all[i] = keys
			}
		}
	}
	return all
}

// record measures what was handled.
func (s *session) record(ctx context.Context, started time.Time, entries []Entry, waiting int) {
	sent := make([]time.Time, 0, len(entries))
	for _, e := range entries {
		if h, ok := s.handler(e.Kind); ok && (!s.held[e.Partition].parked[e.Key] || h.passes) {
			sent = append(sent, e.Time)
		}
	}
	s.Strain.Handled(s.DB.Service()+" of "+s.Name, sent...)
	s.handling.Done(ctx, started, sent...)
	s.handling.Count(ctx, "waiting", waiting)
}
