package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/toolkit/store"
)

// oldest is the first version that this package is tested to understand.
const oldest = 14

// livesNow is which life of the server this is: after a crash, numbers of transactions and
// sequences that were not yet on disk are given out again, and a replica that takes over
// may lack some. Statistics are reset by a crash, so that the time tells even when only a
// back end has crashed.
const livesNow = `concat(pg_postmaster_start_time(), ' ', (SELECT stats_reset FROM pg_stat_bgwriter))`

// life is the name under which a connection keeps its server's life.
const life = "tidewire.life"

// inspect looks at the server of a new connection.
func (s *Server) inspect(ctx context.Context, c *pgx.Conn) error {
	const query = `SELECT current_setting('server_version_num')::int / 10000, pg_is_in_recovery(),
		concat_ws(' ', CASE current_setting('fsync') WHEN 'off' THEN 'fsync' END,
			CASE current_setting('full_page_writes') WHEN 'off' THEN 'full_page_writes' END,
			CASE current_setting('synchronous_commit') WHEN 'off' THEN 'synchronous_commit' END),
		current_setting('statement_timeout'), ` + livesNow
	var version int
	var follows bool
	var off, timeout, lives string
	if err := c.QueryRow(ctx, query).Scan(&version, &follows, &off, &timeout, &lives); err != nil {
		return err
	}
	unsafe := slices.DeleteFunc(strings.Fields(off), func(name string) bool { return slices.Contains(s.unsafe, name) })
	switch where := reached(c); {
	case version < oldest:
		return fmt.Errorf("the PostgreSQL at %s has version %d: use %d or newer", where, version, oldest)
	case follows && !s.replica:
		return fmt.Errorf("%w: the PostgreSQL at %s is a replica: give the address of its primary", store.ErrUnavailable, where)
	case !follows && s.replica:
		return fmt.Errorf("%w: the PostgreSQL at %s is no replica", store.ErrUnavailable, where)
	case len(unsafe) > 0:
		return fmt.Errorf("the PostgreSQL at %s can lose what it has committed: switch on %s, or accept that with unsafe=%s in the database URL",
			where, strings.Join(unsafe, ", "), strings.Join(strings.Fields(off), ","))
	case timeout == "0" && !s.pooled && c.Config().RuntimeParams["statement_timeout"] != "0":
		return fmt.Errorf("something between us and the PostgreSQL at %s, as a pooler, drops settings of a session: add pool_mode=transaction to the database URL", where)
	}
	s.off.Store(&off)
	c.PgConn().CustomData()[life] = lives
	s.rest.end()
	return nil
}

// Unsafe names the settings of the server that are off, as the URL has allowed.
func (s *Server) Unsafe() []string {
	if off := s.off.Load(); off != nil {
		return strings.Fields(*off)
	}
	return nil
}

// lived puts the life of the server that c speaks to into lives, where a pooler may
// have changed it once what is in batch so far was sent: what follows is of that life.
func (s *Server) lived(batch *pgx.Batch, c *pgx.Conn, lives *string) {
	if !s.pooled {
		*lives = lifeOf(c)
		return
	}
	batch.Queue(`SELECT ` + livesNow).QueryRow(func(row pgx.Row) error { return row.Scan(lives) })
}

// limit sets the limits of a transaction that has begun, where its session has none.
func (s *Server) limit(batch *pgx.Batch) {
	if s.pooled {
		batch.Queue(limitsHere)
	}
}

func lifeOf(c *pgx.Conn) string {
	lives, _ := c.PgConn().CustomData()[life].(string)
	return lives
}

// room refuses a server that will never have as many connections for this process as it
// takes. A pooler has its own.
func (s *Server) room(ctx context.Context) error {
	if s.pooled {
		return nil
	}
	// Of what may be −1, for as many as you like.
	const query = `SELECT least(current_setting('max_connections')::int
			- CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int END,
			nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1))
		FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`
	var has int
	if err := s.pool.QueryRow(ctx, query).Scan(&has); err != nil {
		return err
	}
	config := s.pool.Config()
	if wants := int(config.MaxConns) + listeners; has < wants {
		return fmt.Errorf("the PostgreSQL at %s has %d connections for %q, and this process takes up to %d: allow more (max_connections, or the limit of the role or the database), or set pool_max_conns=%d in the database URL",
			where(config.ConnConfig), has, config.ConnConfig.User, wants, max(1, has-listeners))
	}
	return nil
}
