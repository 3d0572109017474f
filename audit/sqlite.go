package audit

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver named sqlite
)

// openFiles attaches the file of each service, read-only, to a database in memory.
func (a *audit) openFiles() error {
	folder, err := a.folder()
	if err != nil {
		return err
	}
	if err := a.connectFiles(); err != nil {
		return err
	}
	a.dialect = dialect{
		text: func(body, member string) string {
			return fmt.Sprintf("json_extract(CAST(%s AS TEXT), '$.%s')", body, member)
		},
		member: func(text, member string) string { return fmt.Sprintf("json_extract(%s, '$.%s')", text, member) },
		rows: func(list string, members ...string) string {
			return fmt.Sprintf("(SELECT json_group_array(json_array(json_extract(value, '$.%s'))) FROM json_each(%s))", strings.Join(members, "'), json_extract(value, '$."), list)
		},
		second: func(time string) string { return fmt.Sprintf("CAST(strftime('%%s', %s) AS BIGINT)", time) },
		lines:  `json_each(o.lines) l`,
		line:   func(member string) string { return fmt.Sprintf("json_extract(l.value, '$.%s')", member) },
		goods:  `analytics.sale s, json_each(s.lines) g`, good: "g.key", quantity: "g.value",
		found: `SELECT w.word, f.rowid AS seq FROM (SELECT DISTINCT word FROM spoken) w, product.found(w.word || '*') f`,
	}
	for _, s := range services {
		if err := a.attach(filepath.Join(folder, s+".db"), s); err != nil {
			a.missing = append(a.missing, s+".db: "+err.Error())
		}
	}
	if a.unheard != "" {
		return nil
	}
	if err := a.attach(a.Provider, "simulator"); err != nil {
		a.missing = append(a.missing, err.Error())
	}
	return nil
}

func (a *audit) connectFiles() (err error) {
	if a.db, err = sql.Open("sqlite", "file::memory:"); err != nil {
		return err
	}
	if a.conn, err = a.db.Conn(a.ctx); err != nil {
		return err
	}
	return a.exec("PRAGMA busy_timeout = 5000; PRAGMA temp.cache_size = -200000; PRAGMA temp.journal_mode = MEMORY")
}

// attach makes a file's tables visible under the name of its service.
func (a *audit) attach(path, name string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return err // in the words of the system, which name the file as its owner does
	}
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	return a.exec("ATTACH $1 AS "+schema(name), file.String())
}
