package order

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// pollWait is between two looks at an order that somebody waits for: the truth, should nobody
// say that it has changed, as another process does not.
const pollWait = 250 * time.Millisecond

// await returns the order once it has ended, or as it is after limit, or when the door is
// closing: what is accepted goes on after the next start, and that is answer enough.
func (s *Service) await(ctx context.Context, id string, limit time.Duration, closing <-chan struct{}) (row, error) {
	changed, err := s.Changes.Listen(id, 1)
	if err != nil {
		return row{}, err
	}
	defer changed.Close()
	poll := time.NewTicker(pollWait)
	defer poll.Stop()
	end := time.After(limit)
	for {
		r, err := s.read(ctx, id)
		if err != nil || r.State.ended() {
			return r, err
		}
		select {
		case <-changed.More():
		case <-poll.C:
		case <-end:
			return r, nil
		case <-closing:
			return r, nil
		case <-ctx.Done():
			return r, nil
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
