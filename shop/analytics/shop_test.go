package analytics

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// noon is when most things happen in these tests.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func start(t testing.TB) *Service {
	t.Helper()
	return &Service{DB: database(t), Now: func() time.Time { return noon }}
}

// An event is a fact of a log, and when it happened.
type event struct {
	log, key string
	fact     message.Kind
	at       time.Time
}

// of is an order of two a and a b for 12.50 in a currency.
func of(id, currency string, at time.Time) event {
	return event{contract.Orders, id, contract.OrderCreated{OrderID: id, Total: 1250, Currency: currency,
		Lines: []contract.Line{{ProductID: "a", Quantity: 1}, {ProductID: "b", Quantity: 1}, {ProductID: "a", Quantity: 1}}}, at}
}

func completes(id string, at time.Time) event {
	return event{contract.Orders, id, contract.OrderCompleted{OrderID: id}, at}
}

func fails(id, reason string, at time.Time) event {
	return event{contract.Orders, id, contract.OrderFailed{OrderID: id, Reason: reason}, at}
}

func cancels(id string, at time.Time) event {
	return event{contract.Orders, id, contract.OrderCancelled{OrderID: id, Reason: contract.CancelledByUser}, at}
}

func refunds(id, currency string, at time.Time) event {
	return event{contract.Payments, id, contract.PaymentRefunded{OrderID: id, Amount: 1250, Currency: currency}, at}
}

func lists(id, name string, at time.Time) event {
	return event{contract.Products, id, contract.ProductCreated{ProductID: id, Name: name, Price: 500, Currency: "USD"}, at}
}

func renames(id, name string, at time.Time) event {
	return event{contract.Products, id, contract.ProductUpdated{ProductID: id, Name: name}, at}
}

func costs(id string, price int64, at time.Time) event {
	return event{contract.Products, id, contract.ProductPriceUpdated{ProductID: id, Price: price, Currency: "USD"}, at}
}

func registers(id string, at time.Time) event {
	return event{contract.Users, id, contract.UserRegistered{UserID: id}, at}
}

func (e event) message(t testing.TB) message.Message {
	t.Helper()
	m, err := message.Encode(e.key, e.fact)
	if err != nil {
		t.Fatal(err)
	}
	m.ID, m.Time = uuid.NewString(), e.at
	return m
}

