package notification

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A postman is a Mailer that remembers what it was given.
type postman struct {
	mu    sync.Mutex
	mails []Mail
	says  error // of every mail
	calls int
}

func (p *postman) Send(_ context.Context, m Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.says == nil {
		p.mails = append(p.mails, m)
	}
	return p.says
}

func (p *postman) Hello(context.Context) error { return p.says }
func (p *postman) Close() error                { return nil }

// A book has everybody's address.
type book struct {
	people map[string]contract.Contact
	err    error
}

func (b *book) Contact(_ context.Context, ids []string) (found []contract.Contact, err error) {
	for _, id := range ids {
		if c, ok := b.people[id]; ok {
			found = append(found, c)
		}
	}
	return found, b.err
}

func people() *book {
	return &book{people: map[string]contract.Contact{
		"1": {UserID: "1", Name: "Ada Lovelace", Email: "ada@example.com"},
		"2": {UserID: "2", Name: "Jörg", Email: "joerg@example.com"},
	}}
}

// start returns a service; without a postman it only stores.
func start(t *testing.T, p *postman) *Service {
	t.Helper()
	s := &Service{DB: database(t), Contacts: people(), Shop: "Tidewire"}
	if p != nil {
		s.Mailer = p
	}
	return s
}

// The events of an order.
func accepted(id string) message.Kind {
	return contract.OrderCreated{OrderID: id, UserID: "1", Total: 125000, Currency: "USD", Lines: []contract.Line{
		{ProductID: "a", Name: "Laptop <15″>", Quantity: 1, UnitPrice: 120000}, {ProductID: "b", Name: "Mouse", Quantity: 2, UnitPrice: 2500}}}
}

func payment(id string) message.Kind {
	return contract.PaymentProcessed{OrderID: id, Amount: 125000, Currency: "USD"}
}

func parcel(id string) message.Kind {
	return contract.OrderShipped{OrderID: id, Carrier: "tidewire-courier", TrackingNumber: "TW1"}
}

func arrival(id string) message.Kind {
	return contract.ShipmentDelivered{OrderID: id, TrackingNumber: "TW1"}
}

func refund(id string) message.Kind {
	return contract.PaymentRefunded{OrderID: id, Amount: 125000, Currency: "USD"}
}

func cancellation(id string) message.Kind { return contract.OrderCancelled{OrderID: id} }

func fails(reason string) func(string) message.Kind {
	return func(id string) message.Kind { return contract.OrderFailed{OrderID: id, Reason: reason} }
}

func registration(id string) message.Kind { return contract.UserRegistered{UserID: id} }

// told is when an event of a kind was said: whenever it is heard, it is the same one.
func told(kind string) time.Time {
	story := []string{"UserRegistered", "OrderCreated", "PaymentProcessed", "OrderShipped", "ShipmentDelivered", "OrderFailed", "OrderCancelled", "PaymentRefunded"}
	return time.Date(2026, 1, 2, 3, 4, slices.Index(story, kind), 5000, time.UTC)
}

// hears hands events to their handlers, each in a transaction of its own.
func (s *Service) hears(t *testing.T, id string, them ...func(string) message.Kind) {
	t.Helper()
	for _, of := range them {
		m, err := message.Encode(id, of(id))
		if err != nil {
			t.Fatal(err)
		}
		m.ID, m.Time = uuid.NewString(), told(m.Kind)
		i := slices.IndexFunc(s.Streams(), func(h streamHandler) bool { return h.Kind == m.Kind })
		if i < 0 {
			t.Fatalf("nobody handles %s", m.Kind)
		}
		handle := s.Streams()[i].Handle
		if _, err := s.DB.Update(t.Context(), []string{id}, func(tx *store.Tx) error { return handle(t.Context(), tx, m) }); err != nil {
			t.Fatalf("%s: %v", m.Kind, err)
		}
	}
}

// works does the jobs that there are, as a worker would, and returns the errors of calls.
func (s *Service) works(t *testing.T) (errs []error) {
	t.Helper()
	for _, l := range s.jobs(t) {
		if err := s.work(t, l); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// work does one job, and ends it.
func (s *Service) work(t *testing.T, m message.Message) error {
	t.Helper()
	h := s.Queues()[0]
	outcome, err := h.Call(t.Context(), m)
	if err != nil {
		return err
	}
	_, err = s.DB.Update(t.Context(), []string{m.Key}, func(tx *store.Tx) error {
		if err := h.Record(t.Context(), tx, m, outcome); err != nil {
			return err
		}
		return tx.Unsend(m.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return nil
}

func (s *Service) jobs(t *testing.T) (all []message.Message) {
	t.Helper()
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT id, kind, key, time, body FROM job WHERE queue = 'notification_mail' ORDER BY id`, nil, func(scan func(...any) error) error {
			var m message.Message
			err := scan(&m.ID, &m.Kind, &m.Key, &m.Time, &m.Body)
			all = append(all, m)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// column returns what a query finds, in one line.
func (s *Service) column(t *testing.T, query string, args ...any) string {
	t.Helper()
	var all []string
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(query, args, func(scan func(...any) error) error {
			var text string
			err := scan(&text)
			all = append(all, text)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// rows are the notifications of a subject, with their states.
func (s *Service) rows(t *testing.T, subject string) string {
	t.Helper()
	return s.column(t, `SELECT template || ':' || status || CASE WHEN reason <> '' THEN '/' || reason ELSE '' END FROM notification WHERE subject = $1 ORDER BY template`, subject)
}

// said are the events about a subject.
func (s *Service) said(t *testing.T, subject string) string {
	t.Helper()
	var all []string
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT kind, body FROM journal WHERE key = $1 ORDER BY seq`, []any{subject}, func(scan func(...any) error) error {
			var kind, body string
			err := scan(&kind, &body)
			all = append(all, kind+body)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}
