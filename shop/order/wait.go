package order

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	pollWait = 250 * time.Millisecond // the truth, should a hint fail to come
	lull     = 5 * time.Millisecond   // between two looks: every commit is a hint to everybody who waits
)

// await returns the order once it has ended, or as it is after limit, or when the door is
// closing: what is accepted goes on after the next start, and that is answer enough.
func (s *Service) await(ctx context.Context, id string, limit time.Duration, closing <-chan struct{}) (row, error) {
	hint, stop := s.DB.Watch(store.Journal)
	defer stop()
	poll := time.NewTicker(pollWait)
	defer poll.Stop()
	end := time.After(limit)
	for {
		r, err := s.read(ctx, id)
		if err != nil || r.State.ended() {
			return r, err
		}
		select {
		case <-hint:
		case <-poll.C:
		case <-end:
			return r, nil
		case <-closing:
			return r, nil
		case <-ctx.Done():
			return r, nil
		}
		select {
		case <-time.After(lull):
		case <-ctx.Done():
		}
	}
}

func (s *Service) read(ctx context.Context, id string) (r row, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		r, err = load(tx, id)
		return err
	})
	return r, err
}
