package run

import (
	"context"
	"time"
)

// An Idler waits between polls, longer each time: hints may fail to come.
type Idler struct {
	next, most time.Duration
	hinted     func() bool
}

const (
	shortest = 5 * time.Millisecond
	poll     = 200 * time.Millisecond // where hints may not come for everything
)

// NewIdler returns an Idler that waits up to a second where hints come for everything
// that is to be found, and up to a fifth of that where other processes give none.
func NewIdler(hinted bool) *Idler { return NewIdlerWhile(func() bool { return hinted }) }

// NewIdlerWhile is NewIdler where hints come for everything now and not then.
func NewIdlerWhile(hinted func() bool) *Idler {
	return &Idler{next: shortest, most: time.Second, hinted: hinted}
}

// AtMost has i wait no longer than d, where something may come that gives no hint.
func (i *Idler) AtMost(d time.Duration) *Idler {
	i.most = min(i.most, d)
	return i
}

// Reset makes the next wait short: there may be more.
func (i *Idler) Reset() { i.next = shortest }

// Wait waits until it is time to look again, a hint comes, or ctx is done.
func (i *Idler) Wait(ctx context.Context, hint <-chan struct{}) {
	most := i.most
	if !i.hinted() {
		most = min(most, poll)
	}
	i.next = min(i.next, most)
	t := time.NewTimer(i.next)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-hint:
		i.Reset()
	case <-t.C:
		i.next = min(2*i.next, most)
	}
}

// A Pacer lets batches gather under load: commits that follow each other at once would
// each be small, and cost as much as large ones. Whoever comes after a pause does not
// wait, nor does who could not take all there was.
type Pacer struct{ begun, next time.Time }

const (
	gather  = time.Millisecond
	longest = 25 * time.Millisecond
)

// Next waits until the rest that the last batch earned is over.
func (p *Pacer) Next() {
	if d := time.Until(p.next); d > 0 {
		time.Sleep(d)
	}
	p.begun = time.Now()
}

// Done says that a batch of n is over, and whether it was full: then more has gathered
// already. Otherwise the next one begins after a while, 1 to 25 ms: after a batch of one as long
// a time again, and the more there were the sooner, for each of them has paid less for the commit.
func (p *Pacer) Done(n int, full bool) {
	now := time.Now()
	p.next = now
	if share := smallest - n; !full && share > 0 {
		p.next = now.Add(min(longest, max(gather, now.Sub(p.begun)*time.Duration(share)/smallest)))
	}
}
