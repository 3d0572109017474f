package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var toolkit embed.FS

// migrate brings a schema to the version of this binary: the toolkit's tables, then the
// service's, then those that the service has for PostgreSQL only, in the folder postgres
// beside its others. Processes that start at once wait for one another.
//
// The lock is that of a transaction, and the search path is set in each, for a session may
// be another's in the next one.
func (s *Server) migrate(ctx context.Context, schema string, service fs.FS) (err error) {
	if !validSchema(schema) {
		return fmt.Errorf("%q cannot be the name of a schema: use lower-case letters, digits and _", schema)
	}
	config := s.pool.Config().ConnConfig
	db := sql.OpenDB(inside{stdlib.GetConnector(*config), pgx.Identifier{schema}.Sanitize()})
	db.SetMaxOpenConns(2) // one holds the lock
	defer func() { err = errors.Join(err, db.Close()) }()
	held, err := db.BeginTx(ctx, nil)
	if err != nil {
		return unreached(config, err)
	}
	defer func() { _ = held.Rollback() }() // and so unlocks
	if err := prepare(ctx, db, held, schema); err != nil {
		return fmt.Errorf("prepare schema %s: %w", schema, explain(err, false))
	}
	if err := apply(ctx, db, schema, service); err != nil {
		return fmt.Errorf("prepare schema %s: %w", schema, explain(oneLine(err), false))
	}
	identity := pgx.Identifier{schema, "identity"}.Sanitize()
	_, err = db.ExecContext(ctx, `INSERT INTO `+identity+` (id) SELECT gen_random_uuid()::text WHERE NOT EXISTS (SELECT FROM `+identity+`)`)
	return explain(err, false)
}

// inside makes connections whose transactions are in a schema, and take their time.
type inside struct {
	driver.Connector
	path string
}

func (i inside) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := i.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return insideConn{c.(*stdlib.Conn), i.path}, nil
}

type insideConn struct {
	*stdlib.Conn
	path string
}

func (c insideConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	const patient = `SELECT set_config('search_path', $1, true), set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`
	if _, err := c.ExecContext(ctx, patient, []driver.NamedValue{{Ordinal: 1, Value: c.path}}); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// validSchema: the name fits into that of its version table, which is not the toolkit's.
func validSchema(name string) bool {
	return name != "" && len(name) <= 40 && name != "tidewire" && name[0] >= 'a' && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// prepare takes the lock, which held holds, and creates the schema if there is none. One
// that somebody else has is left alone.
func prepare(ctx context.Context, db *sql.DB, held *sql.Tx, schema string) error {
	h := fnv.New64a()
	h.Write([]byte("tidewire migrates " + schema))
	if _, err := held.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(h.Sum64())); err != nil {
		return err
	}
	const look = `SELECT count(n.oid) > 0, coalesce(bool_or(has_schema_privilege(n.oid, 'CREATE')), true), current_user, current_database(),
			EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = max(n.oid::bigint)) AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = max(n.oid::bigint) AND c.relname = 'tidewire_version')
		FROM pg_namespace n WHERE n.nspname = $1`
	var there, may, strange bool
	var user, database string
	switch err := db.QueryRowContext(ctx, look, schema).Scan(&there, &may, &user, &database, &strange); {
	case err != nil:
		return err
	case strange:
		return fmt.Errorf("the database %s has a schema %s with tables that are not Tidewire's: give it a database of its own", database, schema)
	case !may:
		return fmt.Errorf("%s may not create tables there: GRANT CREATE, USAGE ON SCHEMA %s TO %s", user, schema, user)
	case there:
		return nil
	}
	_, err := db.ExecContext(ctx, `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize())
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return fmt.Errorf("create the schema, or let %s do it (GRANT CREATE ON DATABASE %s TO %s): %w", user, database, user, err)
	}
	return err
}

func apply(ctx context.Context, db *sql.DB, schema string, service fs.FS) error {
	if err := up(ctx, db, versions{schema: schema, table: "tidewire_version"}, toolkit); err != nil || service == nil {
		return err
	}
	if err := up(ctx, db, versions{schema: schema, table: schema + "_version"}, service); err != nil {
		return err
	}
	const only = "migrations/postgres"
	if _, err := fs.Stat(service, only); err != nil {
		return nil // it has none
	}
	own, err := fs.Sub(service, only)
	if err != nil {
		return err
	}
	return up(ctx, db, versions{schema: schema, table: schema + "_postgres_version"}, own)
}

// versions is a table of a schema that remembers which migrations have run.
type versions struct {
	database.Store
	schema, table string
}

// TableExists is asked first: the library's own does not know a name in quotation marks.
func (v versions) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, v.Tablename()).Scan(&exists)
	return exists, err
}

// up runs the migrations that a schema has not seen, and refuses one that has seen more
// than there are.
func up(ctx context.Context, db *sql.DB, v versions, migrations fs.FS) (err error) {
	if _, err := fs.Stat(migrations, "migrations"); err == nil {
		if migrations, err = fs.Sub(migrations, "migrations"); err != nil {
			return err
		}
	}
	if v.Store, err = database.NewStore(goose.DialectPostgres, pgx.Identifier{v.schema, v.table}.Sanitize()); err != nil {
		return err
	}
	p, err := goose.NewProvider("", db, migrations, goose.WithStore(v), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		return fmt.Errorf("the database is newer than this binary (%s %d, this binary knows %d): use the newer binary, or restore a backup", v.table, have, newest)
	}
	_, err = p.Up(ctx)
	return err
}
