package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A database that may lose commits is refused, with the key and what is off; when the URL
// allows it, whoever runs it is told, in the log and by the doctor.
func TestUnsafeDatabase(t *testing.T) {
	db := database(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(ctx); err != nil {
		t.Fatal(err)
	}
	exit, _, stderr := tidewire(t, "up", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "database="+db)
	if want := "tidewire: database: the PostgreSQL at "; exit != exitWrong || !strings.Contains(stderr, want) || !strings.Contains(stderr, "switch on synchronous_commit") {
		t.Errorf("refused: exit %d, %s", exit, stderr)
	}
	w := newWard(t, "database="+db+"&unsafe=synchronous_commit")
	found := w.findings()
	if len(found) != 1 || !strings.Contains(found[0].What, "synchronous_commit is off there") || found[0].Where != "database" {
		t.Errorf("got %+v, want what is unsafe", found)
	}
}
