package sqlite_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Requests that never leave the line empty do not keep readers and workers from what was
// accepted before.
func TestRequestsDoNotStarveTheBackground(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	ctx, stop := context.WithCancel(t.Context())
	busy := func(tx *store.Tx) error {
		for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
		}
		return tx.Append("k", said{1})
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := db.Update(ctx, nil, busy); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		turn, cancel := context.WithTimeout(ctx, 5*time.Second)
		if _, err := db.Background().Update(turn, nil, func(tx *store.Tx) error { return tx.Append("k", said{2}) }); err != nil {
			t.Errorf("a background change: %v", err)
		}
		cancel()
	}
	stop()
	wg.Wait()
}
