package stream

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// laterPause is how long a message waits that needs a newer binary, until it is looked at
// again.
const laterPause = time.Minute

// newest returns the latest version that handlers know of each name.
func newest(handlers []Handler) map[string]int {
	versions := make(map[string]int, len(handlers))
	for _, h := range handlers {
		name, version := message.Versioned(h.Kind)
		versions[name] = max(versions[name], version)
	}
	return versions
}

// handler returns what handles a kind. A later version of what is handled is not passed
// by: it waits, and its key with it, for a binary that knows it.
func (s *session) handler(kind string) (h Handler, ok bool) {
	if h, ok = s.handlers[kind]; ok || !s.later(kind) {
		return h, ok
	}
	return Handler{Log: s.Name, Kind: kind, handle: func(context.Context, *store.Tx, message.Message) error {
		return failure.Wait(laterPause, fmt.Errorf("%s is of a later version than this binary knows: it waits for a newer binary of %s", kind, s.DB.Service()))
	}}, true
}

// later reports whether a kind is a later version of what is handled than any handler knows.
func (s *session) later(kind string) bool {
	name, version := message.Versioned(kind)
	if version == 1 {
		return false // most that nobody here wants
	}
	known, handled := s.versions[name]
	return handled && version > known
}

// postpone puts off, all at once, what is due and still needs a newer binary: a key by
// itself would cost two commits, and there may be as many as there are orders.
func (s *session) postpone(ctx context.Context, tx *store.Tx, kinds map[string]int, partitions string) error {
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		slog.WarnContext(ctx, "messages wait for a newer binary", "service", s.DB.Service(), "log", s.Name, "kind", kind)
		err := tx.Exec(`UPDATE parked SET due = $1 WHERE subscription = $2 AND log = $3 AND state = 'retry' AND due <= $4 AND kind = $5
			AND partition IN (`+partitions+`)`, tx.Now.Add(laterPause), s.DB.Service(), s.Name, tx.Now, kind)
		if err != nil {
			return err
		}
	}
	return nil
}
