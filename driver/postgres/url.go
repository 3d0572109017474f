package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// settings are what a database URL says to this package, beside what every client of
// PostgreSQL understands.
type settings struct {
	// pooled (pool_mode=transaction): behind a pooler that may give each transaction another
	// session, as PgBouncer does. Nothing is kept in sessions.
	pooled bool
	// unsafe (unsafe=fsync,synchronous_commit) may be off, although commits can be lost then.
	unsafe []string
}

// risks are the settings of a server that keep what it has committed.
var risks = [...]string{"fsync", "full_page_writes", "synchronous_commit"}

// parse reads a database URL. Its error holds no secret.
func parse(database string) (*pgxpool.Config, settings, error) {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, settings{}, fmt.Errorf("the database URL is not one of PostgreSQL, as postgres://user:password@host:5432/database: %w", oneLine(err))
	}
	s, err := take(config.ConnConfig.RuntimeParams)
	if err != nil {
		return nil, s, err
	}
	if !strings.Contains(database, "pool_max_conns") {
		config.MaxConns = connections
	}
	config.PingTimeout = 2 * time.Second // of one that has been idle
	configure(config.ConnConfig, s.pooled)
	return config, s, nil
}

// take takes our own parameters out of those that the server gets.
func take(parameters map[string]string) (s settings, err error) {
	switch mode := parameters["pool_mode"]; mode {
	case "", "session":
	case "transaction":
		s.pooled = true
	default:
		return s, fmt.Errorf("pool_mode=%s in the database URL: it is session or transaction", mode)
	}
	if names := parameters["unsafe"]; names != "" {
		s.unsafe = strings.Split(names, ",")
	}
	for _, name := range s.unsafe {
		if !slices.Contains(risks[:], name) {
			return s, fmt.Errorf("unsafe=%s in the database URL: it names settings that may be off, of %s", name, strings.Join(risks[:], ", "))
		}
	}
	delete(parameters, "pool_mode")
	delete(parameters, "unsafe")
	return s, nil
}

// limits bound what a process that has stopped can hold up. Times are in ms.
var limits = [...]struct{ name, value string }{
	{"statement_timeout", "5000"},
	{"idle_in_transaction_session_timeout", "5000"},
	{"lock_timeout", "4000"}, // of the keys of a change; the rest has lockTime
	{"jit", "off"},
}

// limitsHere sets limits for a transaction, where a session has none.
var limitsHere = func() string {
	var set []string
	for _, l := range limits {
		set = append(set, fmt.Sprintf("set_config('%s', '%s', true)", l.name, l.value))
	}
	return "SELECT " + strings.Join(set, ", ")
}()

// configure sets what every connection has. A pooler knows few parameters, and gives
// statements that were prepared in one session to another.
func configure(c *pgx.ConnConfig, pooled bool) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if len(hosts(c)) > 1 && c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // whichever is the primary
	}
	if _, ok := c.RuntimeParams["application_name"]; !ok {
		c.RuntimeParams["application_name"] = "tidewire"
	}
	if pooled {
		c.DefaultQueryExecMode, c.StatementCacheCapacity, c.DescriptionCacheCapacity = pgx.QueryExecModeCacheDescribe, 0, 1024
		return
	}
	c.StatementCacheCapacity = 1024 // each service has its own texts
	for _, l := range limits {
		if _, ok := c.RuntimeParams[l.name]; !ok {
			c.RuntimeParams[l.name] = l.value
		}
	}
}

// hosts are the addresses of a configuration, each once.
func hosts(c *pgx.ConnConfig) []string {
	all := []string{address(c.Host, c.Port)}
	for _, f := range c.Fallbacks {
		all = append(all, address(f.Host, f.Port))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Plain is a database URL as every client of PostgreSQL understands it, for one that needs
// a session of its own: a pooler would give it none.
func Plain(database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", errors.New("the database URL is none")
	}
	q := u.Query()
	if q.Get("pool_mode") == "transaction" {
		return "", errors.New("behind a pooler (pool_mode=transaction) there is no session for this: give the address of the server itself")
	}
	for name := range q {
		if name == "unsafe" || strings.HasPrefix(name, "pool_") {
			q.Del(name)
		}
	}
	if strings.Contains(u.Host, ",") && !q.Has("target_session_attrs") {
		q.Set("target_session_attrs", "read-write")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
