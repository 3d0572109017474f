package inbox_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/inbox"
	"github.com/tidewire/tidewire/toolkit/store"
)

func TestOnce(t *testing.T) {
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("test", d)
	defer db.Close()
	failed := errors.New("handler failed")
	for _, tt := range []struct {
		name, source, id string
		fail             error
		first            bool
	}{
		{"the handler fails: no mark", "a", "1", failed, true},
		{"first", "a", "1", nil, true},
		{"again", "a", "1", nil, false},
		{"another source", "b", "1", nil, true},
		{"another message", "a", "2", nil, true},
	} {
		var first bool
		_, err := db.Update(t.Context(), nil, func(tx *store.Tx) (err error) {
			if first, err = inbox.Once(tx, tt.source, tt.id); err != nil {
				return err
			}
			return tt.fail
		})
		if !errors.Is(err, tt.fail) || first != tt.first {
			t.Errorf("%s: first %v, %v; want %v, %v", tt.name, first, err, tt.first, tt.fail)
		}
	}
}
