package run_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
)

func TestAllStopsWithTheFirstFailure(t *testing.T) {
	failed, stopped := errors.New("failed"), false
	err := run.All(t.Context(),
		func(context.Context) error { return failed },
		func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
	if !errors.Is(err, failed) || !stopped {
		t.Errorf("All = %v, other part stopped: %v; want %v, true", err, stopped, failed)
	}
}

func TestAllEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run.All(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
		t.Errorf("All = %v; want nil", err)
	}
}

// All returns what every part that failed says, and only when the last has stopped.
func TestAllWaitsForEveryPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, late := errors.New("first"), errors.New("late")
		began := time.Now()
		err := run.All(t.Context(),
			func(context.Context) error { return first },
			func(ctx context.Context) error { <-ctx.Done(); <-time.After(time.Minute); return late })
		if took := time.Since(began); !errors.Is(err, first) || !errors.Is(err, late) || took != time.Minute {
			t.Errorf("All = %v after %v; want both errors after the minute that the second takes", err, took)
		}
	})
}

// While one runs alone nobody else does, however many want to; and one that panics
// lets the next go on.
func TestAloneExcludes(t *testing.T) {
	var p run.Process
	var wg sync.WaitGroup
	running, ran := 0, 0 // unguarded: the race detector looks as well
	for range 20 {
		wg.Go(func() {
			defer func() { _ = recover() }()
			p.Alone(func() {
				running++
				defer func() { running-- }()
				for range 100 {
					runtime.Gosched() // lets in whoever is not kept out
				}
				if running != 1 {
					t.Errorf("%d run alone at once", running)
				}
				if ran++; ran == 10 {
					panic("the tenth")
				}
			})
		})
	}
	wg.Wait()
	if ran != 20 {
		t.Errorf("%d ran, want 20", ran)
	}
}