// hears hands events to their handlers, all in one transaction, as a reader would.
func (s *Service) hears(t testing.TB, events ...event) {
	t.Helper()
	keys, messages := make([][]string, len(events)), make([]message.Message, len(events))
	for i, e := range events {
		keys[i], messages[i] = []string{e.key}, e.message(t)
	}
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		_, err := tx.Each(keys, func(tx *store.Tx, i int) error {
			return s.handler(t, events[i]).Handle(t.Context(), tx, messages[i])
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Service) handler(t testing.TB, e event) stream.Handler {
	t.Helper()
	for _, h := range s.Streams() {
		if h.Kind == e.fact.Kind() && h.Log == e.log {
			return h
		}
	}
	t.Fatalf("nobody handles %s", e.fact.Kind())
	return stream.Handler{}
}

// clear forgets everything: a new database takes longer.
func (s *Service) clear(t testing.TB) {
	t.Helper()
	_, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		for _, table := range []string{"sale", "refund", "customer", "tally", "revenue", "product"} {
			if err := tx.Exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// page asks the door.
func (s *Service) page(t testing.TB, query string) (page, string) {
	t.Helper()
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/analytics"+query, nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p, w.Body.String()
}

// counters is all that is counted, and what of each order is known, as one text.
func (s *Service) counters(t testing.TB) string {
	t.Helper()
	var all strings.Builder
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"tally ORDER BY name, label", "revenue ORDER BY day, currency", "product ORDER BY product_id", "sale ORDER BY order_id", "refund ORDER BY order_id"} {
			columns := map[string]string{
				"tally":   `name || ' ' || label || ' ' || CAST(high AS TEXT) || ' ' || CAST(n AS TEXT) || ' ' || CAST(at AS TEXT)`,
				"revenue": `CAST(day AS TEXT) || ' ' || currency || ' ' || CAST(high AS TEXT) || ' ' || CAST(amount AS TEXT)`,
				"product": `product_id || ' ' || name || ' ' || CAST(named AS TEXT) || ' ' || CAST(quantity AS TEXT) || ' ' || CAST(price AS TEXT) || ' ' || currency || ' ' || CAST(priced AS TEXT)`,
				"sale":    `order_id || ' ' || CAST(accepted AS TEXT) || ' ' || currency || ' ' || CAST(total AS TEXT) || ' ' || lines || ' ' || state || ' ' || reason || ' ' || CAST(COALESCE(ended, 0) AS TEXT)`,
				"refund":  `order_id || ' ' || currency || ' ' || CAST(amount AS TEXT)`,
			}[strings.Fields(table)[0]]
			err := tx.Rows(`SELECT `+columns+` FROM `+table, nil, func(scan func(...any) error) error {
				var row string
				err := scan(&row)
				fmt.Fprintf(&all, "%s: %s\n", strings.Fields(table)[0], row)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// A log is a stream.Log in memory.
type log struct {
	mu      sync.Mutex
	entries []stream.Entry
}

func (l *log) say(m message.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, stream.Entry{Message: m, Position: store.Position{Partition: store.Partition(m.Key), Seq: int64(len(l.entries) + 1), ID: m.ID}})
}

func (l *log) Identity(context.Context) (string, error) { return "the log", nil }

func (l *log) Read(_ context.Context, q stream.Query) (found []stream.Entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		for _, from := range q.From {
			if e.Partition == from.Partition && e.Seq > from.Seq && len(found) < q.Max {
				found = append(found, e)
			}
		}
	}
	return found, nil
}

func (l *log) At(_ context.Context, partition int, seq int64) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.Partition == partition && e.Seq == seq {
			return e.Message.ID, nil
		}
	}
	return "", nil
}

func (l *log) Behind(_ context.Context, from []store.Position) (n int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		for _, p := range from {
			if e.Partition == p.Partition && e.Seq > p.Seq {
				n++
			}
		}
	}
	return n, nil
}

func (l *log) Watch() (<-chan struct{}, func()) { return nil, func() {} }

// logs are those that analytics follows.
func logs(t testing.TB, events ...event) map[string]*log {
	t.Helper()
	all := map[string]*log{}
	for _, name := range []string{contract.Orders, contract.Payments, contract.Products, contract.Users} {
		all[name] = &log{}
	}
	for _, e := range events {
		all[e.log].say(e.message(t))
	}
	return all
}

// follow runs a reader for each log, as an instance would, until stop.
func (s *Service) follow(t testing.TB, instance string, logs map[string]*log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	process := &run.Process{Instance: instance}
	for name, l := range logs {
		policy := s.Policy()
		policy.Attempts = 1
		r := &stream.Reader{DB: s.DB, Log: l, Name: name, Policy: policy, Process: process}
		for _, h := range s.Streams() {
			if h.Log == name {
				r.Handlers = append(r.Handlers, h)
			}
		}
		running.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	return stop
}

// number reads one number.
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

// caughtUp waits until everything in logs was read.
func (s *Service) caughtUp(t testing.TB, logs map[string]*log) {
	t.Helper()
	eventually(t, func() bool {
		for name, l := range logs {
			for _, e := range l.ends() {
				if s.number(t, `SELECT count(*) FROM position WHERE log = $1 AND partition = $2 AND seq = $3`, name, e.Partition, e.Seq) == 0 {
					return false
				}
			}
		}
		return true
	})
}

// ends are the last entries of the partitions.
func (l *log) ends() (ends map[int]stream.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends = map[int]stream.Entry{}
	for _, e := range l.entries {
		ends[e.Partition] = e
	}
	return ends
}

// eventually waits for a condition of running readers.
func eventually(t testing.TB, is func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-deadline:
			t.Fatal("it does not come about")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
