package audit

import (
	"context"
	"path/filepath"
	"time"
)

// Options say what to audit. The zero value is the demo's data folder.
type Options struct {
	Data     string // folder of the databases; ./tidewire-data
	Database string // postgres://… if the services' databases are there; Data only has the provider's ledger then
	Provider string // file of the payment provider's ledger; simulator.db in Data
	Ledger   string // what a client saw, one JSON line an order, as load writes it; none
	// Sole says that the ledger's client placed every order with an Idempotency-Key
	// that there is. Then an order that it does not know is a double.
	Sole bool
	// Final says that all work is done. Then whatever is still on its way is a violation.
	Final bool
	// Rest says that nobody works on the data, as on a backup: whatever is on its way stays
	// where it is, which says nothing of who will go on with it. Everything else holds.
	Rest bool

	// Step is told which promise is looked at, of how many; nobody.
	Step func(n, of int, promise string)

	pause time.Duration // that something which seems stuck is given to move; 2s
}

// A Report is what was found, as `tidewire audit --json` prints it.
type Report struct {
	OK     bool    `json:"ok"` // every promise was checked, and no violation found
	Checks []Check `json:"checks"`
	Dead   int64   `json:"dead"` // letters that wait for an operator: promised, so no violation by themselves
}

// A Check is one promise, and how it was kept.
type Check struct {
	Promise    string   `json:"promise"`
	Checked    int64    `json:"checked"` // how many things
	Violations int64    `json:"violations"`
	Examples   []string `json:"examples"`             // the first violations
	NotChecked string   `json:"notChecked,omitempty"` // why some of it could not be checked

	found []string // all of them
	loud  []bool   // by probe: whether it found any
}

// keptExamples is how many violations of a promise are named.
const keptExamples = 10

// Run checks every promise. What cannot be read or checked is a violation, of a promise
// that needs the provider's ledger only if that is there; an error means that there was
// nothing to audit, or that ctx ended.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Data == "" {
		o.Data = "tidewire-data"
	}
	if o.Provider == "" {
		o.Provider = filepath.Join(o.Data, "simulator.db")
	}
	if o.pause == 0 {
		o.pause = 2 * time.Second
	}
	a, err := begin(ctx, o)
	if err != nil {
		return Report{}, err
	}
	defer a.close()
	checks := a.run(a.promises())
	if err := a.end(); err != nil {
		return Report{}, err
	}
	stuck, dead := a.waiting(o.Final || o.Rest)
	if !o.Rest {
		checks = append(checks, stuck)
	}
	r := Report{OK: true, Checks: checks, Dead: dead}
	for _, c := range r.Checks {
		r.OK = r.OK && c.Violations == 0 && c.NotChecked == ""
	}
	return r, ctx.Err()
}

// promises are all checks that are made on the snapshot.
func (a *audit) promises() []func() promise {
	all := []func() promise{
		a.complete, whole, a.history, capture, provider, reconciled, undone, balance, stock, shelves,
		a.shipments, parcels, a.notifications, a.analytics, positions, effects, causes, a.commanded, calls, holds, owners, sagas, schedules, letters, a.projections,
		a.prices, a.found, profiles,
	}
	if a.Ledger != "" {
		all = append(all, a.acceptance)
	}
	if a.Final {
		all = append(all, quiet)
	}
	return all
}
