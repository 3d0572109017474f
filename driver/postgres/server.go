package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	// connections of a Server, unless its URL has pool_max_conns.
	connections = 16
	// spare connections are never held by a change: views and fences go on while all
	// changes wait for a lock.
	spare = 4
	// oldest is the first version that this package is tested to understand.
	oldest = 14
)

// A Server is a PostgreSQL server, reached over connections that all schemas share.
type Server struct {
	pool *pgxpool.Pool
	gate *gate
	now  clock
}

// Connect reaches the server at url (postgres://user:password@host:port/database). It
// refuses one that is too old, that follows another, or that could lose a commit. Its
// error says what to do, and holds no secret.
func Connect(ctx context.Context, url string) (*Server, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL is not one of PostgreSQL, as postgres://user:password@host:5432/database: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = connections
	}
	configure(config.ConnConfig)
	config.AfterConnect = inspect
	config.PingTimeout = 2 * time.Second // of one that has been idle
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, unreached(config.ConnConfig, err)
	}
	return &Server{pool: pool, gate: newGate(max(1, int(config.MaxConns)-spare))}, nil
}

// configure bounds what a process that has stopped can hold up. Timeouts are in ms.
func configure(c *pgx.ConnConfig) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	c.StatementCacheCapacity = 1024 // each service has its own texts
	defaults := map[string]string{
		"application_name":                    "tidewire",
		"statement_timeout":                   "5000",
		"idle_in_transaction_session_timeout": "5000",
		"lock_timeout":                        "4000", // of the keys of a change; the rest has lockTime
		"jit":                                 "off",
	}
	for name, value := range defaults {
		if _, ok := c.RuntimeParams[name]; !ok {
			c.RuntimeParams[name] = value
		}
	}
}

// Open opens a schema, which it creates if there is none, with the toolkit's tables and
// those of migrations (goose's format; nil for none). It refuses a schema that a newer
// binary has migrated. Closing the Driver leaves the Server open.
func (s *Server) Open(ctx context.Context, schema string, migrations fs.FS) (*Driver, error) {
	if err := migrate(ctx, s.pool.Config().ConnConfig, schema, migrations); err != nil {
		return nil, err
	}
	return newDriver(s, schema), nil
}

// Close waits for the changes that have begun. Later ones are ErrUnavailable.
func (s *Server) Close() { s.pool.Close() }

// life is the name under which a connection keeps its server's life.
const life = "tidewire.life"

// inspect looks at the server of a new connection. It notes which life of the server
// this is: after a crash, numbers of transactions and sequences that were not yet on
// disk are given out again. Statistics are reset by a crash, so that the time tells
// even when only a back end has crashed.
func inspect(ctx context.Context, c *pgx.Conn) error {
	const query = `SELECT current_setting('server_version_num')::int / 10000, pg_is_in_recovery(),
		concat_ws(', ', CASE current_setting('fsync') WHEN 'off' THEN 'fsync' END,
			CASE current_setting('full_page_writes') WHEN 'off' THEN 'full_page_writes' END,
			CASE current_setting('synchronous_commit') WHEN 'off' THEN 'synchronous_commit' END),
		concat(pg_postmaster_start_time(), ' ', (SELECT stats_reset FROM pg_stat_bgwriter))`
	var version int
	var follows bool
	var unsafe, lives string
	if err := c.QueryRow(ctx, query).Scan(&version, &follows, &unsafe, &lives); err != nil {
		return err
	}
	switch where := address(c.Config()); {
	case version < oldest:
		return fmt.Errorf("the PostgreSQL at %s has version %d: use %d or newer", where, version, oldest)
	case follows:
		return fmt.Errorf("%w: the PostgreSQL at %s is a replica: give the address of its primary", store.ErrUnavailable, where)
	case unsafe != "":
		return fmt.Errorf("the PostgreSQL at %s can lose what it has committed: switch on %s", where, unsafe)
	}
	c.PgConn().CustomData()[life] = lives
	return nil
}

func lifeOf(c *pgx.Conn) string {
	lives, _ := c.PgConn().CustomData()[life].(string)
	return lives
}

// address is where a server is, without user and password.
func address(c *pgx.ConnConfig) string {
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// unreached says in one sentence why there is no connection, and what to do.
func unreached(c *pgx.ConnConfig, err error) error {
	where := address(c)
	var pg *pgconn.PgError
	var failed *pgconn.ConnectError
	var dial *net.OpError
	switch {
	case errors.As(err, &pg) && (pg.Code == "28P01" || pg.Code == "28000"):
		return fmt.Errorf("the PostgreSQL at %s does not let %q in: correct user and password in the database URL (%s)", where, c.User, pg.Message)
	case errors.As(err, &pg) && pg.Code == "3D000":
		return fmt.Errorf("the PostgreSQL at %s has no database %q: create it with createdb, or correct the database URL", where, c.Database)
	case errors.As(err, &pg):
		return fmt.Errorf("%w: the PostgreSQL at %s refuses: %w", store.ErrUnavailable, where, pg)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("%w: nothing answers at %s: start PostgreSQL there, or correct the database URL (%w)", store.ErrUnavailable, where, dial.Err)
	case errors.As(err, &failed):
		return fmt.Errorf("%w: what answers at %s does not speak like PostgreSQL: correct address or sslmode in the database URL", store.ErrUnavailable, where)
	}
	return err
}
