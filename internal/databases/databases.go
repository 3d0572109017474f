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

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Each runs a test on a new database of each kind, with a function that opens it.
func Each(t *testing.T, service string, migrations fs.FS, test func(t *testing.T, open func() *store.DB)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t, service, migrations)) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t, service, migrations)) })
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
	if strings.HasPrefix(t.Name(), again+"/") {
		return onPostgres(t, service, migrations)
	}
	return onSQLite(t, service, migrations)
}

// Server is Place for a benchmark that is for PostgreSQL.
func Server(t testing.TB, service string, migrations fs.FS) (open func() *store.DB) {
	t.Helper()
	return onPostgres(t, service, migrations)
}

func onSQLite(t testing.TB, service string, migrations fs.FS) (open func() *store.DB) {
	path := filepath.Join(t.TempDir(), service+".db")
	return func() *store.DB {
		t.Helper()
		d, err := sqlite.Open(t.Context(), path, migrations)
		return opened(t, service, d, err)
	}
}

// onPostgres makes a schema, and drops it at the end of t.
func onPostgres(t testing.TB, service string, migrations fs.FS) (open func() *store.DB) {
	t.Helper()
	url := os.Getenv("TIDEWIRE_TEST_POSTGRES")
	if url == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
	}
	schema := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
	open = func() *store.DB {
		t.Helper()
		d, err := postgres.Open(context.Background(), url, schema, migrations)
		return opened(t, service, d, err)
	}
	t.Cleanup(func() {
		drop := func(tx *store.Tx) error { return tx.Exec(`DROP SCHEMA ` + schema + ` CASCADE`) }
		if _, err := open().Update(context.Background(), nil, drop); err != nil {
			t.Error(err)
		}
	})
	return open
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
