package limit

import (
	"context"
	"errors"
	"time"
)

// A Limiter has a bucket for each key. Its methods may be called concurrently.
//
// Package limittest checks every promise made here.
type Limiter interface {
	// Take takes n tokens, all or none, of the bucket of key, which is full at first. If it
	// takes none, it says after how long there would be enough if nobody else took any. It is
	// ErrTooMany if there never are so many, and any other error if it cannot tell: then it
	// may have taken them.
	Take(ctx context.Context, key string, n int) (taken bool, retryAfter time.Duration, err error)
}

// ErrTooMany: more tokens were asked for at a time than a bucket holds.
var ErrTooMany = errors.New("more tokens than the bucket holds")

// A Rate is how large buckets are and how fast they fill.
type Rate struct {
	PerSecond float64 // more than 0; 100
	Burst     int     // what a full bucket holds; PerSecond, at least 1
}

// Spacing returns how long a token takes to come, and a whole bucket of them.
func (r Rate) Spacing() (token, full time.Duration) {
	if r.PerSecond <= 0 {
		r.PerSecond = 100
	}
	if r.Burst < 1 {
		r.Burst = max(1, int(r.PerSecond))
	}
	token = max(time.Microsecond, time.Duration(float64(time.Second)/r.PerSecond))
	return token, time.Duration(r.Burst) * token
}
