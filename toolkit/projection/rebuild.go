package projection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Rebuilder rebuilds one projection whenever it is asked to.
type Rebuilder struct {
	Projection
	DB      *store.DB // of the service that owns it
	Logs    map[string]stream.Log
	Process *run.Process
	Lease   time.Duration // how long a lost instance keeps it; 3s

	left atomic.Int64 // to be folded, about
}

const (
	chunk    = 4096        // entries that are read at a time
	lookTime = time.Second // between looks for what was asked elsewhere
	backOff  = 100 * time.Millisecond
	lostMost = 3 // owners that a rebuild loses at one place, before it has failed
)

// Run rebuilds until ctx is done, gives up what it has in hand and returns nil. What the
// database cannot do now is waited for; what was folded before a kill need not be again.
func (r *Rebuilder) Run(ctx context.Context) error {
	stop, err := r.measure()
	if err != nil {
		return err
	}
	defer stop()
	hint, unwatch := r.DB.Watch(topic)
	defer unwatch()
	for ctx.Err() == nil {
		wait := lookTime
		if err := r.turn(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errLost) {
			slog.WarnContext(ctx, "a rebuild has stopped and is tried again", "projection", r.Name, "error", err)
		} else if errors.Is(err, errLost) {
			wait = backOff
		}
		pause(ctx, wait, hint)
	}
	return nil
}

// pause waits for a while, a hint, or the end of ctx.
func pause(ctx context.Context, d time.Duration, hint <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-hint:
	}
}

// turn takes up what was asked for, if nobody else has it, and brings it to its end.
func (r *Rebuilder) turn(ctx context.Context) error {
	var now Status
	if err := r.DB.View(ctx, func(tx *store.Tx) (err error) { now, err = r.load(tx); return err }); err != nil || !now.Running() {
		return err
	}
	s, err := r.take(ctx)
	if err != nil || s == nil {
		return err
	}
	defer r.left.Store(0)
	defer s.release()
	slog.InfoContext(ctx, "a projection is rebuilt", "projection", r.Name, "state", s.state, "events", s.events, "who", s.who)
	for {
		var err error
		switch s.state {
		case Asked:
			err = s.prepare(ctx)
		case Folding:
			err = s.fold(ctx)
		case Clearing:
			err = s.clear(ctx)
		default:
			return nil
		}
		switch {
		case ctx.Err() != nil || errors.Is(err, errLost):
			return err
		case errors.Is(err, errHopeless):
			err = s.fail(ctx, err)
		case err != nil && !s.passing(err):
			err = s.fail(ctx, err)
		case err != nil:
			slog.WarnContext(ctx, "a rebuild waits", "projection", r.Name, "error", err)
			pause(ctx, backOff, nil)
			continue
		}
		if err != nil {
			return err
		}
	}
}

// errHopeless: no other try would help.
var errHopeless = errors.New("cannot be rebuilt")

