package door_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// onEach runs a test on a new database of each kind, with a function that opens it.
func onEach(t *testing.T, test func(t *testing.T, open func() *store.DB)) {
	opened := func(t *testing.T, d store.Driver, err error) *store.DB {
		if err != nil {
			t.Fatal(err)
		}
		db := store.Open("counter", d)
		t.Cleanup(func() { db.Close() })
		return db
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		test(t, func() *store.DB {
			d, err := sqlite.Open(t.Context(), path, nil)
			return opened(t, d, err)
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url := os.Getenv("TIDEWIRE_TEST_POSTGRES")
		if url == "" {
			t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
		}
		schema := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
		open := func() *store.DB {
			d, err := postgres.Open(context.Background(), url, schema, nil)
			return opened(t, d, err)
		}
		t.Cleanup(func() {
			drop := func(tx *store.Tx) error { return tx.Exec(`DROP SCHEMA ` + schema + ` CASCADE`) }
			if _, err := open().Update(context.Background(), nil, drop); err != nil {
				t.Error(err)
			}
		})
		test(t, open)
	})
}
