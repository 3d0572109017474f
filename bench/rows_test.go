package main

import (
	"io"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/load"
)

// TestMain lets this program be started again as the twin or the simulator.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && isChild(os.Args[1]) {
		main()
		return
	}
	os.Exit(m.Run())
}

const orders = 100

// TestTwinsStoreTheSameRows holds the twins to twin/doc.go: what the platform stores for
// an order, in which tables of which service, how many rows and how many bytes of text in
// each column, is what they store.
func TestTwinsStoreTheSameRows(t *testing.T) {
	for name, on := range map[string]struct {
		engine
		measure func(*testing.T, *shop) map[string]stored
		tables  int
	}{
		"SQLite":     {files, inFiles, 16},
		"PostgreSQL": {postgres, inSchemas, 14},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{progress: io.Discard, dir: t.TempDir(), options: options{postgres: os.Getenv("TIDEWIRE_TEST_POSTGRES")}}
			if on.engine == postgres && b.postgres == "" {
				t.Skip("skips the twin on PostgreSQL: TIDEWIRE_TEST_POSTGRES is not set")
			}
			t.Cleanup(func() {
				if err := b.dropDatabases(); err != nil {
					t.Error(err)
				}
			})
			want, got := b.grown(t, ours, on.engine, on.measure), b.grown(t, raw, on.engine, on.measure)
			if len(want) != on.tables {
				t.Errorf("%d tables and kinds grew, and should be described in twin/doc.go: %v", len(want), slices.Sorted(maps.Keys(want)))
			}
			compare(t, want, got)
		})
	}
}

func compare(t *testing.T, want, got map[string]stored) {
	t.Helper()
	names := maps.Clone(want)
	maps.Copy(names, got)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, g := want[name], got[name]
		if w.rows != g.rows {
			t.Errorf("%s: %d orders make %d rows, and %d in the twin", name, orders, w.rows, g.rows)
		}
		for column, bytes := range w.bytes {
			if off := float64(g.bytes[column]-bytes) / float64(max(bytes, 1)); off < -0.01 || off > 0.01 {
				t.Errorf("%s.%s: %d orders make %d bytes, and %d in the twin", name, column, orders, bytes, g.bytes[column])
			}
		}
	}
}

// stored is what a table holds.
type stored struct {
	rows  int64
	bytes map[string]int64 // by column
}

// grown returns what orders add to the tables of a side, by service and table; of the
// journal and the queue also by kind.
func (b *bench) grown(t *testing.T, s side, on engine, measure func(*testing.T, *shop) map[string]stored) map[string]stored {
	t.Helper()
	p, err := b.open(t.Context(), s, on)
	if err != nil {
		t.Fatal(err)
	}
	// The first orders end after the catalogue has come everywhere.
	if _, err := place(t.Context(), load.Options{URL: p.url, Orders: 10}); err != nil {
		t.Fatal(err)
	}
	parted(t, p, measure)
	before := measure(t, p)
	if _, err := place(t.Context(), load.Options{URL: p.url, Orders: orders}); err != nil {
		t.Fatal(err)
	}
	parted(t, p, measure)
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	after := measure(t, p)
	for name, now := range after {
		now.rows -= before[name].rows
		for column := range now.bytes {
			now.bytes[column] -= before[name].bytes[column]
		}
		if after[name] = now; now.rows == 0 {
			delete(after, name)
		}
	}
	return after
}

// parted waits until the goods of every order have left: customers see it completed before.
func parted(t *testing.T, p *shop, measure func(*testing.T, *shop) map[string]stored) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.After(10 * time.Second); ; {
		r := measure(t, p)["inventory.reservation"]
		if r.bytes["status"] == r.rows*int64(len("shipped")) { // and not reserved
			return
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("the goods of some of %d orders have not left", r.rows)
		}
	}
}
