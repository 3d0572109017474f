package main

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/tidewire/tidewire/bench/watch"
)

const (
	// disturbance is how much of the machine other work may take during a pair: what is
	// measured beside more of it is left out, if there is anything better.
	disturbance = 0.10
	// calmTime is how long a pair waits for other work to end, at most.
	calmTime = 10 * time.Second
	// rowTime ends a row: no more pairs are begun.
	rowTime = 80 * time.Second
)

// inTurn measures both sides in turn, ours first, each as often as the flags say.
// Disturbed pairs are measured again, but no more than twice as many in all.
func (b *bench) inTurn(ctx context.Context, row string, measure func(side) ([]sample, error)) ([]figure, error) {
	var calm, disturbed []figure
	tries := 2 * b.options.pairs
	if b.quick {
		tries = b.options.pairs
	}
	end := time.Now().Add(rowTime)
	for n, good := 0, 0; n < tries && good < b.options.pairs && (n == 0 || time.Now().Before(end)); n++ {
		if err := b.awaitCalm(ctx); err != nil {
			return nil, err
		}
		into, from := &calm, look()
		var pair [2][]sample
		for _, s := range []side{ours, raw} {
			var err error
			if pair[s], err = measure(s); err != nil {
				return nil, fmt.Errorf("%s, pair %d: %w", s, n+1, err)
			}
		}
		if other := from.others(); other > disturbance && row != onServer {
			fmt.Fprintf(b.progress, "%s, pair %d: other work took %.0f %% of the machine\n", row, n+1, 100*other)
			into = &disturbed
		} else {
			good++
		}
		*into = add(add(*into, row, ours, pair[ours]), row, raw, pair[raw])
	}
	if calm != nil {
		return calm, nil
	}
	for i := range disturbed {
		disturbed[i].Disturbed = true
	}
	return disturbed, nil
}

// awaitCalm waits until nobody else works on this machine, for a while.
func (b *bench) awaitCalm(ctx context.Context) error {
	for end := time.Now().Add(calmTime); !b.quick && time.Now().Before(end); {
		from := look()
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if from.others() < disturbance/2 {
			return nil
		}
	}
	return nil
}

// A glance is what the machine has done, and we and our children of it.
type glance struct {
	at         time.Time
	busy, mine time.Duration
}

func look() glance {
	all, err := busy()
	if err != nil {
		return glance{} // others() is 0 then: unknown
	}
	var children syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err != nil {
		return glance{}
	}
	return glance{time.Now(), all, watch.Processors() + time.Duration(children.Utime.Nano()+children.Stime.Nano())}
}

// others is the share of the machine that others have had since then. Children count as
// others until they have ended.
func (g glance) others() float64 {
	now := look()
	if g.at.IsZero() || now.at.IsZero() {
		return 0
	}
	other := (now.busy - g.busy) - (now.mine - g.mine)
	return max(0, other.Seconds()/now.at.Sub(g.at).Seconds()/float64(runtime.NumCPU()))
}
