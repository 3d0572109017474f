package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/trace"
)

// A Reader gives the messages of one log to the handlers of one service. Fields that
// name no default are required.
type Reader struct {
	DB       *store.DB // the service's: its name is the subscription's
	Log      Log
	Name     string // of the log
	Handlers []Handler
	Policy   failure.Policy
	Process  *run.Process
	Lease    time.Duration // how long a lost instance holds its partitions; 3s
	Strain   *run.Strain   // of those who wait for what is said in the log; none
	// Rest is how long it waits after a batch that was not full, so that the next is
	// larger: for a service that may be late, and whose writer nobody waits for; none.
	Rest time.Duration
}

const (
	batchSize    = 256
	catchUpPause = time.Second           // between positions stored for what was passed by
	drainPause   = time.Second           // between looks for what an operator has marked, at most,
	parkPause    = 10 * time.Millisecond // and at least
)

// errLost: a partition is not ours any more.
var errLost = errors.New("the partition has another owner")

// Run reads until ctx is done, then finishes the batch in hand, gives its partitions
// back and returns nil. It returns an error only for a wrong configuration; what the
// database or the log cannot do now is waited for.
func (r *Reader) Run(ctx context.Context) error {
	s, err := r.session()
	if err != nil {
		return err
	}
	stop, err := s.measure()
	if err != nil {
		return err
	}
	defer stop()
	hint, unwatch := r.Log.Watch()
	defer unwatch()
	defer func() { s.complain(ctx, s.release()) }()
	rewound, unwatchRewound := s.DB.Watch(rewound(s.Name))
	defer unwatchRewound()
	idle := run.NewIdlerWhile(s.DB.Hinted)
	for ctx.Err() == nil {
		select {
		case <-rewound:
			s.forget()
		default:
		}
		progress, err := s.turn(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.complain(ctx, err)
			idle.Wait(ctx, nil)
		case progress:
			s.complain(ctx, nil)
			idle.Reset()
			s.rest(ctx)
		default:
			idle.Wait(ctx, hint)
		}
	}
	return nil
}

// A session is one run of a Reader. It is used by one goroutine.
type session struct {
	*Reader
	*leases
	handlers  map[string]Handler
	versions  map[string]int // by name of a kind: the latest that is handled
	handling  *run.Handling
	tracer    trace.Tracer // nil: nothing is traced
	failed    trace.Span   // of the attempt that has just failed for itself alone; nil: it is not traced
	life      string       // of the server of the log; "": it has none, or was not asked
	drainAt   time.Time
	drained   bool // there was nothing to drain when leases were renewed
	pace      run.Pacer
	sizer     *run.Sizer
	catchUpAt time.Time
	careful   int  // messages still to be read in careful mode
	first     int  // where the next read begins
	full      bool // there was more to read than was
	troubled  bool
	tries     int // failed attempts, at once, of the message that is handled alone
}

func (r *Reader) session() (*session, error) {
	if err := r.Policy.Check(); err != nil {
		return nil, fmt.Errorf("reader of %s by %s: %w", r.Name, r.DB.Service(), err)
	}
	s := &session{Reader: r, leases: newLeases(r.DB, r.DB.Service(), r.Name, r.Process.Instance, r.Lease), tracer: r.Process.Tracer(r.DB.Service()), handlers: map[string]Handler{}, versions: newest(r.Handlers),
		sizer: run.NewSizer(batchSize, r.DB.Alone() && r.Rest == 0)}
	s.counted = true
	for _, h := range r.Handlers {
		if h.Log != r.Name {
			return nil, fmt.Errorf("reader of %s by %s: the handler of %s is for log %s", r.Name, r.DB.Service(), h.Kind, h.Log)
		}
		if _, twice := s.handlers[h.Kind]; twice {
			return nil, fmt.Errorf("reader of %s by %s: two handlers of %s", r.Name, r.DB.Service(), h.Kind)
		}
		s.handlers[h.Kind] = h
	}
	return s, nil
}

