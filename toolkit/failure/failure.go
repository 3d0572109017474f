// Package failure decides what becomes of a message that could not be handled: at
// once again, later again, or dead.
//
//	handler fails ──► tried again at once (Policy.Immediate times)
//	              ──► after a delay with backoff and full jitter, its key parked
//	              ──► dead after Policy.Attempts, or at once if Permanent
//
// A dead message is kept until an operator redrives or discards it, with its history and
// under its Problem: what its cause has in common with others.
package failure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Policy says how often and when a message is tried. The zero value is the default.
type Policy struct {
	Attempts  int           // in all, before a message is dead; 8
	Immediate int           // attempts without a delay in between; 2
	First     time.Duration // upper bound of the first delay; 100ms
	Max       time.Duration // upper bound of every delay; 1m
	Timeout   time.Duration // for one call to the outside world; 10s
	Release   bool          // a dead message lets the later ones of its key go on; false
}

// WithDefaults returns p with its zero fields filled in.
func (p Policy) WithDefaults() Policy {
	if p.Attempts == 0 {
		p.Attempts = 8
	}
	if p.Immediate == 0 {
		p.Immediate = min(2, p.Attempts)
	}
	if p.First == 0 {
		p.First = 100 * time.Millisecond
	}
	if p.Max == 0 {
		p.Max = max(time.Minute, p.First)
	}
	if p.Timeout == 0 {
		p.Timeout = 10 * time.Second
	}
	return p
}

// Check returns what is wrong with p.
func (p Policy) Check() error {
	p = p.WithDefaults()
	switch {
	case p.Attempts < 1:
		return fmt.Errorf("failure policy: Attempts is %d, must be at least 1", p.Attempts)
	case p.Immediate < 1 || p.Immediate > p.Attempts:
		return fmt.Errorf("failure policy: Immediate is %d, must be 1 to Attempts (%d)", p.Immediate, p.Attempts)
	case p.First < 0 || p.Max < p.First:
		return fmt.Errorf("failure policy: First is %v and Max is %v, must be 0 ≤ First ≤ Max", p.First, p.Max)
	case p.Timeout < 0:
		return fmt.Errorf("failure policy: Timeout is %v, must not be negative", p.Timeout)
	}
	return nil
}

// Next is what becomes of a message. The zero value is: done.
type Next struct {
	Retry time.Time // come again, no sooner
	Dead  bool      // wait for an operator
	Past  History   // with the attempt that failed
}

// Done reports whether the message needs no more.
func (n Next) Done() bool { return n.Retry.IsZero() && !n.Dead }

// Problem is what a dead message's last failure has in common with others; "" for others.
func (n Next) Problem() string {
	if !n.Dead {
		return ""
	}
	return Problem(n.Past.Cause())
}

// Died is when a dead message failed for the last time; zero for others.
func (n Next) Died() (at time.Time) {
	if n.Dead {
		at = n.Past.Last()
	}
	return at
}

// Judge decides what becomes of a message whose attempt failed with err at now, after
// the attempts in past.
func (p Policy) Judge(past History, now time.Time, err error) Next {
	p = p.WithDefaults()
	var v *verdict
	errors.As(err, &v)
	next := Next{Past: past.add(now, err, v == nil || !v.uncounted)}
	switch {
	case v != nil && v.permanent:
		next.Dead = true
	case v != nil && v.uncounted:
		next.Retry = now.Add(v.after)
	case next.Past.Attempts >= p.Attempts:
		next.Dead = true
	case v != nil:
		next.Retry = now.Add(v.after)
	default:
		next.Retry = now.Add(p.delay(next.Past.Attempts))
	}
	return next
}

// delay draws the wait after attempt n: full jitter over an exponential bound, as in
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
func (p Policy) delay(n int) time.Duration {
	if n < p.Immediate {
		return 0
	}
	bound := p.Max
	if shift := n - p.Immediate; shift < 32 && p.First<<shift < p.Max {
		bound = p.First << shift
	}
	return time.Duration(rand.Int64N(int64(bound) + 1))
}

// verdict is an error that says what is to become of its message.
type verdict struct {
	error
	permanent, uncounted bool
	after                time.Duration
}

func (v *verdict) Unwrap() error { return v.error }

// Permanent says that no attempt will ever succeed: the message is dead at once.
func Permanent(err error) error { return &verdict{error: err, permanent: true} }

// RetryAfter asks for the next attempt, if there is one, after d.
func RetryAfter(d time.Duration, err error) error { return &verdict{error: err, after: d} }

// Wait says that it is not the message's fault: its key is parked, and it comes again
// after d without an attempt being counted.
func Wait(d time.Duration, err error) error { return &verdict{error: err, after: d, uncounted: true} }
