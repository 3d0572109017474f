package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

func views() []test {
	return []test{
		// A total and its lines are of the same moment.
		{"reads one snapshot", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error { return add(c, "a") }))
			k.must(k.d.View(k.ctx, func(c store.Conn) error {
				before, err := read(c, "a")
				if err != nil {
					return err
				}
				if err := k.update(k.d, nil, func(c store.Conn) error { return add(c, "a") }); err != nil {
					return err
				}
				after, err := read(c, "a")
				if before != 1 || after != 1 {
					k.Errorf("read %d and then %d, want 1 twice", before, after)
				}
				return err
			}))
			k.wantCount("a", 2)
		}},
		// Who was told "stored" finds it: no replica, no old snapshot.
		{"sees every commit before it", func(k *desk) {
			other := k.again()
			for i := range int64(20) {
				k.must(k.update(other, nil, func(c store.Conn) error { return add(c, "a") }))
				k.wantCount("a", i+1)
			}
		}},
		// Reading goes on while the writer is held up.
		{"does not wait for a change", func(k *desk) {
			release := k.hold("a")
			defer release()
			k.within(500*time.Millisecond, func() { k.wantCount("a", 0) })
		}},
		// The caller branches on its own errors.
		{"returns the error of read", func(k *desk) {
			k.want(k.d.View(k.ctx, func(store.Conn) error { return errOwn }), errOwn)
		}},
		// A client that has gone frees its connection, unspoilt.
		{"ends with ctx", func(k *desk) {
			ctx, cancel := context.WithTimeout(k.ctx, 100*time.Millisecond)
			defer cancel()
			k.within(2*time.Second, func() {
				if err := k.d.View(ctx, runSlow); err == nil {
					k.Error("a View that takes hours returned nil")
				}
			})
			k.wantCount("a", 0) // the connection is as good as before
		}},
		// An old snapshot keeps the WAL, or dead rows, from being cleaned.
		{"ends after five seconds at the latest", func(k *desk) {
			k.within(7*time.Second, func() {
				if err := k.d.View(k.ctx, runSlow); err == nil {
					k.Error("a View that takes hours returned nil")
				}
			})
			k.wantCount("a", 0)
		}},
		// A View that leaks its connection reads nobody else's snapshot.
		{"has a connection that is useless afterwards", func(k *desk) {
			var leaked store.Conn
			k.must(k.d.View(k.ctx, func(c store.Conn) error { leaked = c; return nil }))
			k.useless(leaked)
		}},
		// A decision slipped into a View is refused.
		{"changes nothing", func(k *desk) {
			err := k.d.View(k.ctx, func(c store.Conn) error {
				return errors.Join(add(c, "a"), second(read(c, "a")))
			})
			if err == nil {
				k.Error("a View that writes returned nil")
			}
			k.wantCount("a", 0)
		}},
	}
}
