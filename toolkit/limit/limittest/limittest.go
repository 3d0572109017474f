// Package limittest checks that a limit.Limiter keeps its contract, on the real server.
package limittest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/limit"
)

// A Harness makes limiters, with buckets of its own in each test.
type Harness struct {
	// New returns limiters of one rate that count together, as two processes have them; one
	// that counts only for itself twice.
	New func(t *testing.T, r limit.Rate) (here, there limit.Limiter)
}

// Run checks the limiter.
func Run(t *testing.T, h Harness) {
	for _, tt := range []struct {
		name string
		rate limit.Rate
		run  func(t *testing.T, here, there limit.Limiter)
	}{
		{"A bucket is full at first, and then empty", limit.Rate{PerSecond: 0.01, Burst: 5}, drained},
		{"All are taken or none", limit.Rate{PerSecond: 0.01, Burst: 5}, together},
		{"Keys do not share", limit.Rate{PerSecond: 0.01, Burst: 1}, apart},
		{"More than it holds are never to be had", limit.Rate{PerSecond: 100, Burst: 2}, tooMany},
		{"Tokens come back", limit.Rate{PerSecond: 20, Burst: 2}, filled},
		{"All at once", limit.Rate{PerSecond: 0.01, Burst: 50}, crowd},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here, there := h.New(t, tt.rate)
			tt.run(t, here, there)
		})
	}
}

func take(t *testing.T, l limit.Limiter, key string, n int) (bool, time.Duration) {
	t.Helper()
	taken, after, err := l.Take(t.Context(), key, n)
	if err != nil {
		t.Fatal(err)
	}
	if taken != (after == 0) {
		t.Fatalf("taken: %v, and to be tried again after %v", taken, after)
	}
	return taken, after
}

func drained(t *testing.T, here, there limit.Limiter) {
	for i, l := range []limit.Limiter{here, there, here, there, here} {
		if taken, _ := take(t, l, "k", 1); !taken {
			t.Fatalf("the token %d of 5 was not taken", i+1)
		}
	}
	for _, l := range []limit.Limiter{here, there} {
		if taken, after := take(t, l, "k", 1); taken || after < 80*time.Second || after > 100*time.Second {
			t.Errorf("of an empty bucket: %v, %v; the next token comes after 100 s", taken, after)
		}
	}
}

func together(t *testing.T, here, there limit.Limiter) {
	if taken, _ := take(t, here, "k", 3); !taken {
		t.Fatal("3 of 5 were not taken")
	}
	if taken, after := take(t, there, "k", 4); taken || after < 180*time.Second || after > 200*time.Second {
		t.Errorf("4 of 2: %v, %v; two more come within 200 s", taken, after)
	}
	if taken, _ := take(t, there, "k", 2); !taken {
		t.Error("what was refused took some")
	}
}

func apart(t *testing.T, here, there limit.Limiter) {
	for _, key := range []string{"a", "b", "", "a:b", "ä\x00 \n"} {
		if taken, _ := take(t, here, key, 1); !taken {
			t.Errorf("%q was not full", key)
		}
		if taken, _ := take(t, there, key, 1); taken {
			t.Errorf("%q was not empty", key)
		}
	}
}

func tooMany(t *testing.T, here, _ limit.Limiter) {
	if taken, _, err := here.Take(t.Context(), "k", 3); taken || !errors.Is(err, limit.ErrTooMany) {
		t.Errorf("got %v, %v", taken, err)
	}
	if taken, _ := take(t, here, "k", 2); !taken {
		t.Error("then the bucket was not full")
	}
}

// filled asks again just when it was told to.
func filled(t *testing.T, here, there limit.Limiter) {
	if taken, _ := take(t, here, "k", 2); !taken {
		t.Fatal("a full bucket gave nothing")
	}
	end := time.Now().Add(10 * time.Second)
	for tries := 1; ; tries++ {
		taken, after := take(t, there, "k", 1)
		if taken {
			if tries > 5 {
				t.Errorf("it took %d tries", tries)
			}
			return
		}
		if after > 50*time.Millisecond || time.Now().After(end) {
			t.Fatalf("a token that comes within 50 ms is promised after %v", after)
		}
		<-time.After(after)
	}
}

// crowd has many take of one bucket: together they get what was in it.
func crowd(t *testing.T, here, there limit.Limiter) {
	var got atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			l := []limit.Limiter{here, there}[i%2]
			for range 20 {
				taken, _, err := l.Take(context.WithoutCancel(t.Context()), "k", 1)
				if err != nil {
					t.Error(fmt.Errorf("take: %w", err))
					return
				}
				if taken {
					got.Add(1)
				}
			}
		})
	}
	all.Wait()
	if got.Load() != 50 {
		t.Errorf("%d of 50 tokens were taken", got.Load())
	}
}
