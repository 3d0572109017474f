package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/load"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
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

// TestTwinStoresTheSameRows holds the twin to doc.go: what the platform stores for an
// order, in which tables of which service, how many rows and how many bytes of text in
// each column, is what the twin stores.
func TestTwinStoresTheSameRows(t *testing.T) {
	b := &bench{progress: io.Discard, dir: t.TempDir()}
	got := [2]map[string]stored{}
	for _, s := range []side{ours, raw} {
		got[s] = b.grown(t, s)
	}
	if len(got[ours]) < 12 {
		t.Fatalf("only these tables grew: %v", got[ours])
	}
	names := maps.Clone(got[ours])
	maps.Copy(names, got[raw])
	for _, name := range slices.Sorted(maps.Keys(names)) {
		want, have := got[ours][name], got[raw][name]
		if want.rows != have.rows {
			t.Errorf("%s: %d orders make %d rows, and %d in the twin", name, orders, want.rows, have.rows)
		}
		for column, bytes := range want.bytes {
			if off := float64(have.bytes[column]-bytes) / float64(max(bytes, 1)); off < -0.01 || off > 0.01 {
				t.Errorf("%s.%s: %d orders make %d bytes, and %d in the twin", name, column, orders, bytes, have.bytes[column])
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
func (b *bench) grown(t *testing.T, s side) map[string]stored {
	t.Helper()
	p, err := b.open(t.Context(), s, files)
	if err != nil {
		t.Fatal(err)
	}
	// The first orders end after the catalogue has come everywhere.
	if _, err := place(t.Context(), load.Options{URL: p.url, Orders: 10}); err != nil {
		t.Fatal(err)
	}
	before := measure(t, p.dir)
	if _, err := place(t.Context(), load.Options{URL: p.url, Orders: orders}); err != nil {
		t.Fatal(err)
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	after := measure(t, p.dir)
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

// measure reads every database in a directory.
func measure(t *testing.T, dir string) map[string]stored {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil || len(files) < 6 {
		t.Fatalf("databases: %v, %v", files, err)
	}
	all := map[string]stored{}
	for _, file := range files {
		c, err := sqlite.OpenConn(file, sqlite.OpenReadOnly|sqlite.OpenWAL)
		if err != nil {
			t.Fatal(err)
		}
		service := strings.TrimSuffix(filepath.Base(file), ".db")
		for table, columns := range tables(t, c) {
			kind := "''"
			if slices.Contains(columns, "kind") {
				kind = "kind"
			}
			sums := "count(*)"
			for _, column := range columns {
				sums += fmt.Sprintf(", sum(CASE WHEN typeof(%s) IN ('text', 'blob') THEN length(CAST(%[1]s AS BLOB)) ELSE 0 END)", column)
			}
			query := fmt.Sprintf("SELECT %s, %s FROM %s GROUP BY 1", kind, sums, table)
			execute(t, c, query, func(r *sqlite.Stmt) {
				one := stored{rows: r.ColumnInt64(1), bytes: map[string]int64{}}
				for i, column := range columns {
					one.bytes[column] = r.ColumnInt64(i + 2)
				}
				all[strings.TrimSuffix(service+"."+table+" "+r.ColumnText(0), " ")] = one
			})
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// tables returns the columns of each table.
func tables(t *testing.T, c *sqlite.Conn) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	execute(t, c, `SELECT m.name, i.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS i WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
		func(r *sqlite.Stmt) {
			all[r.ColumnText(0)] = append(all[r.ColumnText(0)], r.ColumnText(1))
		})
	return all
}

func execute(t *testing.T, c *sqlite.Conn, query string, row func(*sqlite.Stmt)) {
	t.Helper()
	err := sqlitex.ExecuteTransient(c, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error { row(s); return nil }})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
