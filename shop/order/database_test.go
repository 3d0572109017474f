package order

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

const onPostgres = "TestOnPostgres"

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	if os.Getenv("TIDEWIRE_TEST_POSTGRES") == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
	}
	for name, test := range map[string]func(*testing.T){
		"TestEveryMessageInEveryState":      TestEveryMessageInEveryState,
		"TestAnyMessagesInAnyOrder":         TestAnyMessagesInAnyOrder,
		"TestAcceptWritesThreeRows":         TestAcceptWritesThreeRows,
		"TestPlaceInBothForms":              TestPlaceInBothForms,
		"TestOwnIDs":                        TestOwnIDs,
		"TestIdempotencyKey":                TestIdempotencyKey,
		"TestPreferWait":                    TestPreferWait,
		"TestCancel":                        TestCancel,
		"TestFinalListsInTheOrderOfTheEnds": TestFinalListsInTheOrderOfTheEnds,
		"TestLists":                         TestLists,
		"TestHistory":                       TestHistory,
	} {
		t.Run(name, test)
	}
}

// database opens a new database: on PostgreSQL for the tests below TestOnPostgres, else a
// SQLite file.
func database(t testing.TB) *store.DB {
	t.Helper()
	var d store.Driver
	var err error
	if strings.HasPrefix(t.Name(), onPostgres+"/") {
		schema := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
		d, err = postgres.Open(t.Context(), os.Getenv("TIDEWIRE_TEST_POSTGRES"), schema, Migrations())
		t.Cleanup(func() { drop(t, schema) })
	} else {
		d, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "order.db"), Migrations())
	}
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("order", d)
	t.Cleanup(func() { db.Close() })
	return db
}

func drop(t testing.TB, schema string) {
	ctx := context.Background()
	d, err := postgres.Open(ctx, os.Getenv("TIDEWIRE_TEST_POSTGRES"), schema, Migrations())
	if err != nil {
		t.Error(err)
		return
	}
	defer d.Close()
	_, err = store.Open("order", d).Update(ctx, nil, func(tx *store.Tx) error { return tx.Exec(`DROP SCHEMA ` + schema + ` CASCADE`) })
	if err != nil {
		t.Error(err)
	}
}
