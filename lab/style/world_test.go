package style

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/analytics"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/inventory"
	"github.com/tidewire/tidewire/shop/notification"
	"github.com/tidewire/tidewire/shop/order"
	"github.com/tidewire/tidewire/shop/payment"
	"github.com/tidewire/tidewire/shop/product"
	"github.com/tidewire/tidewire/shop/shipping"
	"github.com/tidewire/tidewire/shop/user"
	"github.com/tidewire/tidewire/simulator"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A world is all services on databases of their own, and one provider.
type world struct {
	testing.TB
	services []service
	logs     []*log // of each
	door     http.Handler
	mails    *letterbox
	provider payment.Provider
}

// A service as the postman sees it.
type service struct {
	db      *store.DB
	streams []stream.Handler
	queues  []queue.Handler
}

// slow is how long the slow method takes here.
const slow = 30 * time.Millisecond

func newWorld(t testing.TB) *world {
	t.Helper()
	open := func(name string, migrations fs.FS) *store.DB { return databases.Place(t, name, migrations)() }
	users := &user.Service{DB: open("user", user.Migrations())}
	products := &product.Service{DB: open("product", product.Migrations())}
	orders := &order.Service{DB: open("order", order.Migrations()), Catalogue: products, Users: users}
	provider := payment.NewSimulated(provide(t))
	payments := &payment.Service{DB: open("payment", payment.Migrations()), Provider: provider, Timeout: 10 * time.Second, Backoff: time.Millisecond}
	stock := &inventory.Service{DB: open("inventory", inventory.Migrations()), Orders: orders}
	parcels := &shipping.Service{DB: open("shipping", shipping.Migrations())}
	numbers := &analytics.Service{DB: open("analytics", analytics.Migrations())}
	mails := &notification.Service{DB: open("notification", notification.Migrations()), Contacts: users, Shop: "the shop"}
	box := &letterbox{}
	mails.Mailer = box
	w := &world{TB: t, mails: box, provider: provider, services: []service{
		{db: orders.DB, streams: orders.Streams(), queues: orders.Queues()},
		{db: payments.DB, streams: payments.Streams(), queues: payments.Queues()},
		{db: stock.DB, streams: stock.Streams(), queues: stock.Queues()},
		{db: parcels.DB, streams: parcels.Streams(), queues: parcels.Queues()},
		{db: numbers.DB, streams: numbers.Streams()},
		{db: mails.DB, streams: mails.Streams(), queues: mails.Queues()},
		{db: users.DB}, {db: products.DB},
	}}
	for range w.services {
		w.logs = append(w.logs, &log{keys: map[string][]stream.Entry{}})
	}
	var routes []door.Route
	for _, r := range [][]door.Route{users.Routes(), products.Routes(), orders.Routes(), payments.Routes(), stock.Routes(), mails.Routes()} {
		routes = append(routes, r...)
	}
	w.door = door.Handler(door.Options{}, routes...)
	if err := users.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// provide runs the payment provider, and returns where.
func provide(t testing.TB) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- simulator.Run(ctx, l, filepath.Join(t.TempDir(), "provider.db"), simulator.Options{Slow: slow, Faults: simulator.Faults{Hold: simulator.Duration(time.Millisecond)}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the provider: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// ask sends a request to the customers' door, and returns the status and the body.
func (w *world) ask(method, path, body string) (code int, text string) {
	r := httptest.NewRequestWithContext(w.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	recorded := httptest.NewRecorder()
	w.door.ServeHTTP(recorded, r)
	return recorded.Code, recorded.Body.String()
}

// show reads a document.
func (w *world) show(path string, into any) error {
	code, text := w.ask("GET", path, "")
	if code != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, code, text)
	}
	return json.Unmarshal([]byte(text), into)
}

// at is the service with a name.
func (w *world) at(name string) service {
	for _, s := range w.services {
		if s.db.Service() == name {
			return s
		}
	}
	w.Fatalf("no service %s", name)
	return service{}
}

var styles = []string{contract.Orchestrated, contract.Choreographed, contract.Parallel}

// A letterbox is the mail server's other side: it counts what comes.
type letterbox struct {
	mu   sync.Mutex
	came map[string]int // mails, by their ids
}

func (b *letterbox) Send(_ context.Context, m notification.Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.came == nil {
		b.came = map[string]int{}
	}
	b.came[m.ID]++
	return nil
}

func (*letterbox) Hello(context.Context) error { return nil }
func (*letterbox) Close() error                { return nil }

// twice are the mails that came more than once.
func (b *letterbox) twice() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, n := range b.came {
		if n > 1 {
			ids = append(ids, id)
		}
	}
	return ids
}
