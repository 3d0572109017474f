package postgres

import (
	"context"
	"slices"
	"sync"
)

// A gate lets a number of changes in at a time, those in the background only when no
// other waits, and each kind in the order in which it came.
type gate struct {
	mu          sync.Mutex
	free        int
	front, back []chan struct{}
}

func newGate(places int) *gate { return &gate{free: places} }

// enter waits for a place. leave gives it up, and does so once.
func (g *gate) enter(ctx context.Context, background bool) (leave func(), err error) {
	turn := g.queue(background)
	select {
	case <-turn:
		return sync.OnceFunc(g.next), nil
	default:
	}
	select {
	case <-turn:
		return sync.OnceFunc(g.next), nil
	case <-ctx.Done():
		g.abandon(turn)
		return nil, context.Cause(ctx)
	}
}

// queue returns a channel that is closed when it is the caller's turn.
func (g *gate) queue(background bool) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	turn := make(chan struct{})
	switch {
	case g.free > 0: // then nobody waits
		g.free--
		close(turn)
	case background:
		g.back = append(g.back, turn)
	default:
		g.front = append(g.front, turn)
	}
	return turn
}

// next hands a place on.
func (g *gate) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, waiting := range []*[]chan struct{}{&g.front, &g.back} {
		if len(*waiting) > 0 {
			close((*waiting)[0])
			*waiting = (*waiting)[1:]
			return
		}
	}
	g.free++
}

// abandon takes a waiter out; if its turn has come meanwhile, it is the next one's.
func (g *gate) abandon(turn chan struct{}) {
	if !g.leave(turn) {
		g.next()
	}
}

func (g *gate) leave(turn chan struct{}) (waited bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, waiting := range []*[]chan struct{}{&g.front, &g.back} {
		if i := slices.Index(*waiting, turn); i >= 0 {
			*waiting = slices.Delete(*waiting, i, i+1)
			return true
		}
	}
	return false
}
