package order

import (
	"maps"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Whoever asks is told of ends only: what goes on is left out, and what there is not.
func TestEnded(t *testing.T) {
	s := open(t)
	for _, id := range []string{"new", "confirmed", "completed", "failed", "cancelled"} {
		s.placed(t, id)
	}
	s.hears(t, "confirmed", contract.InventoryUpdated{OrderID: "confirmed"})
	s.hears(t, "completed", contract.OrderShipped{OrderID: "completed", TrackingNumber: "T"})
	s.hears(t, "failed", contract.PaymentFailed{OrderID: "failed", Reason: contract.PaymentDeclined})
	s.update(t, func(tx *store.Tx) error {
		_, err := s.callOff(tx, "cancelled")
		return err
	})
	for _, tt := range []struct {
		ask  []string
		want map[string]bool
	}{
		{nil, nil},
		{[]string{"nothing"}, nil},
		{[]string{"new", "confirmed"}, nil},
		{[]string{"completed"}, map[string]bool{"completed": true}},
		{[]string{"failed", "completed", "new", "confirmed", "cancelled", "nothing"}, map[string]bool{"completed": true, "failed": false, "cancelled": false}},
	} {
		if got, err := s.Ended(t.Context(), tt.ask); err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("of %q: %v, %v; want %v", tt.ask, got, err, tt.want)
		}
	}
}

// An order that is completed says what has left, for whoever has it on his shelves.
func TestCompletedSaysItsLines(t *testing.T) {
	s := open(t)
	s.placed(t, "o")
	s.hears(t, "o", contract.OrderShipped{OrderID: "o", TrackingNumber: "T"})
	if n := s.count(t, `SELECT count(*) FROM journal WHERE kind = 'OrderCompleted' AND CAST(body AS TEXT) LIKE '%"lines":[{"productId":"1"%'`); n != 1 {
		t.Error("OrderCompleted has no lines")
	}
}
