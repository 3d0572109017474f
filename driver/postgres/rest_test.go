package postgres

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever gets no connection waits before it asks again, longer each time, and not at all
// once there was one. Many who ask together make the wait no longer.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rest
		waited := func() time.Duration {
			began := time.Now()
			if err := r.wait(t.Context()); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		if got := waited(); got != 0 {
			t.Errorf("at first: waited %v", got)
		}
		for _, want := range []time.Duration{20, 40, 80, 160, 320, 500, 500} {
			for range 10 {
				r.begin()
			}
			if got := waited(); got != want*time.Millisecond {
				t.Errorf("waited %v, want %v ms", got, int64(want))
			}
			time.Sleep(time.Millisecond)
		}
		r.begin()
		r.end()
		if got := waited(); got != 0 {
			t.Errorf("with a connection: waited %v", got)
		}
		r.begin()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: got %v", err)
		}
	})
}
