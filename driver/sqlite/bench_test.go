package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A View of one row by its key, as a door does for every request.
func BenchmarkView(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "a.db"))
	if _, err := db.Update(b.Context(), nil, func(tx *store.Tx) error {
		if err := tx.Exec(`CREATE TABLE t (k TEXT PRIMARY KEY, v BIGINT)`); err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO t VALUES ('a', 1)`)
	}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var n int
		if err := db.View(b.Context(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{&n}, `SELECT v FROM t WHERE k = $1`, "a")
			return err
		}); err != nil || n != 1 {
			b.Fatal(n, err)
		}
	}
}
