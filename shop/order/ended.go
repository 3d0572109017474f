package order

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Ended returns which of these orders have ended, and whether each was completed or undone.
// Those that go on are left out, as are those that there are not. An end is final: whoever
// was told of it may act on it at any time.
func (s *Service) Ended(ctx context.Context, ids []string) (completed map[string]bool, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var in strings.Builder
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
		fmt.Fprintf(&in, ", $%d", i+1)
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		completed = map[string]bool{}
		return tx.Rows(`SELECT id, status FROM orders WHERE ended IS NOT NULL AND id IN (`+in.String()[2:]+`)`, args, func(scan func(...any) error) error {
			var id, status string
			err := scan(&id, &status)
			completed[id] = State(status) == Completed
			return err
		})
	})
	return completed, err
}
