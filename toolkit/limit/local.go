package limit

import (
	"context"
	"sync"
	"time"
)

// A Local is the Limiter of one process. It remembers the keys whose buckets are not full.
type Local struct {
	token, full time.Duration

	mu      sync.Mutex
	buckets map[string]time.Time // when each will be full
	swept   int                  // how many were left when the full ones were last forgotten
}

var _ Limiter = (*Local)(nil)

// NewLocal returns a Limiter whose buckets all have the same rate.
func NewLocal(r Rate) *Local {
	l := &Local{buckets: map[string]time.Time{}}
	l.token, l.full = r.Spacing()
	return l
}

// Take never fails.
func (l *Local) Take(_ context.Context, key string, n int) (bool, time.Duration, error) {
	cost := time.Duration(n) * l.token
	if cost > l.full {
		return false, 0, ErrTooMany
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	full := l.buckets[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(cost)
	if early := full.Sub(now) - l.full; early > 0 {
		return false, early, nil
	}
	l.buckets[key] = full
	l.sweep(now)
	return true, 0, nil
}

const fewest = 1024 // buckets that are not worth looking through

// sweep forgets full buckets each time that there are twice as many as were left before:
// so they are few, and each costs the same.
func (l *Local) sweep(now time.Time) {
	if len(l.buckets) < max(fewest, 2*l.swept) {
		return
	}
	for key, full := range l.buckets {
		if !full.After(now) {
			delete(l.buckets, key)
		}
	}
	l.swept = len(l.buckets)
}
