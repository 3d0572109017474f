package postgres_test

import (
	"context"
	"io/fs"
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
func harness() storetest.Harness {
	return storetest.Harness{
		Place: func(t testing.TB) string {
			place := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
			t.Cleanup(func() { drop(t, place) })
			return place
		},
		Open: func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
			d, err := postgres.Open(soon(t), with(serverURL(), "pool_max_conns=8"), place+"_"+service, migrations)
			if err != nil {
				t.Fatalf("no PostgreSQL: run scripts/servers up postgres (%v)", err)
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

func TestStore(t *testing.T) { storetest.Run(t, harness()) }

func TestStream(t *testing.T) {
	streamtest.Run(t, streamtest.Harness{Harness: harness(), Log: func(db *store.DB, d store.Driver) stream.Log { return postgres.NewLog(db, d.(*postgres.Driver)) }})
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, queuetest.Harness{Harness: harness(), Queue: func(_ testing.TB, s queuetest.Service) queue.Driver {
		return queue.Table{DB: s.DB, Lease: s.Lease, Skip: s.Driver.(*postgres.Driver).SkipLocked()}
	}})
}
