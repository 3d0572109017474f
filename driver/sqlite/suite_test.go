package sqlite_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

func harness() storetest.Harness {
	return storetest.Harness{New: func(t testing.TB, migrations fs.FS) func() store.Driver {
		path := filepath.Join(t.TempDir(), "suite.db")
		return func() store.Driver {
			d, err := sqlite.Open(t.Context(), path, migrations)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		}
	}}
}

func TestStore(t *testing.T) { storetest.Run(t, harness()) }
