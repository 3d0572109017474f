package inventory

import (
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// start returns a service on a database of its own, with 10 of product a, 5 of b, and c,
// which is not tracked.
func start(t testing.TB) *Service {
	t.Helper()
	s := &Service{DB: database(t)}
	s.hears(t, "a", contract.ProductCreated{ProductID: "a", Stock: new(int64(10))})
	s.hears(t, "b", contract.ProductCreated{ProductID: "b", Stock: new(int64(5))})
	s.hears(t, "c", contract.ProductCreated{ProductID: "c"})
	return s
}

// hears hands messages to their handlers, each in a transaction of its own.
func (s *Service) hears(t testing.TB, key string, facts ...message.Kind) {
	t.Helper()
	for _, f := range facts {
		if err := s.hearsOne(t, key, f); err != nil {
			t.Fatalf("%s: %v", f.Kind(), err)
		}
	}
}

func (s *Service) hearsOne(t testing.TB, key string, fact message.Kind) error {
	t.Helper()
	m, err := message.Encode(key, fact)
	if err != nil {
		t.Fatal(err)
	}
	m.ID = uuid.NewString()
	for _, h := range s.Streams() {
		if h.Kind == m.Kind {
			_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error { return h.Handle(t.Context(), tx, m) })
			return err
		}
	}
	t.Fatalf("nobody handles %s", m.Kind)
	return nil
}

// number reads one number; 0 where there is no row.
func (s *Service) number(t testing.TB, query string, args ...any) (n int64) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *Service) onHand(t testing.TB, product string) int64 {
	t.Helper()
	return s.number(t, `SELECT on_hand FROM stock WHERE product_id = $1`, product)
}

func (s *Service) status(t testing.TB, order string) (got status) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		got, _, err = reservation(tx, order)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// said counts the facts of a kind about an order.
func (s *Service) said(t testing.TB, kind, order string) int64 {
	t.Helper()
	return s.number(t, `SELECT count(*) FROM journal WHERE kind = $1 AND key = $2`, kind, order)
}

// checkSound checks what holds at any time: the movements of a product sum to its stock.
func (s *Service) checkSound(t testing.TB) {
	t.Helper()
	odd := s.number(t, `SELECT count(*) FROM stock s WHERE s.on_hand <>
		(SELECT coalesce(sum(m.quantity), 0) FROM movement m WHERE m.product_id = s.product_id AND m.location = s.location)`)
	if odd != 0 {
		t.Errorf("the movements of %d products do not sum to their stock", odd)
	}
}

func paid(order string, lines ...contract.Line) contract.PaymentProcessed {
	return contract.PaymentProcessed{OrderID: order, Style: "choreographed", Lines: lines}
}

func line(product string, quantity int64) contract.Line {
	return contract.Line{ProductID: product, Quantity: quantity}
}
