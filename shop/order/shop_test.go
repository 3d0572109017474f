package order

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A shelf is a catalogue and the users, in memory.
type shelf []contract.Product

func (s shelf) Lookup(_ context.Context, ids []string) (found []contract.Product, err error) {
	for _, p := range s {
		if slices.Contains(ids, p.ID) {
			found = append(found, p)
		}
	}
	return found, nil
}

func (shelf) Known(_ context.Context, id string) (bool, error) { return id == "1" || id == "2", nil }

// open returns a service on a database of its own.
func open(t *testing.T) *Service {
	t.Helper()
	goods := shelf{
		{ID: "1", Name: "Laptop", Price: 120000, Currency: "USD"},
		{ID: "2", Name: "Mouse", Price: 1999, Currency: "USD"},
		{ID: "3", Name: "Tea", Price: 500, Currency: "JPY"},
		{ID: "4", Name: "Yacht", Price: 1 << 60, Currency: "USD"},
		{ID: "5", Name: "Town", Price: 99_999_999_999, Currency: "USD"}, // the highest price
	}
	return &Service{DB: database(t), Catalogue: goods, Users: goods, Style: contract.Choreographed}
}

// terms are those of an order for two laptops.
func terms(id string) contract.OrderCreated {
	return contract.OrderCreated{OrderID: id, UserID: "1", Style: contract.Choreographed, Total: 240000, Currency: "USD", Method: "ok",
		Lines: []contract.Line{{ProductID: "1", Name: "Laptop", Quantity: 2, UnitPrice: 120000}}}
}

func (s *Service) placed(t *testing.T, id string) {
	t.Helper()
	s.update(t, func(tx *store.Tx) error {
		_, err := s.accept(tx, terms(id))
		return err
	})
}

// hears hands messages about an order to their handlers, each in a transaction.
func (s *Service) hears(t *testing.T, id string, facts ...message.Kind) {
	t.Helper()
	for _, f := range facts {
		if err := s.hearsOne(t, id, f); err != nil {
			t.Fatalf("%s: %v", f.Kind(), err)
		}
	}
}

func (s *Service) hearsOne(t *testing.T, id string, fact message.Kind) error {
	t.Helper()
	m, err := message.Encode(id, fact)
	if err != nil {
		t.Fatal(err)
	}
	m.ID = uuid.NewString()
	_, err = s.DB.Update(t.Context(), []string{id}, func(tx *store.Tx) error { return s.handle(t, tx, m) })
	return err
}

func (s *Service) handle(t *testing.T, tx *store.Tx, m message.Message) error {
	for _, h := range s.Streams() {
		if h.Kind == m.Kind {
			return h.Handle(t.Context(), tx, m)
		}
	}
	for _, h := range s.Queues() {
		if h.Kind == m.Kind {
			return h.Record(t.Context(), tx, m, nil)
		}
	}
	t.Fatalf("nobody handles %s", m.Kind)
	return nil
}

func (s *Service) update(t testing.TB, change func(*store.Tx) error) {
	t.Helper()
	if _, err := s.DB.Update(t.Context(), nil, change); err != nil {
		t.Fatal(err)
	}
}

func (s *Service) row(t *testing.T, id string) row {
	t.Helper()
	r, err := s.read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *Service) count(t testing.TB, query string, args ...any) (n int64) {
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
