package operate_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// fill takes all that is left of a filesystem into one file.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want a full disk", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A platform whose disk is full is not ready, and is again once there is room.
func TestReadinessOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("what readiness says on a full disk is not tested: mounting a small one takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	driver, err := sqlite.Open(t.Context(), filepath.Join(dir, "stock.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("stock", driver)
	defer db.Close()
	m, err := operate.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	ask := func() (int, string) { // at a new desk, which has not tried yet
		w := httptest.NewRecorder()
		(&operate.Desk{Services: []*store.DB{db}}).Handler(m).ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1:3001/readyz", nil))
		return w.Code, w.Body.String()
	}
	if status, text := ask(); status != 200 {
		t.Fatalf("with room: got %d %s", status, text)
	}
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	// The last page that the files have may take a write yet.
	var status int
	var text string
	for range 3 {
		status, text = ask()
	}
	if status != 503 || !strings.Contains(text, "database of stock") {
		t.Errorf("on a full disk: got %d %s, want 503", status, text)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if status, text := ask(); status != 200 {
		t.Errorf("with room again: got %d %s", status, text)
	}
}
