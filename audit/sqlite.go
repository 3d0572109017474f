package audit

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"

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
		lines: `"order".orders o, json_each(o.lines) l`,
		line:  func(member string) string { return fmt.Sprintf("json_extract(l.value, '$.%s')", member) },
	}
	for _, s := range append(services[:], "simulator") {
		if err := a.attach(folder, s); err != nil {
			a.missing = append(a.missing, s+".db: "+err.Error())
		}
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
func (a *audit) attach(folder, name string) error {
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(folder, name+".db")), RawQuery: "mode=ro"}
	return a.exec("ATTACH $1 AS "+schema(name), file.String())
}
