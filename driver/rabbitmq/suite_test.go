package rabbitmq_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/queue/queuetest"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/request/requesttest"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// TestMain says what is not tested.
func TestMain(m *testing.M) {
	if os.Getenv("TIDEWIRE_TEST_RABBITMQ") == "" {
		fmt.Println("TIDEWIRE_TEST_RABBITMQ is not set: RabbitMQ was not tested")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serverURL() string { return os.Getenv("TIDEWIRE_TEST_RABBITMQ") }

// onSQLite and onPostgres are where the rows of the queues are.
func onSQLite() storetest.Harness {
	return storetest.Harness{
		Place: func(t testing.TB) string { return t.TempDir() },
		Open: func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
			d, err := sqlite.Open(t.Context(), filepath.Join(place, service+".db"), migrations)
			return opened(t, d, err)
		},
	}
}

func onPostgres() storetest.Harness {
	return storetest.Harness{
		Place: func(t testing.TB) string {
			place := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
			t.Cleanup(func() {
				d, err := postgres.Open(context.Background(), os.Getenv("TIDEWIRE_TEST_POSTGRES"), place+"_test", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				if _, err := store.Open("test", d).Update(context.Background(), nil, func(tx *store.Tx) error {
					return tx.Exec(`DROP SCHEMA ` + place + `_test CASCADE`)
				}); err != nil {
					t.Error(err)
				}
			})
			return place
		},
		Open: func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
			d, err := postgres.Open(context.Background(), os.Getenv("TIDEWIRE_TEST_POSTGRES"), place+"_"+service, migrations)
			return opened(t, d, err)
		},
	}
}

func opened[D store.Driver](t testing.TB, d D, err error) store.Driver {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// prefix keeps the tests of a place apart from all others on the server.
func prefix(place string) string {
	return fmt.Sprintf("t_%x_", sha256.Sum256([]byte(place)))[:12]
}

// servers are the connections of a test, one for each place.
type servers struct {
	mu sync.Mutex
	at map[string]*rabbitmq.Server
}

// connect returns the connection for a place. At the end of the test that asked first, what
// is there is deleted.
func (s *servers) connect(t testing.TB, place string) *rabbitmq.Server {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.at[place]; c != nil {
		return c
	}
	c, err := rabbitmq.Connect(rabbitmq.Config{URL: serverURL(), Prefix: prefix(place)})
	if err != nil {
		t.Fatalf("no RabbitMQ: run scripts/servers up rabbitmq (%v)", err)
	}
	s.at[place] = c
	t.Cleanup(func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.at, place)
		s.mu.Unlock()
		if _, _, child := storetest.Child(); !child {
			remove(t, prefix(place)+"test_parcels")
		}
	})
	return c
}

// remove deletes a queue and its dead.
func remove(t testing.TB, name string) {
	t.Helper()
	conn, err := amqp.Dial(serverURL())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Error(err)
		return
	}
	for _, queue := range []string{name, name + ".dlq"} {
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
	}
}

// The shop runs on SQLite and RabbitMQ in lab/engine; the suite takes another half minute.
func TestQueueBesideSQLite(t *testing.T) {
	if os.Getenv("TIDEWIRE_STOPS") == "" {
		t.Skip("TIDEWIRE_STOPS is not set: make soak runs the suite of RabbitMQ beside SQLite")
	}
	suite(t, onSQLite())
}

func TestQueueBesidePostgres(t *testing.T) {
	if os.Getenv("TIDEWIRE_TEST_POSTGRES") == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: RabbitMQ beside PostgreSQL was not tested")
	}
	suite(t, onPostgres())
}

func suite(t *testing.T, h storetest.Harness) {
	all := &servers{at: map[string]*rabbitmq.Server{}}
	queuetest.Run(t, queuetest.Harness{Harness: h, Queue: func(t testing.TB, s queuetest.Service) queue.Driver {
		d := all.connect(t, s.Place).Queues(table(s))
		t.Cleanup(d.Close)
		return d
	}})
}

// table is where the rows of a service are.
func table(s queuetest.Service) queue.Table {
	of := queue.Table{DB: s.DB, Lease: s.Lease}
	if p, ok := s.Driver.(*postgres.Driver); ok {
		of.Skip = p.SkipLocked()
	}
	return of
}

// TestRequest has those who ask and those who answer on one Server, which is two connections.
func TestRequest(t *testing.T) {
	requesttest.Run(t, requesttest.Harness{New: func(t *testing.T, waiting int) request.Driver {
		s, err := rabbitmq.Connect(rabbitmq.Config{URL: serverURL(), Prefix: prefix(uuid.NewString())})
		if err != nil {
			t.Fatal(err)
		}
		q := s.Questions(waiting)
		t.Cleanup(func() { q.Close(); _ = s.Close() })
		return q
	}})
}
