package redis

import (
	"context"
	_ "embed"
	"time"

	"github.com/tidewire/tidewire/toolkit/limit"
)

//go:embed take.lua
var takeScript string

// A Limiter is the limit.Limiter of all instances together, by the server's clock. Use it
// as the first of a limit.Sure.
type Limiter struct {
	server      *Server
	name        string
	token, full time.Duration
}

var _ limit.Limiter = (*Limiter)(nil)

// NewLimiter returns the limiter of a name: those of the same name share their buckets, and
// have the same rate.
func NewLimiter(s *Server, name string, r limit.Rate) *Limiter {
	l := &Limiter{server: s, name: name}
	l.token, l.full = r.Spacing()
	return l
}

// Take asks the server, for a second at most.
func (l *Limiter) Take(ctx context.Context, key string, n int) (bool, time.Duration, error) {
	cost := time.Duration(n) * l.token
	if cost > l.full {
		return false, 0, limit.ErrTooMany
	}
	wait, err := l.server.take(ctx, "limit:"+l.name+":"+key, cost, l.full)
	return err == nil && wait == 0, wait, err
}

// take takes what costs so much time from a bucket that is filled in such a time, and
// returns 0, or how long it is too early.
func (s *Server) take(ctx context.Context, bucket string, cost, full time.Duration) (wait time.Duration, err error) {
	early, err := s.taker.Run(ctx, s.client, []string{s.name(bucket)}, cost.Microseconds(), full.Microseconds()).Int64()
	return time.Duration(early) * time.Microsecond, s.explain(err)
}
