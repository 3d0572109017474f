package limit

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Sure always has an answer: that of First, or while that fails one of Then.
type Sure struct {
	First, Then Limiter
	Rest        time.Duration // that First is given after a failure; a second

	mu    sync.Mutex
	until time.Time // when First is asked again
}

var _ Limiter = (*Sure)(nil)

// Take asks First, unless it has failed lately. After its rest one asks it again while the
// others still ask Then.
func (s *Sure) Take(ctx context.Context, key string, n int) (bool, time.Duration, error) {
	if !s.turn() {
		return s.Then.Take(ctx, key, n)
	}
	taken, retryAfter, err := s.First.Take(ctx, key, n)
	if err == nil || errors.Is(err, ErrTooMany) {
		s.well()
		return taken, retryAfter, err
	}
	s.ill()
	return s.Then.Take(ctx, key, n)
}

// turn reports whether First is to be asked. Who is the first to ask after a rest prolongs
// it for the others.
func (s *Sure) turn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until.IsZero() {
		return true
	}
	now := time.Now()
	if now.Before(s.until) {
		return false
	}
	s.until = now.Add(s.rest())
	return true
}

func (s *Sure) well() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
}

func (s *Sure) ill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Now().Add(s.rest())
}

func (s *Sure) rest() time.Duration {
	if s.Rest > 0 {
		return s.Rest
	}
	return time.Second
}
