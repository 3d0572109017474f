package postgres_test

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/queue/queuetest"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/tidewire/tidewire/toolkit/stream/streamtest"
)

// harness: a place is what the names of its schemas begin with.
func harness(url string) storetest.Harness {
	return storetest.Harness{
		Deaf: strings.Contains(url, "pool_mode=transaction"),
		Place: func(t testing.TB) string {
			place := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
			t.Cleanup(func() { drop(t, place) })
			return place
		},
		Open: func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
			d, err := postgres.Open(soon(t), with(url, "pool_max_conns=8"), place+"_"+service, migrations)
			if err != nil {
				t.Fatalf("no PostgreSQL: run scripts/servers up postgres pgbouncer (%v)", err)
			}
			t.Cleanup(func() { _ = d.Close() })
			return d
		},
	}
}

// drop drops the schemas of a place.
func drop(t testing.TB, place string) {
	c, err := pgx.Connect(soon(t), serverURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	rows, err := c.Query(soon(t), `SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)`, place)
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range schemas {
		if _, err := c.Exec(soon(t), `DROP SCHEMA `+pgx.Identifier{schema}.Sanitize()+` CASCADE`); err != nil {
			t.Error(err)
		}
	}
}

// The suites run at once: they wait more than they work.
func TestStore(t *testing.T)        { testStore(t, serverURL()) }
func TestStream(t *testing.T)       { testStream(t, serverURL()) }
func TestQueue(t *testing.T)        { testQueue(t, serverURL()) }
func TestStorePooled(t *testing.T)  { testStore(t, poolerURL()) }
func TestStreamPooled(t *testing.T) { long(t); testStream(t, poolerURL()) }
func TestQueuePooled(t *testing.T)  { long(t); testQueue(t, poolerURL()) }

// long skips what stands on the same promises as TestStorePooled, and is run by make soak.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("TIDEWIRE_STOPS") == "" {
		t.Skip("without TIDEWIRE_STOPS: streams and queues through a pooler are tested by make soak")
	}
}

func testStore(t *testing.T, url string) {
	t.Parallel()
	storetest.Run(t, harness(url))
}

func testStream(t *testing.T, url string) {
	t.Parallel()
	streamtest.Run(t, streamtest.Harness{Harness: harness(url), Log: func(db *store.DB, d store.Driver) stream.Log { return postgres.NewLog(db, d.(*postgres.Driver)) }})
}

func testQueue(t *testing.T, url string) {
	t.Parallel()
	queuetest.Run(t, queuetest.Harness{Harness: harness(url), Queue: func(_ testing.TB, s queuetest.Service) queue.Driver {
		return queue.Table{DB: s.DB, Lease: s.Lease, Skip: s.Driver.(*postgres.Driver).SkipLocked()}
	}})
}
