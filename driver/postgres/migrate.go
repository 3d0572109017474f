package postgres

import (
	"context"
	"database/sql"
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
func migrate(ctx context.Context, config *pgx.ConnConfig, schema string, service fs.FS) (err error) {
	if !validSchema(schema) {
		return fmt.Errorf("%q cannot be the name of a schema: use lower-case letters, digits and _", schema)
	}
	config = config.Copy()
	config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	for _, limit := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[limit] = "0" // a migration takes its time
	}
	held, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return unreached(config, err)
	}
	defer func() { err = errors.Join(err, held.Close(context.WithoutCancel(ctx))) }() // and so unlocks
	if err := prepare(ctx, held, schema); err != nil {
		return fmt.Errorf("prepare schema %s: %w", schema, explain(err, held.IsClosed()))
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := apply(ctx, db, schema, service); err != nil {
		return fmt.Errorf("prepare schema %s: %w", schema, explain(err, false))
	}
	_, err = held.Exec(ctx, `INSERT INTO identity (id) SELECT gen_random_uuid()::text WHERE NOT EXISTS (SELECT FROM identity)`)
	return explain(err, held.IsClosed())
}

// validSchema: the name fits into that of its version table, which is not the toolkit's.
func validSchema(name string) bool {
	return name != "" && len(name) <= 40 && name != "tidewire" && name[0] >= 'a' && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// prepare takes the lock, and creates the schema if there is none.
func prepare(ctx context.Context, c *pgx.Conn, schema string) error {
	h := fnv.New64a()
	h.Write([]byte("tidewire migrates " + schema))
	if _, err := c.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(h.Sum64())); err != nil {
		return err
	}
	var there bool
	if err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, schema).Scan(&there); err != nil || there {
		return err
	}
	_, err := c.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize())
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return fmt.Errorf("create the schema, or let %s do it (GRANT CREATE ON DATABASE %s): %w", c.Config().User, c.Config().Database, err)
	}
	return err
}

func apply(ctx context.Context, db *sql.DB, schema string, service fs.FS) error {
	if err := up(ctx, db, "tidewire_version", toolkit); err != nil || service == nil {
		return err
	}
	if err := up(ctx, db, schema+"_version", service); err != nil {
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
	return up(ctx, db, schema+"_postgres_version", own)
}

// up runs the migrations that a schema has not seen, and refuses one that has seen more
// than there are.
func up(ctx context.Context, db *sql.DB, table string, migrations fs.FS) error {
	if _, err := fs.Stat(migrations, "migrations"); err == nil {
		if migrations, err = fs.Sub(migrations, "migrations"); err != nil {
			return err
		}
	}
	versions, err := database.NewStore(goose.DialectPostgres, table)
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
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		return fmt.Errorf("the database is newer than this binary (%s %d, this binary knows %d): use the newer binary, or restore a backup", table, have, newest)
	}
	_, err = p.Up(ctx)
	return err
}
