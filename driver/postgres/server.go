package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	// connections of a Server, unless its URL has pool_max_conns.
	connections = 16
	// spare connections are never held by a change: views and fences go on while all
	// changes wait for a lock.
	spare = 4
	// listeners are the connections that are not in the pool.
	listeners = 1
)

// A Server is a PostgreSQL server, reached over connections that all schemas share.
type Server struct {
	settings
	replica bool    // it follows another one
	copy    *Server // the replica of this one; nil
	pool    *pgxpool.Pool
	gate    *gate
	now     clock
	rest    rest
	hints   hints
	off     atomic.Pointer[string] // see Unsafe
	skip    atomic.Int64           // until when it is left alone, as a replica
	opening sync.Mutex             // behind a pooler one schema is opened at a time
}

// Connect reaches the server at url (postgres://user:password@host:port/database). It
// refuses one that is too old, that follows another, or that could lose a commit, unless
// the URL has unsafe=SETTING,…. With several hosts it is the primary among them, whichever
// that is when a connection is made; with pool_mode=transaction nothing is kept in
// sessions. Its error says what to do, and holds no secret.
func Connect(ctx context.Context, url string) (*Server, error) {
	config, settings, err := parse(url)
	if err != nil {
		return nil, err
	}
	s := &Server{settings: settings}
	if err := s.connect(ctx, config); err != nil {
		return nil, err
	}
	if err := s.room(ctx); err != nil {
		s.Close()
		return nil, err
	}
	s.hints.server = s
	return s, nil
}

func (s *Server) connect(ctx context.Context, config *pgxpool.Config) (err error) {
	config.BeforeConnect = func(ctx context.Context, _ *pgx.ConnConfig) error { return s.rest.wait(ctx) }
	config.AfterConnect = s.inspect
	s.gate = newGate(max(1, int(config.MaxConns)-spare))
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	if err := s.pool.Ping(ctx); err != nil {
		s.pool.Close()
		return unreached(config.ConnConfig, err)
	}
	return nil
}

// Open opens a schema, which it creates if there is none, with the toolkit's tables and
// those of migrations (goose's format; nil for none). It refuses a schema that a newer
// binary has migrated. Closing the Driver leaves the Server open.
func (s *Server) Open(ctx context.Context, schema string, migrations fs.FS) (*Driver, error) {
	if s.pooled { // it may have no more connections than one of us needs
		s.opening.Lock()
		defer s.opening.Unlock()
	}
	if err := s.migrate(ctx, schema, migrations); err != nil {
		return nil, err
	}
	return newDriver(s, schema), nil
}

// Close waits for the changes that have begun. Later ones are ErrUnavailable.
func (s *Server) Close() {
	s.hints.close()
	if s.copy != nil {
		s.copy.pool.Close()
	}
	s.pool.Close()
}

// away explains why there is no connection now, and has others wait before they ask.
func (s *Server) away(err error) error {
	err = unreached(s.pool.Config().ConnConfig, err)
	if !errors.Is(err, store.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	s.rest.begin()
	return err
}
