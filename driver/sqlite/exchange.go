package sqlite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tidewire/tidewire/toolkit/store"
)

var _ store.Exchanger = (*conn)(nil)

// A made thing is a table or an index, and the statement that made it.
type made struct{ kind, name, sql string }

// made returns a table and its indexes, the table first.
func (c *conn) made(table string) (all []made, err error) {
	err = c.Query(`SELECT type, name, sql FROM sqlite_master WHERE tbl_name = $1 AND sql IS NOT NULL ORDER BY type DESC, name`, []any{table},
		func(scan func(...any) error) error {
			var m made
			err := scan(&m.kind, &m.name, &m.sql)
			all = append(all, m)
			return err
		})
	return all, err
}

// Shadow runs the statements that made table once more, under other names. An index keeps
// the name that its shadow was given: SQLite renames none.
func (c *conn) Shadow(table string) error {
	all, err := c.made(table)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("sqlite: there is no table %s", table)
	}
	for _, m := range all {
		statement, err := m.shadow(table)
		if err != nil {
			return err
		}
		if err := c.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// shadow is the statement that makes the shadow of m.
func (m made) shadow(table string) (string, error) {
	quoted := func(name string) string { return `["` + "`" + `\[]?` + regexp.QuoteMeta(name) + `["` + "`" + `\]]?` }
	begin := regexp.MustCompile(`(?is)^CREATE\s+TABLE\s+` + quoted(m.name))
	as := `CREATE TABLE "` + store.ShadowOf(table) + `"`
	if m.kind == "index" {
		begin = regexp.MustCompile(`(?is)^CREATE\s+(UNIQUE\s+)?INDEX\s+` + quoted(m.name) + `\s+ON\s+` + quoted(table))
		as = `CREATE ${1}INDEX "` + other(m.name) + `" ON "` + store.ShadowOf(table) + `"`
	}
	if !begin.MatchString(m.sql) {
		return "", fmt.Errorf("sqlite: the %s %s of %s has no shadow", m.kind, m.name, table)
	}
	return begin.ReplaceAllString(m.sql, as), nil
}

// other is the second name of an index, or its first where it bears the second.
func other(index string) string {
	if first, ok := strings.CutSuffix(index, store.ShadowOf("")); ok {
		return first
	}
	return store.ShadowOf(index)
}

// Seize has nothing to wait for: there is one writer, and a View has its own catalogue.
func (c *conn) Seize(...string) error { return c.Lock() }

// Exchange renames, in the catalogue that is committed with everything else.
func (c *conn) Exchange(tables ...string) error {
	for _, table := range tables {
		const aside = "exchanged"
		for _, names := range [][2]string{{table, aside}, {store.ShadowOf(table), table}, {aside, store.ShadowOf(table)}} {
			if err := c.Exec(fmt.Sprintf(`ALTER TABLE "%s" RENAME TO "%s"`, names[0], names[1])); err != nil {
				return err
			}
		}
	}
	return nil
}

// Clear takes rows away: a large table that is dropped holds the writer until each of its
// pages was visited.
func (c *conn) Clear(table string, most int) (gone bool, err error) {
	shadow := store.ShadowOf(table)
	all, err := c.made(shadow)
	if err != nil || len(all) == 0 {
		return err == nil, err
	}
	if strings.Contains(strings.ToUpper(all[0].sql), "WITHOUT ROWID") {
		return true, c.Exec(`DROP TABLE "` + shadow + `"`)
	}
	rows := 0
	err = c.Query(`SELECT count(*) FROM (SELECT 1 FROM "`+shadow+`" LIMIT $1 + 0)`, []any{most}, func(scan func(...any) error) error { return scan(&rows) })
	if err != nil {
		return false, err
	}
	if rows < most {
		return true, c.Exec(`DROP TABLE "` + shadow + `"`)
	}
	return false, c.Exec(`DELETE FROM "`+shadow+`" WHERE rowid IN (SELECT rowid FROM "`+shadow+`" ORDER BY rowid LIMIT $1 + 0)`, most)
}
