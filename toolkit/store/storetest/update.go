package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

func updates() []test {
	return []test{
		// An acknowledgement before the commit would lose this.
		{"nil means stored: it is there after the database was closed", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error { return add(c, "a") }))
			k.must(k.d.Close())
			k.d = k.open()
			k.wantCount("a", 1)
		}},
		// Nothing is shared between calls without a lock.
		{"methods may be called concurrently", concurrent},
		// Histories and leases compare its times.
		{"the clock never steps back", func(k *desk) {
			var last time.Time
			for range 20 {
				k.must(k.d.Update(k.ctx, store.Change{Run: func(_ store.Conn, now time.Time) error {
					if now.Before(last) || now.Truncate(time.Microsecond) != now {
						k.Errorf("now is %v after %v; want whole microseconds, never back", now, last)
					}
					last = now
					return nil
				}}))
			}
		}},
		// A client that has gone does not stand in line.
		{"ctx ends the wait for a turn", endsWait},
		// Its change must not slip in as the line moves.
		{"ctx that is done before is the end", func(k *desk) {
			release := k.hold("a")
			defer release()
			ctx, cancel := context.WithCancel(k.ctx)
			cancel()
			err := k.d.Update(ctx, store.Change{Keys: []string{"a"}, Run: func(c store.Conn, _ time.Time) error { return add(c, "a") }})
			k.want(err, context.Canceled)
		}},
		// Pruning and rebuilding do not slow orders down.
		{"background changes wait while others are waiting", background},
		// A service that stops gets an error, not a hang.
		{"after Close nothing is done", func(k *desk) {
			k.must(k.d.Close())
			k.want(k.update(k.d, nil, func(c store.Conn) error { return add(c, "a") }), store.ErrUnavailable)
			k.want(k.d.View(k.ctx, func(store.Conn) error { return nil }), store.ErrUnavailable)
		}},
	}
}

func concurrent(k *desk) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				if err := k.update(k.d, []string{"a"}, func(c store.Conn) error { return add(c, "a") }); err != nil {
					k.Error(err)
				}
				if err := k.d.View(k.ctx, func(c store.Conn) error { _, err := read(c, "a"); return err }); err != nil {
					k.Error(err)
				}
				if _, err := k.d.Settled(k.ctx); err != nil {
					k.Error(err)
				}
			}
		})
	}
	wg.Wait()
	k.wantCount("a", 200)
}

// endsWait: a change that waits for the turn of its key is given up with its context,
// long before its turn, and never runs.
func endsWait(k *desk) {
	release := k.hold("a")
	defer release()
	cause := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(k.ctx)
	done := make(chan error, 1)
	var ran atomic.Bool
	go func() {
		done <- k.d.Update(ctx, store.Change{Keys: []string{"a"}, Run: func(c store.Conn, _ time.Time) error {
			ran.Store(true)
			return add(c, "a")
		}})
	}()
	settle()
	cancel(cause)
	k.within(500*time.Millisecond, func() { k.want(<-done, cause) })
	release()
	k.must(k.update(k.d, []string{"a"}, func(store.Conn) error { return nil }))
	if ran.Load() {
		k.Error("a change ran whose caller had gone")
	}
}

// background puts work in the background in line before the rest, behind as many
// changes as the driver runs at once.
func background(k *desk) {
	const many = 40
	end := make(chan struct{})
	var wg sync.WaitGroup
	start := func(n int, background bool, run func()) {
		for range n {
			wg.Go(func() {
				err := k.d.Update(k.ctx, store.Change{Background: background, Run: func(store.Conn, time.Time) error { run(); return nil }})
				if err != nil {
					k.Error(err)
				}
			})
		}
		settle()
	}
	start(200, false, func() { <-end })
	var rank, front, back atomic.Int64
	start(many, true, func() { back.Add(rank.Add(1)) })
	start(many, false, func() { front.Add(rank.Add(1)) })
	close(end)
	wg.Wait()
	if front.Load() >= back.Load() {
		k.Errorf("mean turn of work in the background %d, of the other %d that came later; want it after them", back.Load()/many, front.Load()/many)
	}
}
