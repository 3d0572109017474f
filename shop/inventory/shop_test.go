package inventory

import (
	"encoding/json"
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
	s.hears(t, "a", contract.ProductCreated{ProductID: "a", Stock: new(int64(10)), Price: 250, Currency: "USD"})
	s.hears(t, "b", contract.ProductCreated{ProductID: "b", Stock: new(int64(5))})
	s.hears(t, "c", contract.ProductCreated{ProductID: "c", Price: 1, Currency: "JPY"})
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

func (s *Service) reserved(t testing.TB, product string) int64 {
	t.Helper()
	return s.number(t, `SELECT reserved FROM stock WHERE product_id = $1`, product)
}

func (s *Service) status(t testing.TB, order string) (got status) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		got, err = reservation(tx, order)
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

// spoken lists the facts about an order, with their bodies.
func (s *Service) spoken(t testing.TB, order string) (facts []string) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		facts = nil
		return tx.Rows(`SELECT kind, body FROM journal WHERE key = $1 ORDER BY seq`, []any{order}, func(scan func(...any) error) error {
			var kind string
			var body []byte
			err := scan(&kind, &body)
			facts = append(facts, kind+" "+string(body))
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// checkSound checks what holds at any time: the movements of a product sum to its stock,
// one after the other, and what is reserved of it are the open reservations.
func (s *Service) checkSound(t testing.TB) {
	t.Helper()
	odd := s.number(t, `SELECT count(*) FROM stock s WHERE s.on_hand <>
		(SELECT coalesce(sum(m.quantity), 0) FROM movement m WHERE m.product_id = s.product_id AND m.location = s.location)`)
	if odd != 0 {
		t.Errorf("the movements of %d products do not sum to their stock", odd)
	}
	odd = s.number(t, `SELECT count(*) FROM movement m WHERE m.balance <>
		(SELECT sum(b.quantity) FROM movement b WHERE b.product_id = m.product_id AND b.location = m.location AND b.n <= m.n)`)
	if odd != 0 {
		t.Errorf("after %d movements, the balance is wrong", odd)
	}
	odd = s.number(t, `SELECT count(*) FROM stock s WHERE s.moves <>
		(SELECT coalesce(max(m.n), 0) FROM movement m WHERE m.product_id = s.product_id AND m.location = s.location)`)
	if odd != 0 {
		t.Errorf("the movements of %d products are not counted", odd)
	}
	open := map[string]int64{}
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		clear(open)
		err := tx.Rows(`SELECT product_id, reserved FROM stock WHERE tracked = 1`, nil, func(scan func(...any) error) error {
			var product string
			var n int64
			err := scan(&product, &n)
			open[product] += n
			return err
		})
		if err != nil {
			return err
		}
		return tx.Rows(`SELECT lines FROM reservation WHERE status = 'reserved'`, nil, func(scan func(...any) error) error {
			var text []byte
			var lines []contract.Line
			if err := scan(&text); err != nil {
				return err
			}
			err := json.Unmarshal(text, &lines)
			for _, l := range lines {
				if _, tracked := open[l.ProductID]; tracked {
					open[l.ProductID] -= l.Quantity
				}
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for product, n := range open {
		if n != 0 {
			t.Errorf("product %s: %d more are reserved than for open reservations", product, n)
		}
	}
}

func payment(order string, lines ...contract.Line) contract.PaymentProcessed {
	return contract.PaymentProcessed{OrderID: order, Style: "choreographed", Lines: lines}
}

func line(product string, quantity int64) contract.Line {
	return contract.Line{ProductID: product, Quantity: quantity}
}
