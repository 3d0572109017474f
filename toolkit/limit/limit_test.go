package limit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/limit"
	"github.com/tidewire/tidewire/toolkit/limit/limittest"
)

func TestLocal(t *testing.T) {
	limittest.Run(t, limittest.Harness{New: func(_ *testing.T, r limit.Rate) (here, there limit.Limiter) {
		l := limit.NewLocal(r)
		return l, l
	}})
}

func TestASureOneIsALimiter(t *testing.T) {
	limittest.Run(t, limittest.Harness{New: func(_ *testing.T, r limit.Rate) (here, there limit.Limiter) {
		l := &limit.Sure{First: limit.NewLocal(r)}
		return l, l
	}})
}

func TestSpacing(t *testing.T) {
	for _, tt := range []struct {
		rate        limit.Rate
		token, full time.Duration
	}{
		{limit.Rate{}, 10 * time.Millisecond, time.Second},
		{limit.Rate{PerSecond: 20, Burst: 5}, 50 * time.Millisecond, 250 * time.Millisecond},
		{limit.Rate{PerSecond: 0.5}, 2 * time.Second, 2 * time.Second},
		{limit.Rate{PerSecond: 1e9, Burst: 3}, time.Microsecond, 3 * time.Microsecond},
		{limit.Rate{PerSecond: -1, Burst: -1}, 10 * time.Millisecond, time.Second},
	} {
		if token, full := tt.rate.Spacing(); token != tt.token || full != tt.full {
			t.Errorf("%+v: got %v and %v, want %v and %v", tt.rate, token, full, tt.token, tt.full)
		}
	}
}

// However it is asked, so many are taken in a time as have come in it, and what was there.
func TestTheRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewLocal(limit.Rate{PerSecond: 10, Burst: 3})
		got := 0
		for range 10_000 { // a second
			if taken, _, err := l.Take(t.Context(), "k", 1); err != nil {
				t.Fatal(err)
			} else if taken {
				got++
			}
			time.Sleep(100 * time.Microsecond)
		}
		if got != 3+9 && got != 3+10 {
			t.Errorf("%d were taken in a second, want 3 and 10 more", got)
		}
	})
}

// Many who come once each leave nothing behind.
func TestFullBucketsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewLocal(limit.Rate{PerSecond: 10, Burst: 1})
		for i := range 20_000 {
			if _, _, err := l.Take(t.Context(), fmt.Sprint(i), 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if n := l.Buckets(); n > 2048 {
			t.Errorf("%d buckets are kept, and 100 are not full", n)
		}
	})
}

// A broken limiter fails until it is mended, and counts how often it was asked.
type broken struct {
	limit.Limiter
	fails bool
	asked int
}

func (b *broken) Take(ctx context.Context, key string, n int) (bool, time.Duration, error) {
	b.asked++
	if b.fails {
		return false, 0, errors.New("away")
	}
	return b.Limiter.Take(ctx, key, n)
}

// While the first is away the second answers, and the first is asked once a second.
func TestSureGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := limit.Rate{PerSecond: 0.001, Burst: 100}
		first := &broken{Limiter: limit.NewLocal(rate)}
		s := &limit.Sure{First: first, Then: limit.NewLocal(rate)}
		takes := func(n int) (got int) {
			for range n {
				taken, _, err := s.Take(t.Context(), "k", 1)
				if err != nil {
					t.Fatal(err)
				}
				if taken {
					got++
				}
			}
			return got
		}
		if got := takes(60); got != 60 || first.asked != 60 {
			t.Fatalf("well: %d were taken, the first was asked %d times", got, first.asked)
		}
		first.fails, first.asked = true, 0
		if got := takes(150); got != 100 || first.asked != 1 {
			t.Errorf("ill: %d were taken of the second, the first was asked %d times", got, first.asked)
		}
		for range 5 {
			time.Sleep(time.Second)
			takes(10)
		}
		if first.asked != 6 {
			t.Errorf("ill for five seconds: the first was asked %d times, want 6", first.asked)
		}
		first.fails, first.asked = false, 0
		time.Sleep(time.Second)
		if got := takes(50); got != 40 || first.asked != 50 {
			t.Errorf("well again: %d were taken, want the 40 that were left; it was asked %d times", got, first.asked)
		}
	})
}
