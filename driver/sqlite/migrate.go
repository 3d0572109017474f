package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	_ "modernc.org/sqlite" // the same engine behind database/sql, for goose
)

//go:embed migrations/*.sql
var toolkit embed.FS

// migrate brings a file to the version of this binary: the toolkit's tables, then the
// service's, then those that the service has for SQLite only, in the folder sqlite beside
// its others. Each has a version table of its own, so that any can gain a migration
// without renumbering another's. Each migration is one transaction, and the connection is
// closed before the writer opens its own.
func migrate(ctx context.Context, path string, service fs.FS) (err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := applyAll(ctx, db, service); err != nil {
		return fmt.Errorf("prepare %s: %w", path, explain(err))
	}
	return nil
}

func applyAll(ctx context.Context, db *sql.DB, service fs.FS) error {
	if err := apply(ctx, db, "tidewire_version", toolkit); err != nil || service == nil {
		return err
	}
	if err := apply(ctx, db, "service_version", service); err != nil {
		return err
	}
	const only = "migrations/sqlite"
	if _, err := fs.Stat(service, only); err != nil {
		return nil // it has none
	}
	own, err := fs.Sub(service, only)
	if err != nil {
		return err
	}
	return apply(ctx, db, "service_sqlite_version", own)
}

// apply runs the migrations that a database has not seen, and refuses one that has
// seen more than there are.
func apply(ctx context.Context, db *sql.DB, table string, migrations fs.FS) error {
	if _, err := fs.Stat(migrations, "migrations"); err == nil {
		if migrations, err = fs.Sub(migrations, "migrations"); err != nil {
			return err
		}
	}
	versions, err := database.NewStore(goose.DialectSQLite3, table)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider("", db, migrations, goose.WithStore(versions), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	newest := p.ListSources()[len(p.ListSources())-1].Version
	if have > newest {
		return fmt.Errorf("the database is newer than this binary (%s %d, this binary knows %d): use the newer binary, or restore a backup", table, have, newest)
	}
	_, err = p.Up(ctx)
	return err
}
