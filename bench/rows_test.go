package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/load"
	"github.com/tidewire/tidewire/shop/contract"
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
// an order, in which tables of which service, how many rows, how many bytes of text in
// each column and how often a number, and what it counts, is what they store and count.
func TestTwinsStoreTheSameRows(t *testing.T) {
	for name, tt := range map[string]struct {
		way
		measure func(*testing.T, *shop) map[string]stored
		tables  int
	}{
		"SQLite":               {choreographed(files), inFiles, 26},
		"SQLite, orchestrated": {way{files, contract.Orchestrated}, inFiles, 35},
		"PostgreSQL":           {choreographed(postgres), inSchemas, 24},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{progress: io.Discard, dir: t.TempDir(), options: options{postgres: os.Getenv("TIDEWIRE_TEST_POSTGRES")}}
			if tt.on == postgres && b.postgres == "" {
				t.Skip("skips the twin on PostgreSQL: TIDEWIRE_TEST_POSTGRES is not set")
			}
			t.Cleanup(func() {
				if err := b.dropDatabases(); err != nil {
					t.Error(err)
				}
			})
			want, got := b.grown(t, ours, tt.way, tt.measure), b.grown(t, raw, tt.way, tt.measure)
			if len(want) != tt.tables {
				t.Errorf("%d tables and kinds grew, and should be described in twin/doc.go: %v", len(want), slices.Sorted(maps.Keys(want)))
			}
			for _, d := range differences(want, got) {
				t.Error(d)
			}
		})
	}
}

// differences are what the twin stores otherwise.
func differences(want, got map[string]stored) (all []string) {
	names := maps.Clone(want)
	maps.Copy(names, got)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, g := want[name], got[name]
		if w.rows != g.rows {
			all = append(all, fmt.Sprintf("%s: %d orders make %d rows, and %d in the twin", name, orders, w.rows, g.rows))
		}
		for _, column := range slices.Sorted(maps.Keys(w.holds)) {
			want, got := w.holds[column], g.holds[column]
			if column == "partition" { // the twin has only 0
				continue
			}
			if off := float64(got-want) / math.Max(math.Abs(float64(want)), 1); off < -0.01 || off > 0.01 {
				all = append(all, fmt.Sprintf("%s.%s: %d orders make %d, and %d in the twin", name, column, orders, want, got))
			}
		}
	}
	return all
}

func TestDifferencesAreFound(t *testing.T) {
	sale := func(rows, text, ended int64) stored {
		return stored{rows, map[string]int64{"lines": text, "ended": ended, "partition": ended}}
	}
	sold := func(n int64) stored { return stored{0, map[string]int64{"n": n, "name": 0}} }
	want := map[string]stored{"sale": sale(100, 700, 100), "tally": sold(-100)}
	for name, tt := range map[string]struct {
		got  map[string]stored
		want []string // what is named
	}{
		"the same":                  {want, nil},
		"within a hundredth":        {map[string]stored{"sale": sale(100, 706, 100), "tally": sold(-100)}, nil},
		"another partition":         {map[string]stored{"sale": {100, map[string]int64{"lines": 700, "ended": 100}}, "tally": sold(-100)}, nil},
		"a row less":                {map[string]stored{"sale": sale(99, 700, 100), "tally": sold(-100)}, []string{"sale:"}},
		"a row more":                {map[string]stored{"sale": sale(101, 700, 100), "tally": sold(-100)}, []string{"sale:"}},
		"shorter text":              {map[string]stored{"sale": sale(100, 600, 100), "tally": sold(-100)}, []string{"sale.lines:"}},
		"longer text":               {map[string]stored{"sale": sale(100, 800, 100), "tally": sold(-100)}, []string{"sale.lines:"}},
		"a number left out":         {map[string]stored{"sale": sale(100, 700, 0), "tally": sold(-100)}, []string{"sale.ended:"}},
		"not counted":               {map[string]stored{"sale": sale(100, 700, 100)}, []string{"tally.n:"}},
		"counted twice":             {map[string]stored{"sale": sale(100, 700, 100), "tally": sold(-200)}, []string{"tally.n:"}},
		"nothing of a table":        {map[string]stored{"tally": sold(-100)}, []string{"sale:", "sale.ended:", "sale.lines:"}},
		"a table that ours has not": {map[string]stored{"sale": sale(100, 700, 100), "tally": sold(-100), "more": sale(1, 0, 0)}, []string{"more:"}},
	} {
		got := differences(want, tt.got)
		if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// stored is what a table holds.
type stored struct {
	rows  int64
	holds map[string]int64 // by column: bytes of text, numbers other than 0, or the sum of a counter
}

// grown returns what orders add to the tables of a side, by service and table; of the
// journal and the queue also by kind.
func (b *bench) grown(t *testing.T, s side, w way, measure func(*testing.T, *shop) map[string]stored) map[string]stored {
	t.Helper()
	p, err := b.open(t.Context(), s, w)
	if err != nil {
		t.Fatal(err)
	}
	// The first orders end after the catalogue has come everywhere.
	const first = 10
	if _, err := place(t.Context(), load.Options{URL: p.url, Orders: first}); err != nil {
		t.Fatal(err)
	}
	before := settled(t, p, measure, first)
	if _, err := place(t.Context(), load.Options{URL: p.url, Orders: orders}); err != nil {
		t.Fatal(err)
	}
	settled(t, p, measure, first+orders)
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	after := measure(t, p)
	for name, now := range after {
		counts := false
		now.rows -= before[name].rows
		for column := range now.holds {
			now.holds[column] -= before[name].holds[column]
			table, _, _ := strings.Cut(name, " ")
			counts = counts || now.holds[column] != 0 && slices.Contains(counters()[table], column)
		}
		if after[name] = now; now.rows == 0 && !counts {
			delete(after, name)
		}
	}
	delete(after, "shipping.job track") // one for all parcels, whenever it is made
	return after
}

// settled waits until all that orders cause is done, of which customers see them completed
// before, and returns what is stored then.
func settled(t *testing.T, p *shop, measure func(*testing.T, *shop) map[string]stored, orders int64) map[string]stored {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.After(30 * time.Second); ; {
		waits := unfinished(measure(t, p), orders)
		if waits == "" {
			return measure(t, p) // again: some tables may have been looked at before others changed
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("%d orders were completed, and %s is not as it should be then", orders, waits)
		}
	}
}

// unfinished names a table that does not hold yet all that orders leave there, or that
// the users and products leave which there are from the beginning; the twin has no users.
func unfinished(all map[string]stored, orders int64) string {
	users := all["user.journal UserRegistered"].rows
	for name, rows := range map[string]int64{
		"notification.notification welcome": users,
		"notification.notification created": orders,
		"notification.notification paid":    orders,
		"notification.notification shipped": orders,
		"analytics.customer":                users,
		"analytics.product":                 all["product.journal ProductCreated"].rows,
	} {
		if all[name].rows != rows {
			return name
		}
	}
	switch {
	case all["inventory.reservation"].holds["status"] != orders*int64(len("shipped")): // and not reserved
		return "inventory.reservation"
	case all["analytics.sale"].holds["state"] != orders*int64(len("completed")): // and not ""
		return "analytics.sale"
	}
	return ""
}
