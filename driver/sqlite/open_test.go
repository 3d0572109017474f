package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// versions are the migrations of a service up to one.
func versions(newest int) fs.FS {
	all := fstest.MapFS{}
	for v := 1; v <= newest; v++ {
		all[fmt.Sprintf("%05d_thing.sql", v)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE thing%d (n BIGINT);\n", v)}
	}
	return all
}

// openOnce opens and closes a file, and returns what Open says.
func openOnce(t *testing.T, path string, migrations fs.FS) error {
	t.Helper()
	d, err := sqlite.Open(t.Context(), path, migrations)
	if err == nil {
		err = d.Close()
	}
	return err
}

// say appends facts to a new file at path, and closes it.
func say(t *testing.T, path string, n int) {
	t.Helper()
	db := open(t, path)
	const together = 100 // more could take a second on a slow machine
	for first := 0; first < n; first += together {
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			for i := first; i < min(n, first+together); i++ {
				if err := tx.Append(fmt.Sprint("key ", i%50), said{i}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// An older binary would read columns that mean something else by now.
func TestDatabaseNewerThanTheBinaryIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := openOnce(t, path, versions(3)); err != nil {
		t.Fatal(err)
	}
	err := openOnce(t, path, versions(2))
	for _, want := range []string{"the database is newer than this binary", "service_version 3", "knows 2", path, "restore a backup"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an older binary: %v, want a sentence with %q", err, want)
		}
	}
	if err := openOnce(t, path, versions(4)); err != nil {
		t.Errorf("a newer binary, after an older one was refused: %v", err)
	}
	db := open(t, path)
	if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`INSERT INTO tidewire_version (version_id, is_applied) VALUES (999, 1)`)
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openOnce(t, path, nil); err == nil || !strings.Contains(err.Error(), "tidewire_version 999") {
		t.Errorf("a binary with an older toolkit: %v, want it refused", err)
	}
}

// What a service has for another database is not for this one.
func TestMigrationsOfOneDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	files := fstest.MapFS{
		"migrations/00001_thing.sql":         {Data: []byte("-- +goose Up\nCREATE TABLE thing (n BIGINT);\n")},
		"migrations/sqlite/00001_only.sql":   {Data: []byte("-- +goose Up\nCREATE INDEX thing_n ON thing (n) WHERE typeof(n) = 'integer';\n")},
		"migrations/postgres/00001_only.sql": {Data: []byte("-- +goose Up\nDROP TABLE thing;\n")},
	}
	for range 2 { // the second time there is nothing to do
		if err := openOnce(t, path, files); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, path)
	var indexes int
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&indexes}, `SELECT COUNT(*) FROM sqlite_schema WHERE name = 'thing_n'`)
		return err
	}); err != nil || indexes != 1 {
		t.Errorf("got %d indexes, %v, want 1", indexes, err)
	}
	if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`INSERT INTO service_sqlite_version (version_id, is_applied) VALUES (9, 1)`)
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openOnce(t, path, files); err == nil || !strings.Contains(err.Error(), "service_sqlite_version 9") {
		t.Errorf("an older binary: %v, want it refused", err)
	}
}

// A migration that fails leaves nothing of itself, and the file as good as before.
func TestMigrationThatFailsIsUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	broken := fstest.MapFS{"00001_thing.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE thing1 (n BIGINT);\nINSERT INTO nowhere VALUES (1);\n")}}
	if err := openOnce(t, path, broken); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken migration: %v, want an error that names the file", err)
	}
	if err := openOnce(t, path, versions(1)); err != nil {
		t.Errorf("the mended migration: %v", err)
	}
}

// What is damaged is said to be so and not touched: the operator needs a backup, and
// perhaps the pieces.
func TestDamagedFileIsRefused(t *testing.T) {
	const page = 4096
	for name, damage := range map[string]func(b []byte) []byte{
		"no database":          func([]byte) []byte { return bytes.Repeat([]byte("dear diary "), 1000) },
		"header overwritten":   func(b []byte) []byte { return append(bytes.Repeat([]byte{0xAA}, page), b[page:]...) },
		"everything else lost": func(b []byte) []byte { return append(b[:page:page], make([]byte, len(b)-page)...) },
		"overwritten":          func(b []byte) []byte { return append(b[:page:page], bytes.Repeat([]byte{0xAA}, len(b)-page)...) },
		"the end is missing":   func(b []byte) []byte { return b[:len(b)/page/4*page] },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			say(t, path, 2000)
			whole, err := os.ReadFile(path)
			if err != nil || len(whole) < 20*page {
				t.Fatalf("the file has %d bytes, %v", len(whole), err)
			}
			damaged := damage(whole)
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			err = openOnce(t, path, nil)
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), path) {
				t.Errorf("Open: %v, want ErrUnavailable and that %s is damaged", err, path)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
				t.Errorf("the file was changed from %d to %d bytes, %v", len(damaged), len(after), err)
			}
		})
	}
}

// The clock of a database is not behind its journal: after the machine's was set back,
// what is said next is still later than what was said before.
func TestClockIsNotBehindTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, d := openBoth(t, path)
	future := time.Now().Add(10 * time.Minute).Truncate(time.Microsecond)
	if err := d.Update(t.Context(), store.Change{Run: func(c store.Conn, _ time.Time) error {
		_, err := c.Append([]message.Message{
			{ID: "1", Kind: "said", Class: message.Public, Key: "a", Time: future, Body: []byte(`{}`)},
			{ID: "2", Kind: "said", Class: message.Public, Key: "a", Time: time.Now(), Body: []byte(`{}`)}, // the latest need not be the last
		})
		return err
	}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	last := future
	db = open(t, path)
	for range 3 {
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			if tx.Now.Before(last) || tx.Now.After(future.Add(time.Minute)) {
				t.Errorf("now is %v, want it at or soon after %v", tx.Now, last)
			}
			last = tx.Now
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// Close may come twice, and while a change waits; what was acknowledged is there.
func TestCloseWaitsForChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	began, result := make(chan struct{}), make(chan error, 1)
	goOn := make(chan struct{})
	go func() {
		_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
			close(began)
			<-goOn
			return tx.Append("a", said{1})
		})
		result <- err
	}()
	<-began
	closed := make(chan error, 2)
	for range 2 {
		go func() { closed <- db.Close() }()
	}
	close(goOn)
	if err := errors.Join(<-result, <-closed, <-closed); err != nil {
		t.Errorf("a change and two Closes: %v", err)
	}
	if n := count(t, open(t, path)); n != 1 {
		t.Errorf("%d facts after Close, want 1", n)
	}
}

// count counts the journal.
func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM journal`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
