package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// columns are those that are looked at.
func columns(table string) []string {
	return map[string][]string{
		"call":   {"n", "key", "kind", "answer"},
		"charge": {"key", "n", "order_id", "amount", "currency", "status", "reference", "at"},
		"hold":   {"key", "n", "order_id", "amount", "currency", "method", "reference", "at"},
		"refund": {"key", "n", "charge_key", "order_id", "amount", "currency", "reference", "at"},
	}[table]
}

// beside opens the provider's ledger by itself: no PostgreSQL can see a file.
func (a *audit) beside() (*audit, error) {
	files := &audit{ctx: a.ctx}
	if err := files.connectFiles(); err != nil {
		return nil, err
	}
	if err := files.attach(a.Provider, "simulator"); err != nil {
		return nil, errors.Join(err, files.close())
	}
	return files, nil
}

// reach finds out whether the provider's ledger can be read. It belongs to somebody else
// and need not be in the data folder, so that it is not there is nobody's guilt.
func (a *audit) reach() {
	const do = "say where it is with --provider FILE"
	if _, err := os.Stat(a.Provider); errors.Is(err, fs.ErrNotExist) {
		a.unheard = fmt.Sprintf("the payment provider's ledger is not at %s: %s", a.Provider, do)
		return
	}
	files, err := a.beside()
	if err == nil {
		for _, table := range []string{"call", "charge", "refund", "hold"} {
			if err == nil {
				err = files.exec("SELECT " + strings.Join(columns(table), ", ") + " FROM simulator." + table + " LIMIT 1")
			}
		}
		err = errors.Join(err, files.close())
	}
	if err != nil {
		a.unheard = fmt.Sprintf("%s cannot be read as the payment provider's ledger (%v): %s", a.Provider, err, do)
	}
}

// copySimulator copies the provider's tables, of one moment.
func (a *audit) copySimulator(names ...string) error {
	files, err := a.beside()
	if err != nil {
		return err
	}
	defer files.close()
	if err := files.exec("BEGIN"); err != nil {
		return err
	}
	for _, name := range names {
		if err := a.copyTable(files, name); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) copyTable(files *audit, name string) error {
	in := inserter{audit: a, table: "simulator_" + name, columns: columns(name)}
	err := files.each("SELECT "+in.names()+" FROM simulator."+name, func(scan func(...any) error) error {
		row := make([]any, len(in.columns))
		for i := range row {
			row[i] = new(any)
		}
		if err := scan(row...); err != nil {
			return err
		}
		for i, v := range row {
			row[i] = *v.(*any)
		}
		return in.add(row...)
	})
	return errors.Join(err, in.close())
}
