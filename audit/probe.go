package audit

import (
	"errors"
	"fmt"
	"strings"
)

// A promise is checked by probes.
type promise struct {
	name   string
	found  []string // violations that are known already
	probes []probe
}

// A probe is a pair of queries: one number of things that are checked, and a row of
// text for each of them that breaks the promise.
type probe struct {
	of  string // empty where the things are counted by another probe
	bad string // empty where it is enough that they can be counted
	// It compares with the provider's ledger, and says nothing without that.
	provider bool
}

// run makes all checks.
func (a *audit) run(all []func() promise) (checks []Check) {
	for i, prepare := range all {
		p := prepare()
		if a.Step != nil {
			a.Step(i+1, len(all), p.name)
		}
		checks = append(checks, a.look(p))
	}
	return checks
}

// look makes one check.
func (a *audit) look(p promise) Check {
	c := Check{Promise: p.name, Examples: []string{}}
	for _, f := range p.found {
		c.violation(f)
	}
	for _, q := range p.probes {
		before := c.Violations
		if q.provider && a.unheard != "" {
			c.NotChecked = "needs the payment provider's ledger"
		} else {
			a.probe(&c, q)
		}
		c.loud = append(c.loud, c.Violations > before)
	}
	return c
}

// probe adds what a probe finds to c. That it cannot look is a violation.
func (a *audit) probe(c *Check, p probe) {
	if p.of != "" {
		var n int64
		if err := a.each(p.of, func(scan func(...any) error) error { return scan(&n) }); err != nil {
			c.violation("cannot be checked: " + err.Error())
			return
		}
		c.Checked += n
	}
	if p.bad == "" {
		return
	}
	err := a.each(p.bad, func(scan func(...any) error) error {
		var what string
		err := scan(&what)
		c.violation(what)
		return err
	})
	if err != nil {
		c.violation("cannot be checked: " + err.Error())
	}
}

func (c *Check) violation(what string) {
	c.Violations++
	c.found = append(c.found, what)
	if len(c.Examples) < keptExamples {
		c.Examples = append(c.Examples, what)
	}
}

// each calls row for each row of a query.
func (a *audit) each(query string, row func(scan func(...any) error) error) error {
	return a.guard(func() error {
		rows, err := a.conn.QueryContext(a.ctx, a.rewrite(query))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// guard keeps the snapshot through an error, which would end it on PostgreSQL.
func (a *audit) guard(do func() error) error {
	if !a.inside || !a.dialect.remote {
		return do()
	}
	if err := a.exec("SAVEPOINT probe"); err != nil {
		return err
	}
	err := do()
	if err != nil {
		err = errors.Join(err, a.exec("ROLLBACK TO SAVEPOINT probe"))
	}
	return errors.Join(err, a.exec("RELEASE SAVEPOINT probe"))
}

// count is a query for the rows of a table.
func count(from string) string { return "SELECT COUNT(*) FROM " + from }

// unowned is the condition that nobody has anything to do for a key in a service.
func unowned(service, key string) string {
	return fmt.Sprintf("NOT EXISTS (SELECT 1 FROM owned w WHERE w.service = '%s' AND w.key = %s)", service, key)
}

// unedited is that a service took what was said about a key, and no other message that an
// operator put in the place of one.
func unedited(service, key string) string {
	return fmt.Sprintf("NOT EXISTS (SELECT 1 FROM edited t WHERE t.service = '%s' AND t.key = %s)", service, key)
}

// unquoted is a list of SQL strings in words.
func unquoted(list string) string { return strings.ReplaceAll(list, "'", "") }

// list is a list of SQL strings.
func list(of []string) string { return "'" + strings.Join(of, "', '") + "'" }
