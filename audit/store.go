package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// audit is one run: a connection that sees all databases under the names of their
// services, and in temporary tables what it has made of them.
type audit struct {
	Options
	ctx     context.Context // of the run, which is one call
	db      *sql.DB
	conn    *sql.Conn
	dialect dialect
	start   time.Time
	inside  bool     // a transaction
	missing []string // what could not be read
	unheard string   // why the provider's ledger cannot be read; empty: it can
}

// A dialect is what differs between the databases.
type dialect struct {
	text           func(body, member string) string            // a member of a JSON body
	member         func(text, member string) string            // the same of a text
	rows           func(list string, members ...string) string // these members of a JSON list, as a text that only the same list has
	second         func(time string) string                    // of a whole time in the words of RFC 3339, since 1970
	lines          string                                      // the elements l of the lines of a row o
	line           func(member string) string                  // a member of l
	goods          string                                      // the rows of analytics.sale s with a product of its lines
	good, quantity string                                      // of which, how many
	found          string                                      // the word and the seq of each product that a word of spoken finds
	remote         bool                                        // the simulator's tables are copies, in temporary tables
}

// begin connects, reads the ledger, takes the marks and then the snapshot.
func begin(ctx context.Context, o Options) (a *audit, err error) {
	a = &audit{Options: o, ctx: ctx, start: time.Now()}
	a.reach()
	if o.Database == "" {
		err = a.openFiles()
	} else {
		err = a.openServer()
	}
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.prepare(); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *audit) prepare() error {
	if err := a.scratch(); err != nil {
		return err
	}
	a.mark()
	begin := "BEGIN"
	if a.dialect.remote {
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	}
	if err := a.exec(begin); err != nil {
		return err
	}
	a.inside = true
	if a.dialect.remote {
		// As every View of the platform: no table takes another one's place while we look.
		for _, s := range services {
			a.try(s, `LOCK TABLE `+schema(s)+`.exchange IN ACCESS SHARE MODE`)
		}
	}
	// A snapshot of a file begins with the first look at it.
	for _, s := range services {
		a.try(s, `SELECT COUNT(*) FROM `+schema(s)+`.identity`)
	}
	switch {
	case a.unheard != "":
	case a.dialect.remote:
		if err := a.copySimulator("call", "charge", "refund", "hold"); err != nil {
			a.unheard = "the payment provider's ledger cannot be read: " + err.Error()
		}
	default:
		a.try("simulator", `SELECT COUNT(*) FROM simulator.identity`)
	}
	a.fill()
	return a.ctx.Err()
}

// scratch makes the temporary tables, and loads the client's ledger.
func (a *audit) scratch() error {
	if err := a.exec("BEGIN"); err != nil {
		return err
	}
	for _, ddl := range scratch {
		if err := a.exec(ddl); err != nil {
			return err
		}
	}
	if a.dialect.remote {
		a.index()
	}
	if a.Ledger != "" {
		if err := a.readLedger(); err != nil {
			return err
		}
	}
	return a.exec("COMMIT")
}

// end leaves the snapshot.
func (a *audit) end() error {
	a.inside = false
	return a.exec("ROLLBACK")
}

func (a *audit) close() error {
	var err error
	if a.conn != nil {
		err = a.conn.Close()
	}
	if a.db != nil {
		err = errors.Join(err, a.db.Close())
	}
	return err
}

func (a *audit) exec(query string, args ...any) error {
	_, err := a.conn.ExecContext(a.ctx, a.rewrite(query), args...)
	return err
}

// try runs a statement whose failure is a finding.
func (a *audit) try(what, query string) {
	if err := a.guard(func() error { return a.exec(query) }); err != nil {
		a.missing = append(a.missing, what+": "+err.Error())
	}
}

// rewrite puts this run's times into a query, in microseconds, and the simulator where
// it is.
func (a *audit) rewrite(query string) string {
	if a.dialect.remote {
		query = strings.ReplaceAll(query, "simulator.", "pg_temp.simulator_")
	}
	if !strings.Contains(query, "{") {
		return query
	}
	micros := func(t time.Time) string { return fmt.Sprint(t.UnixMicro()) }
	return strings.NewReplacer("{before}", micros(a.start.Add(-10*time.Second)), "{day}", micros(a.start.Add(-23*time.Hour)), "{late}", micros(time.Now().Add(-10*time.Second)),
		"{overdue}", micros(time.Now().Add(-5*time.Second))).Replace(query)
}

// services are the databases, in the order in which their snapshots are taken: a
// message's reader before its sender.
var services = [...]string{"analytics", "notification", "order", "shipping", "inventory", "payment", "product", "user"}

// schema is the name of a service in SQL: two of them are words of the language.
func schema(service string) string { return `"` + service + `"` }

// tables are what each database must have, beside the toolkit's.
func tables(service string) []string {
	return append([]string{"rebuild", "rebuild_position", "identity", "journal", "job", "position", "parked", "saga"}, map[string][]string{
		"analytics":    {"sale", "refund", "customer", "tally", "revenue", "product"},
		"order":        {"orders", "idempotency"},
		"shipping":     {"shipment", "member"},
		"inventory":    {"stock", "reservation", "movement"},
		"payment":      {"payment", "attempt", "entry", "discrepancy", "reconciliation"},
		"product":      {"product", "price"},
		"user":         {"users"},
		"notification": {"notification"},
	}[service]...)
}

// complete checks that everything that is to be audited can be read.
func (a *audit) complete() promise {
	p := promise{name: "every store can be read", found: a.missing}
	if a.unheard != "" {
		p.found = append(p.found, a.unheard)
	}
	read := func(table string) probe {
		return probe{of: "SELECT 1 FROM (SELECT COUNT(*) FROM " + table + " WHERE 1 = 0) read"}
	}
	for _, s := range services {
		for _, t := range tables(s) {
			p.probes = append(p.probes, read(schema(s)+"."+t))
		}
	}
	return p
}

// folder returns the path of the data, which must be there.
func (a *audit) folder() (string, error) {
	path, err := filepath.Abs(a.Data)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", fmt.Errorf("no data folder at %s", a.Data)
	}
	return path, nil
}
