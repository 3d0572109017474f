package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/stream"
)

// A standstill knows whether every service that an order waits for still reads the logs
// that it follows. One that does not would let new orders wait until their deadlines, and
// whoever puts back the journal that was read throws them away with the other. So none are
// taken: the platform is not ready.
//
// It asks the databases, for the readers may be in other processes, and it asks them beside
// the requests. Until it has compared all positions with their logs nothing is taken
// either: the readers have not looked yet.
type standstill struct {
	members []member // all; those that are awaited count
	logs    map[string]stream.Log
	stopped atomic.Pointer[map[string]error] // by service; nil: not known yet
}

// errNotCompared: whether the logs are those that were read is not known yet.
var errNotCompared = errors.New("the logs have not been compared with what was read of them yet")

// halted reports whether no more orders are to be taken.
func (s *standstill) halted() bool {
	stopped := s.stopped.Load()
	return stopped == nil || len(*stopped) > 0
}

// works returns a check of readiness: that a service reads what it follows.
func (s *standstill) works(service string) func(context.Context) error {
	return func(context.Context) error {
		stopped := s.stopped.Load()
		if stopped == nil {
			return errNotCompared
		}
		return (*stopped)[service]
	}
}

// lookEvery is how old the answers may be.
const lookEvery = time.Second

// run looks again and again, until ctx is done.
func (s *standstill) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			// A database that is away says so for itself, to whoever orders and to
			// whoever asks for readiness. What was known stays so.
			_ = s.look(ctx)
		}
	}
}

// look asks the databases. At first, and as long as something stands still, it compares,
// too: the readers may not have looked yet.
func (s *standstill) look(ctx context.Context) error {
	before, halted := s.stopped.Load(), s.halted()
	found := map[string]error{}
	for _, m := range s.members {
		if !m.awaited {
			continue
		}
		all, err := stream.Stopped(ctx, m.db)
		if err == nil && len(all) == 0 && halted {
			all, err = s.compare(ctx, m)
		}
		if err != nil {
			return err
		}
		if len(all) > 0 {
			found[m.name()] = told(all)
		}
	}
	s.stopped.Store(&found)
	switch was := before != nil && len(*before) > 0; {
	case len(found) > 0 && !was:
		for service, why := range found {
			slog.ErrorContext(ctx, "no more orders are taken: a service that they wait for does not read what it follows", "service", service, "error", why)
		}
	case len(found) == 0 && was:
		slog.InfoContext(ctx, "orders are taken again: everything is read that they wait for")
	}
	return nil
}

// compare returns the logs that the readers of m will stop at.
func (s *standstill) compare(ctx context.Context, m member) (all []stream.Standstill, err error) {
	for _, log := range m.logs() {
		found, err := stream.Strange(ctx, m.db, log, s.logs[log])
		if err != nil {
			return nil, err
		}
		if found.Partitions > 0 {
			all = append(all, found)
		}
	}
	return all, nil
}

// told puts into words what a service does not read.
func told(all []stream.Standstill) error {
	var errs []error
	for _, still := range all {
		errs = append(errs, fmt.Errorf("%d partitions of the log %s are not read: %s", still.Partitions, still.Log, still.Why))
	}
	return errors.Join(errs...)
}
