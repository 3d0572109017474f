package postgres_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// tables is what a service of these tests owns.
const tables = `-- +goose Up
CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, at BIGINT, body BYTEA, yes BIGINT);
CREATE TABLE count (key TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));`

func migrations() fs.FS {
	return fstest.MapFS{"migrations/00001_test.sql": {Data: []byte(tables)}}
}

// serverURL is the real server. These tests never skip.
func serverURL() string {
	if url := os.Getenv("TIDEWIRE_TEST_POSTGRES"); url != "" {
		return url
	}
	return "postgres://postgres@127.0.0.1:15432/postgres"
}

// poolerURL is a PgBouncer before the real server, which gives each transaction another
// session.
func poolerURL() string {
	if url := os.Getenv("TIDEWIRE_TEST_PGBOUNCER"); url != "" {
		return url
	}
	return "postgres://postgres@127.0.0.1:16432/postgres?sslmode=disable&pool_mode=transaction"
}

// with adds a parameter to a URL.
func with(url, parameter string) string {
	if strings.Contains(url, "?") {
		return url + "&" + parameter
	}
	return url + "?" + parameter
}

// admin is a connection beside those of the driver.
func admin(t testing.TB) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(soon(t), serverURL())
	if err != nil {
		t.Fatalf("no PostgreSQL: run scripts/servers up postgres (%v)", err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// soon bounds a test.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// newSchema names a schema, which is dropped when the test ends.
func newSchema(t testing.TB) string {
	t.Helper()
	name := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
	c := admin(t)
	t.Cleanup(func() {
		if _, err := c.Exec(context.Background(), `DROP SCHEMA IF EXISTS `+name+` CASCADE`); err != nil {
			t.Error(err)
		}
	})
	return name
}

// open opens a new schema with the tables of these tests.
func open(t testing.TB) (*postgres.Driver, string) {
	t.Helper()
	schema := newSchema(t)
	return openAt(t, serverURL(), schema), schema
}

func openAt(t testing.TB, url, schema string) *postgres.Driver {
	t.Helper()
	d, err := postgres.Open(soon(t), url, schema, migrations())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// change runs a change without keys.
func change(t testing.TB, d *postgres.Driver, run func(c store.Conn) error) {
	t.Helper()
	err := d.Update(soon(t), store.Change{Run: func(c store.Conn, _ time.Time) error { return run(c) }})
	if err != nil {
		t.Fatal(err)
	}
}

// number reads one number.
func number(t testing.TB, d *postgres.Driver, query string, args ...any) (n int64) {
	t.Helper()
	err := d.View(soon(t), func(c store.Conn) error { return c.Query(query, args, into(&n)) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// into scans a row's columns.
func into(dest ...any) func(func(...any) error) error {
	return func(scan func(...any) error) error { return scan(dest...) }
}

func none(func(...any) error) error { return nil }

func fact(key string, version int64) message.Message {
	return message.Message{ID: uuid.NewString(), Kind: "Happened", Class: message.Public, Key: key, Version: version,
		Time: time.Now(), Cause: "c", Trace: "t", Body: fmt.Appendf(nil, `{"version":%d}`, version)}
}

// eventually polls until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ctx := soon(t)
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still not: %s", what)
		}
	}
}
