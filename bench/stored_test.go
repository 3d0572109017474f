package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// counters are columns of which the sum is what matters: their rows are there before.
func counters() map[string][]string {
	return map[string][]string{
		"analytics.tally":   {"n"},
		"analytics.revenue": {"amount"},
		"analytics.product": {"quantity"},
		"inventory.stock":   {"on_hand", "reserved", "moves"},
	}
}

// query counts the rows of a table by kind, and sums up what is in each column.
func query(name, table string, columns []string, amount string) string {
	sums := "count(*)"
	for _, column := range columns {
		sum := amount
		if slices.Contains(counters()[name], column) {
			sum = "COLUMN"
		}
		sums += strings.ReplaceAll(", CAST(coalesce(sum("+sum+"), 0) AS BIGINT)", "COLUMN", column)
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s GROUP BY 1", kindOf(name, columns), sums, table)
}

// kindOf is the column by which rows of a table are told apart.
func kindOf(name string, columns []string) string {
	switch {
	case name == "notification.notification":
		return "template"
	case name == "analytics.tally":
		return "name"
	case slices.Contains(columns, "kind"):
		return "kind"
	}
	return "''"
}

// put notes what a row of a query says.
func put(all map[string]stored, table, kind string, columns []string, sums []int64) {
	one := stored{rows: sums[0], holds: map[string]int64{}}
	for i, column := range columns {
		one.holds[column] = sums[i+1]
	}
	all[strings.TrimSuffix(table+" "+kind, " ")] = one
}

// inFiles reads every SQLite database of a side.
func inFiles(t *testing.T, p *shop) map[string]stored {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "*.db"))
	if err != nil || len(names) < 8 {
		t.Fatalf("databases: %v, %v", names, err)
	}
	all := map[string]stored{}
	for _, file := range names {
		c, err := sqlite.OpenConn(file, sqlite.OpenReadOnly|sqlite.OpenWAL)
		if err != nil {
			t.Fatal(err)
		}
		tables := map[string][]string{}
		execute(t, c, `SELECT m.name, i.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS i WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
			func(r *sqlite.Stmt) { tables[r.ColumnText(0)] = append(tables[r.ColumnText(0)], r.ColumnText(1)) })
		for table, columns := range tables {
			name := strings.TrimSuffix(filepath.Base(file), ".db") + "." + table
			amount := "CASE WHEN typeof(COLUMN) IN ('text', 'blob') THEN length(CAST(COLUMN AS BLOB)) WHEN COLUMN <> 0 THEN 1 END"
			execute(t, c, query(name, table, columns, amount), func(r *sqlite.Stmt) {
				var sums []int64
				for i := range len(columns) + 1 {
					sums = append(sums, r.ColumnInt64(i+1))
				}
				put(all, name, r.ColumnText(0), columns, sums)
			})
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func execute(t *testing.T, c *sqlite.Conn, query string, row func(*sqlite.Stmt)) {
	t.Helper()
	err := sqlitex.ExecuteTransient(c, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error { row(s); return nil }})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// inSchemas reads every schema of a side's PostgreSQL database.
func inSchemas(t *testing.T, p *shop) map[string]stored {
	t.Helper()
	c, err := pgx.Connect(t.Context(), p.database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	rows, err := c.Query(t.Context(), `SELECT format('%I.%I', table_schema, table_name), array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'public') GROUP BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][]string{}
	var table string
	var columns []string
	if _, err := pgx.ForEachRow(rows, []any{&table, &columns}, func() error { tables[table] = slices.Clone(columns); return nil }); err != nil {
		t.Fatal(err)
	}
	all := map[string]stored{}
	for table, columns := range tables {
		name := strings.ReplaceAll(table, `"`, "") // as in files
		amount := "CASE WHEN pg_typeof(COLUMN)::text IN ('text', 'bytea') THEN octet_length(COLUMN::text) WHEN COLUMN::text <> '0' THEN 1 END"
		rows, err := c.Query(t.Context(), query(name, table, columns, amount))
		if err != nil {
			t.Fatal(err)
		}
		var kind string
		sums := make([]int64, len(columns)+1)
		dest := []any{&kind}
		for i := range sums {
			dest = append(dest, &sums[i])
		}
		if _, err := pgx.ForEachRow(rows, dest, func() error { put(all, name, kind, columns, sums); return nil }); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
	return all
}
