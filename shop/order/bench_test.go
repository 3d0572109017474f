package order

import (
	"fmt"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// What one order costs the order service, from being accepted to completed, in batches of
// 200 as under load.
func BenchmarkOrder(b *testing.B) {
	s := &Service{DB: database(b)}
	const batch = 200
	each := func(do func(tx *store.Tx, id string) error, first int) {
		_, err := s.DB.Update(b.Context(), nil, func(tx *store.Tx) error {
			for i := range batch {
				if err := do(tx, fmt.Sprintf("order-%d", first+i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	hear := func(fact message.Kind) func(*store.Tx, string) error {
		return func(tx *store.Tx, id string) error {
			_, err := s.take(tx, id, fact)
			return err
		}
	}
	b.ReportAllocs()
	for n := 0; n < b.N; n += batch {
		each(func(tx *store.Tx, id string) error { _, err := s.accept(tx, terms(id)); return err }, n)
		each(hear(contract.PaymentProcessed{Attempts: 1}), n)
		each(hear(contract.InventoryUpdated{}), n)
		each(hear(contract.OrderShipped{TrackingNumber: "T"}), n)
	}
}
