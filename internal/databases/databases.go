// Package databases gives tests new databases, of each kind that there is. PostgreSQL is
// the server at TIDEWIRE_TEST_POSTGRES; without it, tests on it are skipped and say so.
package databases

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Each runs a test on a new database of each kind, with a function that opens it.
func Each(t *testing.T, service string, migrations fs.FS, test func(t *testing.T, open func() *store.DB)) {
	t.Run("sqlite", func(t *testing.T) { test(t, alone(onSQLite(t, service, migrations))) })
	t.Run("postgres", func(t *testing.T) { test(t, alone(onPostgres(t, service, migrations))) })
}

// again is the name of the test that Again runs in.
const again = "TestOnPostgres"

// Again runs tests that have run on SQLite once more, on PostgreSQL. It is called by
// TestOnPostgres.
func Again(t *testing.T, tests map[string]func(*testing.T)) {
	if t.Name() != again {
		t.Fatalf("called by %s, want %s", t.Name(), again)
	}
	for name, test := range tests {
		t.Run(name, test)
	}
}

// Place returns a function that opens a new database, and opens it again once it was
// closed: on PostgreSQL for a test that is run Again, else a SQLite file.
func Place(t testing.TB, service string, migrations fs.FS) (open func() *store.DB) {
	t.Helper()
	return alone(WithLog(t, service, migrations))
}

// WithLog is Place, and also returns the journal of the database. The database is on what
// wraps make of its driver.
func WithLog(t testing.TB, service string, migrations fs.FS, wraps ...wrap) (open func() (*store.DB, stream.Log)) {
	t.Helper()
	if strings.HasPrefix(t.Name(), again+"/") {
		return onPostgres(t, service, migrations, wraps...)
	}
	return onSQLite(t, service, migrations, wraps...)
}

// alone leaves out the journal.
func alone(open func() (*store.DB, stream.Log)) func() *store.DB {
	return func() *store.DB {
		db, _ := open()
		return db
	}
}

// Watched is Place for a test that looks at statements: each is shown to saw before it runs.
func Watched(t testing.TB, service string, saw func(query string, args []any)) (open func() *store.DB) {
	t.Helper()
	place := onSQLite
	if strings.HasPrefix(t.Name(), again+"/") {
		place = onPostgres
	}
	return alone(place(t, service, nil, func(d store.Driver) store.Driver { return watch{d, saw} }))
}

// Server is Place for a benchmark that is for PostgreSQL.
func Server(t testing.TB, service string, migrations fs.FS) (open func() *store.DB) {
	t.Helper()
	return alone(onPostgres(t, service, migrations))
}

// A wrap is what a test puts round a driver.
type wrap func(store.Driver) store.Driver

func onSQLite(t testing.TB, service string, migrations fs.FS, wraps ...wrap) (open func() (*store.DB, stream.Log)) {
	path := filepath.Join(t.TempDir(), service+".db")
	return func() (*store.DB, stream.Log) {
		t.Helper()
		d, err := sqlite.Open(t.Context(), path, migrations)
		db := opened(t, service, wrapped(d, wraps), err)
		return db, sqlite.NewLog(db, d)
	}
}

// onPostgres makes a schema, and drops it at the end of t.
func onPostgres(t testing.TB, service string, migrations fs.FS, wraps ...wrap) (open func() (*store.DB, stream.Log)) {
	t.Helper()
	url := os.Getenv("TIDEWIRE_TEST_POSTGRES")
	if url == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
	}
	schema := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
	open = func() (*store.DB, stream.Log) {
		t.Helper()
		d, err := postgres.Open(context.Background(), url, schema, migrations)
		db := opened(t, service, wrapped(d, wraps), err)
		return db, postgres.NewLog(db, d)
	}
	t.Cleanup(func() {
		drop := func(tx *store.Tx) error { return tx.Exec(`DROP SCHEMA ` + schema + ` CASCADE`) }
		db, _ := open()
		if _, err := db.Update(context.Background(), nil, drop); err != nil {
			t.Error(err)
		}
	})
	return open
}

func wrapped(d store.Driver, wraps []wrap) store.Driver {
	for _, w := range wraps {
		d = w(d)
	}
	return d
}

func opened(t testing.TB, service string, d store.Driver, err error) *store.DB {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(service, d)
	t.Cleanup(func() { db.Close() })
	return db
}

// A watch is a driver whose statements are shown before they run.
type watch struct {
	store.Driver
	saw func(query string, args []any)
}

func (w watch) Alone() bool {
	a, ok := w.Driver.(store.Alone)
	return ok && a.Alone()
}

func (w watch) Update(ctx context.Context, c store.Change) error {
	run := c.Run
	c.Run = func(conn store.Conn, now time.Time) error { return run(seen{conn, w.saw}, now) }
	return w.Driver.Update(ctx, c)
}

func (w watch) View(ctx context.Context, read func(store.Conn) error) error {
	return w.Driver.View(ctx, func(c store.Conn) error { return read(seen{c, w.saw}) })
}

// seen is a transaction whose statements are shown.
type seen struct {
	store.Conn
	saw func(query string, args []any)
}

func (s seen) Exec(query string, args ...any) error {
	s.saw(query, args)
	return s.Conn.Exec(query, args...)
}

func (s seen) Query(query string, args []any, row func(scan func(...any) error) error) error {
	s.saw(query, args)
	return s.Conn.Query(query, args, row)
}
