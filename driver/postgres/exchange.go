package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/toolkit/store"
)

var _ store.Exchanger = (*conn)(nil)

// seizeTime is how long Seize waits for a lock (in ms): whoever comes meanwhile waits
// behind it, so it would rather come again.
const seizeTime = "100"

// name is one of this package's own arguments, in a statement.
func name(table string) string { return pgx.Identifier{table}.Sanitize() }

// Shadow copies a table's definition, and its settings, which LIKE leaves out.
func (c *conn) Shadow(table string) error {
	settings, found := "", false
	err := c.Query(`SELECT coalesce(array_to_string(reloptions, ', '), '') FROM pg_class WHERE oid = to_regclass($1)`, []any{name(table)},
		func(scan func(...any) error) error { found = true; return scan(&settings) })
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("postgres: there is no table %s", table)
	}
	statements := []string{`CREATE TABLE ` + name(store.ShadowOf(table)) + ` (LIKE ` + name(table) + ` INCLUDING ALL)`}
	if settings != "" {
		statements = append(statements, `ALTER TABLE `+name(store.ShadowOf(table))+` SET (`+settings+`)`)
	}
	return c.now(statements...)
}

// Seize takes the table exchange first, which every View holds from before its snapshot to
// its end: who has read nothing yet may have an older snapshot all the same.
func (c *conn) Seize(tables ...string) error {
	var names []string
	for _, table := range tables {
		names = append(names, name(table))
	}
	return c.now(`SET LOCAL lock_timeout = `+seizeTime, `LOCK TABLE exchange IN ACCESS EXCLUSIVE MODE`,
		`LOCK TABLE `+strings.Join(names, ", ")+` IN ACCESS EXCLUSIVE MODE`, `SET LOCAL lock_timeout = `+lockTime)
}

// now runs statements of which later ones need the effect before they can be prepared.
func (c *conn) now(statements ...string) error {
	for _, s := range statements {
		if err := c.Exec(s); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.send()
}

// Exchange renames tables and their indexes: a migration finds those that it knows.
func (c *conn) Exchange(tables ...string) error {
	for _, table := range tables {
		mine, err := c.indexes(table)
		if err != nil {
			return err
		}
		its, err := c.indexes(store.ShadowOf(table))
		if err != nil {
			return err
		}
		statements := exchange("TABLE", table, store.ShadowOf(table))
		for definition, index := range mine {
			if its[definition] == "" {
				return fmt.Errorf("postgres: the shadow of %s has no index%s", table, definition)
			}
			statements = append(statements, exchange("INDEX", index, its[definition])...)
		}
		if err := c.now(statements...); err != nil {
			return err
		}
	}
	return nil
}

// exchange renames two things of a kind.
func exchange(kind, a, b string) (statements []string) {
	const aside = "exchanged"
	for _, names := range [][2]string{{a, aside}, {b, a}, {aside, b}} {
		statements = append(statements, `ALTER `+kind+` `+name(names[0])+` RENAME TO `+name(names[1]))
	}
	return statements
}

// indexes returns the names of a table's indexes, by what they are without it.
func (c *conn) indexes(table string) (map[string]string, error) {
	all := map[string]string{}
	err := c.Query(`SELECT i.relname::text, CASE WHEN x.indisunique THEN ' UNIQUE' ELSE '' END || substring(pg_get_indexdef(x.indexrelid) FROM ' USING .*')
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = to_regclass($1)`, []any{name(table)},
		func(scan func(...any) error) error {
			var index, definition string
			err := scan(&index, &definition)
			all[definition] = index
			return err
		})
	return all, err
}

// Clear drops the shadow, of whatever size: its pages are files.
func (c *conn) Clear(table string, _ int) (gone bool, err error) {
	return true, c.now(`DROP TABLE IF EXISTS ` + name(store.ShadowOf(table)))
}