// passing reports whether err may be over at another try.
func (s *session) passing(err error) bool {
	return store.Away(err) || errors.Is(err, store.ErrRevoked) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// A session is one owner's part of a rebuild. It is used by one goroutine.
type session struct {
	*Rebuilder
	back    *store.DB // what can wait
	token   int64
	state   string
	who     string
	compare bool
	at      map[string]place
	events  int64
	digest  digest
	lefts   map[string]int64 // to be folded, by log
	apart   bool             // the first log is read to its end before the others
	texts   map[string]string
	floor   int64 // of the service's own log, up to which all was read
	sizer   *run.Sizer
	pace    run.Pacer
}

// A place is how far a log was read.
type place struct {
	identity  string
	positions []store.Position // one for each partition
}

// lease is how long the row is held without a sign of life.
func (r *Rebuilder) lease() time.Duration {
	if r.Lease == 0 {
		return 3 * time.Second
	}
	return r.Lease
}

// take takes the rebuild, unless another instance that lives has it; then it returns nil. One
// that takes its owners with it, again and again at one place, has failed.
func (r *Rebuilder) take(ctx context.Context) (*session, error) {
	var s *session
	_, err := r.DB.Background().Update(ctx, nil, func(tx *store.Tx) error {
		s = nil
		now, err := r.load(tx)
		if err != nil || !now.Running() || now.State == Folding && now.format > r.Format || now.Owner != "" && now.Owner != r.Process.Instance && !r.DB.Alone() && now.until.After(tx.Now) {
			return err
		}
		strikes := now.strike
		if now.Owner != "" {
			strikes++
		}
		ours, err := tx.Row([]any{nil}, `UPDATE rebuild SET owner = $1, token = token + 1, until = $2, strikes = $3 WHERE projection = $4 AND token = $5 RETURNING token`,
			r.Process.Instance, tx.Now.Add(r.lease()), strikes, r.Name, now.token)
		if err != nil || !ours {
			return err
		}
		s = &session{Rebuilder: r, back: r.DB.Background(), token: now.token + 1, state: now.State, who: now.Who, compare: now.Compare,
			events: now.Events, lefts: map[string]int64{}, texts: map[string]string{}, sizer: run.NewSizer(chunk, r.DB.Alone())}
		if s.digest, err = parseDigest(now.Digest); err != nil {
			return err
		}
		if strikes >= lostMost && now.State != Clearing {
			s.state = Clearing
			return s.end(tx, Failed, fmt.Sprintf("%d processes were lost that had it, after %d events: the log of the last one says why", strikes, now.Events))
		}
		if now.State == Folding && now.format < r.Format {
			return s.again(tx)
		}
		s.at, err = r.places(tx)
		return err
	})
	return s, err
}

// again goes back to the beginning: what is folded so far, this binary would fold otherwise.
func (s *session) again(tx *store.Tx) error {
	s.state, s.events, s.digest = Asked, 0, digest{}
	return tx.Exec(`UPDATE rebuild SET state = $1, events = 0, digest = '' WHERE projection = $2`, Asked, s.Name)
}

// places reads how far the rebuild is.
func (r *Rebuilder) places(tx *store.Tx) (map[string]place, error) {
	all := map[string]place{}
	err := tx.Rows(`SELECT log, identity, partition, seq, id FROM rebuild_position WHERE projection = $1 ORDER BY log, partition`, []any{r.Name}, func(scan func(...any) error) error {
		var log string
		var p store.Position
		var of place
		err := scan(&log, &of.identity, &p.Partition, &p.Seq, &p.ID)
		of.positions = append(all[log].positions, p)
		all[log] = of
		return err
	})
	return all, err
}

// fence is the first thing of every change: nothing happens if the rebuild has another owner,
// or was cancelled.
func (s *session) fence(tx *store.Tx) error {
	ours, err := tx.Row([]any{nil}, `UPDATE rebuild SET until = $1, strikes = 0 WHERE projection = $2 AND token = $3 AND state = $4 RETURNING token`,
		tx.Now.Add(s.lease()), s.Name, s.token, s.state)
	if err == nil && !ours {
		err = errLost
	}
	return err
}

// end begins to clear, and says how the rebuild will have ended then.
func (s *session) end(tx *store.Tx, outcome, why string) error {
	if err := tx.Exec(`DELETE FROM rebuild_position WHERE projection = $1`, s.Name); err != nil {
		return err
	}
	return tx.Exec(`UPDATE rebuild SET state = $1, outcome = $2, error = $3 WHERE projection = $4`, Clearing, outcome, why, s.Name)
}

// fail ends the rebuild for a reason; the tables in use stay as they are.
func (s *session) fail(ctx context.Context, why error) error {
	slog.ErrorContext(ctx, "a projection cannot be rebuilt", "projection", s.Name, "error", why)
	return s.update(ctx, Clearing, func(tx *store.Tx) error { return s.end(tx, Failed, why.Error()) })
}

// update changes something, as the owner, and goes on in a state.
func (s *session) update(ctx context.Context, next string, change func(*store.Tx) error) error {
	_, err := s.back.Update(ctx, nil, func(tx *store.Tx) error {
		if err := s.fence(tx); err != nil {
			return err
		}
		return change(tx)
	})
	if err == nil {
		s.state = next
	}
	return err
}

// release gives the rebuild back, so that nobody need wait for the lease.
func (s *session) release() {
	ctx, cancel := context.WithTimeout(context.Background(), s.lease())
	defer cancel()
	_, err := s.back.Update(ctx, nil, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE rebuild SET owner = '', strikes = 0 WHERE projection = $1 AND token = $2`, s.Name, s.token)
	})
	if err != nil {
		slog.WarnContext(ctx, "a rebuild was not given back", "projection", s.Name, "error", err)
	}
}

// prepare makes the shadows, after whatever was left of others.
func (s *session) prepare(ctx context.Context) error {
	if err := s.sweep(ctx); err != nil {
		return err
	}
	identities := map[string]string{}
	for _, source := range s.Sources {
		log := s.Logs[source.Log]
		if log == nil {
			return fmt.Errorf("%w: nobody has the log %s", errHopeless, source.Log)
		}
		id, err := log.Identity(ctx)
		if err != nil {
			return err
		}
		identities[source.Log] = id
	}
	err := s.update(ctx, Folding, func(tx *store.Tx) error {
		e, err := tx.Exchanger()
		if err != nil {
			return fmt.Errorf("%w: %w", errHopeless, err)
		}
		for _, t := range s.Tables {
			if err := e.Shadow(t.Name); err != nil {
				return err
			}
		}
		return s.start(tx, identities)
	})
	if err != nil {
		return err
	}
	s.events, s.digest = 0, digest{}
	return s.back.View(ctx, func(tx *store.Tx) (err error) { s.at, err = s.places(tx); return err })
}

// start puts the rebuild at the beginning of every log.
func (s *session) start(tx *store.Tx, identities map[string]string) error {
	if err := tx.Exec(`DELETE FROM rebuild_position WHERE projection = $1`, s.Name); err != nil {
		return err
	}
	for log, identity := range identities {
		for p := range store.Partitions {
			err := tx.Insert("rebuild_position (projection, log, partition, identity)", "", s.Name, log, p, identity)
			if err != nil {
				return err
			}
		}
	}
	return tx.Exec(`UPDATE rebuild SET state = $1, events = 0, digest = '', format = $2 WHERE projection = $3`, Folding, s.Format, s.Name)
}
