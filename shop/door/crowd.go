package door

import (
	"context"
	"sync/atomic"
)

// A crowd is how many requests are in progress, with a limit.
type crowd struct {
	limit int64
	now   atomic.Int64
}

// enter reports false if there is no room. Whoever enters leaves, once, however often leave
// is called.
func (c *crowd) enter() (leave func(), ok bool) {
	var left atomic.Bool
	return func() {
		if left.CompareAndSwap(false, true) {
			c.now.Add(-1)
		}
	}, c.now.Add(1) <= c.limit
}

type leaveKey struct{}

// leaving returns a context with which StandBy calls leave, too.
func leaving(ctx context.Context, leave func()) context.Context {
	if before, ok := ctx.Value(leaveKey{}).(func()); ok {
		last := leave
		leave = func() { before(); last() }
	}
	return context.WithValue(ctx, leaveKey{}, leave)
}
