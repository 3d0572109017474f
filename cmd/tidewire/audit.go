package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/tidewire/tidewire/audit"
	"github.com/tidewire/tidewire/driver/postgres"
)

// An auditCommand proves the promises on what is stored.
type auditCommand struct {
	Ledger   string `placeholder:"FILE" help:"What a client saw, as tidewire load writes it."`
	Provider string `placeholder:"FILE" help:"The payment provider's ledger, if it runs by itself. Default: simulator.db in the data directory."`
	Sole     bool   `help:"Every order is of that ledger: another one is a violation."`
	Final    bool   `help:"All work is done: whatever is on its way is a violation."`
	Rest     bool   `help:"Nobody works on it, as on a backup: whether work moves is not looked at."`
	JSON     bool   `help:"Print JSON."`
}

// Help gives examples.
func (auditCommand) Help() string {
	return `It reads the databases of the services, the payment provider's ledger and a client's, with SQL of its own, and may run beside a live platform. It exits 1 with the first violations named, also when a promise could not be checked: those about money need the provider's ledger.

Examples:

  tidewire audit
  tidewire load --orders 20000 --mix 0.2 --ledger orders.jsonl && tidewire audit --ledger orders.jsonl
  tidewire audit --set database=postgres://shop:secret@localhost/shop --provider provider.db
  tidewire audit --data backup --rest
  tidewire audit --data /var/lib/tidewire --json | jq '.checks[] | select(.violations > 0 or .notChecked)'`
}

// Run prints one line for each promise. It needs no platform, only what that stored:
// a proof that asked the platform would be a proof of its answers.
func (cmd auditCommand) Run(c *console) error {
	loaded, err := c.load(nil)
	if err != nil {
		return err
	}
	for _, path := range cmd.files(loaded.Data, loaded.Database) {
		if _, err := os.Stat(path); err != nil {
			return wrong(fmt.Errorf("nothing to audit: %w", err))
		}
	}
	if loaded.Database != "" {
		if loaded.Database, err = postgres.Plain(loaded.Database); err != nil {
			return wrong(fmt.Errorf("database: %w", err))
		}
	}
	report, err := audit.Run(c.ctx, audit.Options{Data: loaded.Data, Database: loaded.Database, Provider: cmd.Provider,
		Ledger: cmd.Ledger, Sole: cmd.Sole, Final: cmd.Final, Rest: cmd.Rest, Step: cmd.step(c)})
	if err != nil {
		return err
	}
	if err := cmd.print(c, report); err != nil {
		return err
	}
	if !report.OK {
		return errFound
	}
	return nil
}

// step shows which promise is looked at, on a terminal.
func (cmd auditCommand) step(c *console) func(n, of int, promise string) {
	if cmd.JSON || !terminal(c.err) {
		return nil
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionSetWriter(c.err), progressbar.OptionClearOnFinish())
	return func(n, of int, promise string) {
		bar.Describe(promise)
		bar.ChangeMax(of + 1) // which is cleared at the end
		if n == of {
			_ = bar.Finish() // it is only shown
			return
		}
		_ = bar.Set(n)
	}
}

// files are those without which there is nothing to audit.
func (cmd auditCommand) files(data, database string) []string {
	var files []string
	if cmd.Ledger != "" {
		files = append(files, cmd.Ledger)
	}
	if database == "" {
		files = append(files, filepath.Join(data, "order.db"))
	}
	return files
}

// print names at most the first violations of each promise: they are where to begin.
func (cmd auditCommand) print(c *console, r audit.Report) error {
	if cmd.JSON {
		return printJSON(c.out, r)
	}
	t := newTable(c.out, "", "PROMISE", "CHECKED", "VIOLATIONS")
	for _, check := range r.Checks {
		verdict := "ok"
		switch {
		case check.Violations > 0:
			verdict = "BROKEN"
		case check.NotChecked != "":
			verdict = "NOT CHECKED"
		}
		t.row(verdict, check.Promise, check.Checked, check.Violations)
	}
	if err := t.end(); err != nil {
		return err
	}
	for _, check := range r.Checks {
		if check.Violations > 0 {
			fmt.Fprintf(c.out, "\n%s:\n  %s\n", check.Promise, strings.Join(check.Examples, "\n  "))
		}
	}
	if r.Dead > 0 {
		fmt.Fprintf(c.out, "\n%d dead letters wait for an operator: tidewire dead list\n", r.Dead)
	}
	return nil
}
