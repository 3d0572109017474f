package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

// BenchmarkRebuild measures how fast orders are made anew, on SQLite, with nobody beside it.
func BenchmarkRebuild(b *testing.B) {
	const orders, part = 10_000, 500
	s := newStreet(b)
	for first := 0; first < orders; first += part {
		s.update(b, func(tx *store.Tx) error {
			for i := first; i < first+part; i++ {
				if _, err := s.accept(tx, terms(fmt.Sprintf("o%d", i))); err != nil {
					return err
				}
			}
			return nil
		})
		var words []word
		for i := first; i < first+part; i++ {
			id := fmt.Sprintf("o%d", i)
			words = append(words, word{contract.Payments, contract.PaymentProcessed{OrderID: id, Attempts: 1, Amount: 240000, Currency: "USD"}},
				word{contract.Inventory, contract.InventoryUpdated{OrderID: id}}, word{contract.Shipping, contract.OrderShipped{OrderID: id, TrackingNumber: id}},
				word{contract.Shipping, contract.ShipmentDelivered{OrderID: id, TrackingNumber: id}})
		}
		for log, db := range s.other {
			s.tell(db, log, words)
		}
		s.reading(s.caughtUp)
	}
	r := s.rebuilder()
	s.reading(func() {
		events, took := int64(0), time.Duration(0)
		for b.Loop() {
			started := time.Now()
			status := s.rebuilt(r, false)
			if status.Digest != status.Live {
				b.Fatalf("%+v", status)
			}
			events, took = events+status.Events, took+time.Since(started)
		}
		b.ReportMetric(float64(events)/took.Seconds(), "events/s")
	}, r.Run)
}
