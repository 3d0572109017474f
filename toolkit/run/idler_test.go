package run_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
)

// waited is how long an Idler waits, by the clock of the bubble.
func waited(ctx context.Context, i *run.Idler, hint <-chan struct{}) time.Duration {
	began := time.Now()
	i.Wait(ctx, hint)
	return time.Since(began)
}

// Each wait is twice the one before, up to the longest, and short again after a Reset.
func TestIdlerBacksOff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hinted bool
		most   time.Duration
	}{
		{"hinted", true, time.Second},
		{"not hinted", false, 200 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idler := run.NewIdler(tt.hinted)
				for range 2 {
					want := 5 * time.Millisecond
					for range 12 {
						if got := waited(t.Context(), idler, nil); got != want {
							t.Errorf("waited %v, want %v", got, want)
						}
						want = min(2*want, tt.most)
					}
					idler.Reset()
				}
			})
		})
	}
}

// A hint ends the wait at once, and the next waits are short: there may be more.
func TestHintWakesTheIdler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idler, hint := run.NewIdler(true), make(chan struct{}, 1)
		for range 10 {
			idler.Wait(t.Context(), hint)
		}
		time.AfterFunc(300*time.Millisecond, func() { hint <- struct{}{} })
		if got := waited(t.Context(), idler, hint); got != 300*time.Millisecond {
			t.Errorf("waited %v for a hint that came after 300ms", got)
		}
		if got := waited(t.Context(), idler, hint); got != 5*time.Millisecond {
			t.Errorf("waited %v after a hint, want 5ms", got)
		}
		hint <- struct{}{}
		if got := waited(t.Context(), idler, hint); got != 0 {
			t.Errorf("waited %v with a hint at hand, want 0", got)
		}
	})
}

// The end of its context ends the wait, whenever it comes.
func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idler := run.NewIdler(true)
		for range 10 {
			idler.Wait(t.Context(), nil)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if got := waited(ctx, idler, nil); got != 10*time.Millisecond {
			t.Errorf("waited %v, want the 10ms until the context ended", got)
		}
		if got := waited(ctx, idler, nil); got != 0 {
			t.Errorf("waited %v under a context that has ended, want 0", got)
		}
	})
}

// After a batch comes a rest of as long a time again, 2 to 25 ms; whoever comes later
// than that does not wait, nor does anybody after a full one.
func TestPacer(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var p run.Pacer
		for n, tt := range []struct {
			batch, pause, want time.Duration
			of                 int
			full               bool
		}{
			{0, 0, 0, 0, false},
			{ms / 2, 0, ms, 1, false},
			{0, 0, ms, 1, false},
			{64 * ms / 4, 0, 63 * ms / 4, 1, false},
			{16 * ms, 0, 12 * ms, 16, false},
			{16 * ms, 0, 4 * ms, 48, false},
			{16 * ms, 0, ms, 63, false},
			{16 * ms, 0, 0, 64, false},
			{16 * ms, 0, 0, 200, false},
			{16 * ms, 0, 0, 3, true},
			{16 * ms, 4 * ms, 8 * ms, 16, false},
			{16 * ms, 16 * ms, 0, 16, false},
			{time.Second, 0, 25 * ms, 1, false},
			{time.Second, time.Hour, 0, 1, false},
		} {
			<-time.After(tt.batch)
			if n > 0 {
				p.Done(tt.of, tt.full)
			}
			<-time.After(tt.pause)
			began := time.Now()
			p.Next()
			if got := time.Since(began); got != tt.want {
				t.Errorf("call %d, after a batch of %d in %v and a pause of %v, waited %v; want %v", n+1, tt.of, tt.batch, tt.pause, got, tt.want)
			}
		}
		began := time.Now()
		p.Next() // the one before has found nothing to do
		if got := time.Since(began); got != 0 {
			t.Errorf("waited %v after a look that found nothing", got)
		}
	})
}

// Where hints stop coming, it looks more often from the next wait on, and seldom again once
// they come.
func TestIdlerWhileHinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hinted := true
		idler := run.NewIdlerWhile(func() bool { return hinted })
		for range 12 {
			idler.Wait(t.Context(), nil)
		}
		if got := waited(t.Context(), idler, nil); got != time.Second {
			t.Errorf("hinted: waited %v", got)
		}
		hinted = false
		if got := waited(t.Context(), idler, nil); got != 200*time.Millisecond {
			t.Errorf("not hinted any more: waited %v", got)
		}
		hinted = true
		for range 4 {
			idler.Wait(t.Context(), nil)
		}
		if got := waited(t.Context(), idler, nil); got != time.Second {
			t.Errorf("hinted again: waited %v", got)
		}
		if got := waited(t.Context(), run.NewIdlerWhile(func() bool { return true }).AtMost(time.Millisecond), nil); got != time.Millisecond {
			t.Errorf("at most a millisecond: waited %v", got)
		}
	})
}