// rest lets messages gather for a reader that may be late. Whoever is behind goes on.
func (s *session) rest(ctx context.Context) {
	if s.Rest == 0 || s.full {
		return
	}
	t := time.NewTimer(s.Rest)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// turn does what there is to do, once, and reports whether that was anything.
func (s *session) turn(ctx context.Context) (progress bool, err error) {
	if time.Now().After(s.holdAt) {
		if err := s.hold(ctx, s.take, s.look); err != nil {
			return false, s.lost(err)
		}
	}
	drained, err := s.drain(ctx)
	if err != nil {
		return false, s.lost(err)
	}
	s.pace.Next()
	entries, err := s.read(ctx)
	if err == nil && s.anew() {
		return false, s.lost(s.compare(ctx))
	}
	if err != nil {
		s.forget() // the log may be another one when it is back
		return false, err
	}
	if len(entries) == 0 {
		return drained, s.lost(s.catchUp(ctx))
	}
	defer func() { s.pace.Done(len(entries), s.full) }()
	return true, s.lost(s.apply(ctx, entries))
}

// take begins to read a partition, if its log is still the one its position is of.
func (s *session) take(ctx context.Context, r row) error {
	identity, err := s.Log.Identity(ctx)
	if err != nil {
		return err
	}
	h := &held{stored: r.Position, at: r.Position, identity: identity, token: r.token, struck: r.strikes > 0}
	why, err := stranger(ctx, s.Log, named{s.Name, identity}, r)
	if err != nil {
		return err
	}
	s.looked[r.Partition] = true
	if why != "" {
		return s.stop(ctx, h, why)
	}
	if r.stopped != "" {
		if err := s.goOn(ctx, h); err != nil {
			return err
		}
	}
	if r.strikes >= lostTwice {
		s.careful = batchSize // as much as it can have had in hand
	}
	if h.parked, err = s.parkedKeys(ctx, r.Partition); err != nil {
		return err
	}
	s.held[r.Partition] = h
	return nil
}

// catchUp stores now and then how far was read of what nobody wants, so that the lag
// that others see is true, and that an owner who was lost had nothing in hand.
func (s *session) catchUp(ctx context.Context) error {
	if time.Now().Before(s.catchUpAt) {
		return nil
	}
	s.catchUpAt = time.Now().Add(catchUpPause)
	var moves []move
	for _, h := range s.held {
		if h.struck {
			if behind, err := s.Log.Behind(ctx, []store.Position{h.at}); err != nil {
				return err
			} else if behind > 0 { // what cannot be read yet may be what its owner had in hand
				continue
			}
		} else if h.skipped == 0 {
			continue
		}
		moves = append(moves, move{held: h, to: h.at})
	}
	if len(moves) == 0 {
		return nil
	}
	_, err := s.db.Update(ctx, nil, func(tx *store.Tx) error { return s.fence(tx, moves) })
	if err == nil {
		s.moved(moves)
	}
	return err
}

// lost forgets all partitions if one of them was lost.
func (s *session) lost(err error) error {
	if !errors.Is(err, errLost) {
		return err
	}
	s.forget()
	return nil
}

// read returns what follows, a little of every partition in turn.
func (s *session) read(ctx context.Context) ([]Entry, error) {
	q := Query{Follow: true, Max: s.sizer.Size(), Want: func(kind string) bool { _, ok := s.handler(kind); return ok }}
	for i := range store.Partitions {
		if h := s.held[(s.first+i)%store.Partitions]; h != nil {
			q.From = append(q.From, h.at)
		}
	}
	s.first = (s.first + 1) % store.Partitions
	if len(q.From) == 0 {
		return nil, nil
	}
	if s.careful > 0 {
		q.Max = min(q.Max, s.careful)
	}
	entries, err := s.Log.Read(ctx, q)
	s.full = len(entries) >= q.Max
	if err != nil || len(entries) > 0 || s.careful == 0 {
		return entries, err
	}
	behind, err := s.Log.Behind(ctx, q.From)
	if err == nil && behind == 0 {
		s.careful = 0 // whatever a lost owner was reading has been read
	}
	return nil, err
}

// complain logs the first error of a row, and that it is over.
func (s *session) complain(ctx context.Context, err error) {
	switch {
	case errors.Is(err, ErrUnseen):
		slog.DebugContext(ctx, "nothing to read yet", "service", s.DB.Service(), "log", s.Name, "error", err)
		return
	case err != nil && !s.troubled:
		slog.WarnContext(ctx, "reading has stopped and is tried again", "service", s.DB.Service(), "log", s.Name, "error", err)
	case err == nil && s.troubled:
		slog.InfoContext(ctx, "reading goes on", "service", s.DB.Service(), "log", s.Name)
	}
	s.troubled = err != nil
}
