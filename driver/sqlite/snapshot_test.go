package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

func tellAll(t *testing.T, db *store.DB, n int) {
	t.Helper()
	for i := range n {
		if _, err := db.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("k", said{i}) }); err != nil {
			t.Fatal(err)
		}
	}
}

func rows(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM journal`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A snapshot has what was committed before it, and nothing that came later; its copy is a
// database that goes on from there.
func TestSnapshotIsOfItsMoment(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "a.db"))
	tellAll(t, db, 10)
	snap, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	tellAll(t, db, 300)
	to := filepath.Join(dir, "copy.db")
	var done int64
	all := snap.Size()
	if err := snap.Copy(t.Context(), to, func(d int64) { done = d }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || done != all || info.Size() != all {
		t.Errorf("told %d of %d, and the copy has %d, %v", done, all, info.Size(), err)
	}
	copied := open(t, to)
	if n := rows(t, copied); n != 10 {
		t.Errorf("the copy has %d rows, want 10", n)
	}
	tellAll(t, copied, 5)
	if n, m := rows(t, copied), rows(t, db); n != 15 || m != 310 {
		t.Errorf("%d and %d rows, want 15 and 310", n, m)
	}
}

// A file that was left by a process that died has its last commits in the WAL only.
func TestSnapshotOfAFileAtRest(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "a.db"))
	tellAll(t, db, 10)
	for _, suffix := range []string{"", "-wal"} { // as kill -9 leaves it
		text, err := os.ReadFile(filepath.Join(dir, "a.db") + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "left.db")+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := sqlite.OpenSnapshot(filepath.Join(dir, "left.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	to := filepath.Join(dir, "copy.db")
	if err := snap.Copy(t.Context(), to, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, open(t, to)); n != 10 {
		t.Errorf("the copy has %d rows, want 10", n)
	}
}

func TestSnapshotRefuses(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "a.db"))
	tellAll(t, db, 1)
	snap, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if err := snap.Copy(t.Context(), filepath.Join(dir, "a.db"), nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: got %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := snap.Copy(gone, filepath.Join(dir, "b.db"), func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: got %v", err)
	}
	if _, err := db.Snapshot(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: got %v", err)
	}
	if _, err := sqlite.OpenSnapshot(filepath.Join(dir, "none.db")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no file: got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c.db"), make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.OpenSnapshot(filepath.Join(dir, "c.db")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no database: got %v", err)
	}
}

// A file that is put in place of this one must not find its WAL.
func TestCloseLeavesNoWAL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	tellAll(t, db, 10)
	rows(t, db) // a reader's connection is open as well
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its WAL: %v, want none", err)
	}
}
