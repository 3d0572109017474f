package shipping

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// start returns a service with a carrier for which everything has happened that will.
func start(t testing.TB) *Service {
	t.Helper()
	return &Service{DB: database(t), Carrier: Courier{Now: func() time.Time { return theEnd }}}
}

// hears hands messages about an order to their handlers, each in a transaction of its own.
// Work is called and recorded, as a worker would.
func (s *Service) hears(t testing.TB, id string, them ...func(id string) message.Kind) {
	t.Helper()
	for _, of := range them {
		m, err := message.Encode(id, of(id))
		if err != nil {
			t.Fatal(err)
		}
		m.ID = uuid.NewString()
		handle := s.handler(t, m)
		if _, err := s.DB.Update(t.Context(), []string{m.Key}, func(tx *store.Tx) error { return handle(t.Context(), tx, m) }); err != nil {
			t.Fatalf("%s: %v", m.Kind, err)
		}
	}
}

func (s *Service) handler(t testing.TB, m message.Message) func(context.Context, *store.Tx, message.Message) error {
	t.Helper()
	for _, h := range s.Streams() {
		if h.Kind == m.Kind {
			return h.Handle
		}
	}
	for _, h := range s.Queues() {
		if h.Kind == m.Kind {
			outcome, err := h.Call(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context, tx *store.Tx, m message.Message) error { return h.Record(ctx, tx, m, outcome) }
		}
	}
	t.Fatalf("nobody handles %s", m.Kind)
	return nil
}

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

func (s *Service) said(t testing.TB, kind, id string) int64 {
	t.Helper()
	return s.number(t, `SELECT count(*) FROM journal WHERE kind = $1 AND key = $2`, kind, id)
}

func (s *Service) jobs(t testing.TB, id string) int64 {
	t.Helper()
	return s.number(t, `SELECT count(*) FROM job WHERE queue = 'shipping_labels' AND key = $1`, id)
}

func (s *Service) status(t testing.TB, id string) (got status) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		p, err := load(tx, id)
		got = p.status
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
