package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/toolkit/store"
)

var _ store.Replicated = (*Driver)(nil)

const (
	// copies are the connections to a replica, unless its URL has pool_max_conns.
	copies = 4
	// replicaWait is how long a read waits for a replica, and for what it must have.
	replicaWait = 250 * time.Millisecond
	// replicaOld is how old what a replica shows may be. A platform commits every second.
	replicaOld = "10 seconds"
	// replicaRest is how long a replica that is away is left alone.
	replicaRest = 2 * time.Second
)

var (
	errNoReplica = fmt.Errorf("%w: there is no replica", store.ErrUnavailable)
	errLags      = fmt.Errorf("%w: the replica lags", store.ErrUnavailable)
)

// Replicate names a streaming replica, before a schema is opened. It may be away, then and
// later: nothing waits long for it. An error is about the URL.
func (s *Server) Replicate(url string) error {
	config, settings, err := parse(url)
	if err != nil {
		return err
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = copies
	}
	r := &Server{settings: settings, replica: true}
	config.AfterConnect = r.inspect
	config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsStandby
	if r.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return err
	}
	s.copy = r
	return nil
}

// ViewReplica reads the replica once it is there and has least. Its snapshot has whatever
// was committed before least: a replica repeats the commits of its primary in their order.
func (d *Driver) ViewReplica(ctx context.Context, least store.Position, read func(store.Conn) error) error {
	r := d.server.copy
	if r == nil || time.Now().UnixNano() < r.skip.Load() {
		return errNoReplica
	}
	err := d.viewReplica(ctx, r, least, read)
	var pg *pgconn.PgError
	if errors.As(err, &pg) { // it may lack a table, or end a read that is in the way
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	if errors.Is(err, store.ErrUnavailable) && !errors.Is(err, errLags) {
		r.skip.Store(time.Now().Add(replicaRest).UnixNano())
	}
	return err
}

func (d *Driver) viewReplica(ctx context.Context, r *Server, least store.Position, read func(store.Conn) error) error {
	waiting, cancel := context.WithTimeoutCause(ctx, replicaWait, errSilent)
	defer cancel()
	pooled, err := r.pool.Acquire(waiting)
	if err != nil {
		if waiting.Err() != nil {
			return context.Cause(waiting)
		}
		return fmt.Errorf("%w: %w", store.ErrUnavailable, unreached(r.pool.Config().ConnConfig, err))
	}
	pooled.Release()
	there := Driver{server: r, schema: d.schema}
	there.fence.sequence = d.fence.sequence
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := there.View(ctx, func(c store.Conn) error {
			if err := d.enough(ctx, c, least); err != nil {
				return err
			}
			return read(c)
		})
		if !errors.Is(err, errLags) {
			return err
		}
		select {
		case <-tick.C:
		case <-waiting.Done():
			return err
		}
	}
}

// enough returns errLags unless c, on a replica, is a copy of d that has least.
func (d *Driver) enough(ctx context.Context, c store.Conn, least store.Position) error {
	identity, err := d.identity(ctx)
	if err != nil {
		return err
	}
	var recent, same, there bool
	err = c.Query(`SELECT coalesce(clock_timestamp() - pg_last_xact_replay_timestamp() < interval '`+replicaOld+`', false),
		EXISTS (SELECT FROM identity WHERE id = $1),
		$3 = 0 OR EXISTS (SELECT FROM journal WHERE partition = $2 AND seq = $3 AND ($4 = '' OR id = $4))`,
		[]any{identity, int64(least.Partition), least.Seq, least.ID}, func(scan func(...any) error) error { return scan(&recent, &same, &there) })
	if err == nil && !(recent && same && there) {
		err = errLags
	}
	return err
}

// identity is that of the journal, which is the same for ever.
func (d *Driver) identity(ctx context.Context) (string, error) {
	if id := d.known.Load(); id != nil {
		return *id, nil
	}
	pooled, err := d.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer pooled.Release()
	var id string
	if err := pooled.QueryRow(ctx, `SELECT id FROM `+d.table("identity")).Scan(&id); err != nil {
		return "", d.server.fault(ctx, err, pooled.Conn().IsClosed())
	}
	d.known.Store(&id)
	return id, nil
}

// Lag returns how many bytes of the primary's log the replica has still to repeat; found is
// false where none was named.
func (s *Server) Lag(ctx context.Context) (bytes int64, found bool, err error) {
	if s.copy == nil {
		return 0, false, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Second, errSilent)
	defer cancel()
	var end string
	if err := s.pool.QueryRow(ctx, `SELECT pg_current_wal_lsn()::text`).Scan(&end); err != nil {
		return 0, true, unreached(s.pool.Config().ConnConfig, err)
	}
	err = s.copy.pool.QueryRow(ctx, `SELECT greatest(0, pg_wal_lsn_diff($1::text::pg_lsn, coalesce(pg_last_wal_replay_lsn(), '0/0')))::bigint`, end).Scan(&bytes)
	if err != nil {
		return 0, true, unreached(s.copy.pool.Config().ConnConfig, err)
	}
	return bytes, true, nil
}
