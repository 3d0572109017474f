package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// small mounts a filesystem of two megabytes.
func small(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("what happens on a full disk is not tested: mounting a small one takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

type letter struct{ N, Text string }

func (letter) Kind() string { return "letter" }

// write says one large fact under an id of its own.
func write(t *testing.T, db *store.DB, id string) error {
	_, err := db.Update(t.Context(), []string{id}, func(tx *store.Tx) error {
		return tx.Append(id, letter{id, strings.Repeat("x", 10_000)})
	})
	return err
}

// stored returns the keys of the journal.
func stored(t *testing.T, db *store.DB) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		clear(keys)
		return tx.Rows(`SELECT key FROM journal`, nil, func(scan func(...any) error) error {
			var k string
			err := scan(&k)
			keys[k] = true
			return err
		})
	}); err != nil {
		t.Errorf("a View while the disk is full: %v", err)
	}
	return keys
}

// wantStored checks that what was acknowledged is stored, and nothing else.
func wantStored(t *testing.T, db *store.DB, acknowledged map[string]bool) {
	t.Helper()
	got := stored(t, db)
	for id := range acknowledged {
		if !got[id] {
			t.Errorf("%s was acknowledged, and is lost", id)
		}
	}
	if len(got) != len(acknowledged) {
		t.Errorf("%d facts are stored, %d were acknowledged", len(got), len(acknowledged))
	}
}

// fill writes from eight goroutines until each is told that nothing more can be stored.
func fill(t *testing.T, db *store.DB, round string, acknowledged map[string]bool) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				id := fmt.Sprintf("%s %d %d", round, w, i)
				if err := write(t, db, id); err != nil {
					if !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("on a full disk Update returns %v, want ErrUnavailable", err)
					}
					return
				}
				mu.Lock()
				acknowledged[id] = true
				mu.Unlock()
			}
			t.Error("ten megabytes went into two")
		})
	}
	wg.Wait()
}

// A full disk refuses changes and nothing else: what was acknowledged stays, it can be
// read, and when there is space changes go on without a restart.
func TestFullDisk(t *testing.T) {
	dir := small(t)
	path, ballast := filepath.Join(dir, "a.db"), filepath.Join(dir, "ballast")
	db := open(t, path)
	acknowledged := map[string]bool{}
	for round := range 3 {
		if err := os.WriteFile(ballast, bytes.Repeat([]byte{1}, (3-round)*200_000), 0o600); err != nil {
			t.Fatal(err)
		}
		fill(t, db, fmt.Sprint("round ", round), acknowledged)
		wantStored(t, db, acknowledged)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint("after round ", round)
		if err := write(t, db, id); err != nil {
			t.Fatalf("with space again Update returns %v", err)
		}
		acknowledged[id] = true
	}
	if len(acknowledged) < 20 {
		t.Errorf("only %d facts were stored before the disk was full: the test tests little", len(acknowledged))
	}
	if err := db.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantStored(t, open(t, path), acknowledged)
}

// A database that cannot be written is refused at once, by name, and not at the first
// order.
func TestReadOnlyPlaceIsRefused(t *testing.T) {
	dir := small(t)
	path := filepath.Join(dir, "a.db")
	say(t, path, 1)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(dir, "new.db")} {
		_, err := sqlite.Open(t.Context(), path, nil)
		if !errors.Is(err, syscall.EROFS) && !errors.Is(err, fs.ErrPermission) || !strings.Contains(fmt.Sprint(err), path) {
			t.Errorf("Open of %s where nothing can be written: %v", path, err)
		}
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if n := count(t, open(t, path)); n != 1 {
		t.Errorf("%d facts when it can be written again, want 1", n)
	}
}
