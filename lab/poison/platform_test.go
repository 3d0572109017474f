package poison

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/lab/rig"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A platform is one whose databases are changed while it does not run.
type platform struct {
	*testing.T
	*rig.Instance
}

func newPlatform(t *testing.T) *platform {
	r := rig.New(t)
	return &platform{t, r.Instance(r.Data())}
}

// in does something with a database of the platform while that does not run.
func (p *platform) in(file string, do func(*store.Tx) error) {
	p.Helper()
	d, err := sqlite.Open(p.Context(), filepath.Join(p.Data(), file+".db"), nil)
	if err != nil {
		p.Fatal(err)
	}
	db := store.Open(file, d)
	_, err = db.Update(p.Context(), nil, do)
	if err := errors.Join(err, db.Close()); err != nil {
		p.Fatalf("%s: %v", file, err)
	}
}

// count counts rows, and those that are different in a column.
func (p *platform) count(file, column, from string) (all, different int) {
	p.Helper()
	p.in(file, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&all, &different}, fmt.Sprintf(`SELECT COUNT(*), COUNT(DISTINCT %s) FROM %s`, column, from))
		return err
	})
	return all, different
}
