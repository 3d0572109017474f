package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidewire/tidewire/toolkit/store"
)

// ErrOtherProvider: the payments of this database are in another ledger.
var ErrOtherProvider = errors.New("the payments of this database are with another payment provider")

// Bind says which ledger at the provider this service's calls go to. It is the same for
// every instance and for ever: another one knows nothing of what was charged, and would
// charge it again.
func (s *Service) Bind(ctx context.Context, ledger string) error {
	_, err := s.DB.Update(ctx, []string{"provider"}, func(tx *store.Tx) error {
		var bound string
		found, err := tx.Row([]any{&bound}, `SELECT ledger FROM provider`)
		switch {
		case err != nil:
			return err
		case !found:
			return tx.Exec(`INSERT INTO provider (ledger) VALUES ($1)`, ledger)
		case bound != ledger:
			return fmt.Errorf("%w: with ledger %s, not %s", ErrOtherProvider, bound, ledger)
		}
		return nil
	})
	return err
}
