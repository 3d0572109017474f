package sqlite_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/queue/queuetest"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/tidewire/tidewire/toolkit/stream/streamtest"
)

func harness() storetest.Harness {
	return storetest.Harness{
		Place: func(t testing.TB) string { return t.TempDir() },
		Open: func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
			d, err := sqlite.Open(t.Context(), filepath.Join(place, service+".db"), migrations)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		},
	}
}

func TestStore(t *testing.T) { storetest.Run(t, harness()) }

func TestStream(t *testing.T) {
	streamtest.Run(t, streamtest.Harness{Harness: harness(), Log: func(db *store.DB, d store.Driver) stream.Log { return sqlite.NewLog(db, d.(*sqlite.Driver)) }})
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, queuetest.Harness{Harness: harness(), Queue: func(_ testing.TB, s queuetest.Service) queue.Driver {
		return queue.Table{DB: s.DB, Lease: s.Lease}
	}})
}
