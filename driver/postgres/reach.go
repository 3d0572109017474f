package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/tidewire/tidewire/toolkit/store"
)

// address is where a server is, without user and password.
func address(host string, port uint16) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }

// where names all servers of a configuration.
func where(c *pgx.ConnConfig) string { return strings.Join(hosts(c), " or ") }

// reached is the server that a connection leads to.
func reached(c *pgx.Conn) string {
	if at := c.PgConn().Conn().RemoteAddr(); at != nil && len(hosts(c.Config())) > 1 {
		return at.String()
	}
	return where(c.Config())
}

// unreached says in one sentence why there is no connection, and what to do.
func unreached(c *pgx.ConnConfig, err error) error {
	at := where(c)
	var pg *pgconn.PgError
	var failed *pgconn.ConnectError
	var dial *net.OpError
	if known(err) {
		return err
	}
	if errors.As(err, &pg) {
		return refused(c, pg)
	}
	switch encrypted := untrusted(at, c.Host, err); {
	case encrypted != nil:
		return encrypted
	case errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection):
		return fmt.Errorf("%w: there is no primary at %s: promote one of them, or correct the database URL", store.ErrUnavailable, at)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("%w: nothing answers at %s: start PostgreSQL there, or correct the database URL (%w)", store.ErrUnavailable, at, dial.Err)
	case errors.As(err, &failed):
		return fmt.Errorf("%w: what answers at %s does not speak like PostgreSQL: correct address or sslmode in the database URL (%w)", store.ErrUnavailable, at, oneLine(failed.Unwrap()))
	}
	return oneLine(err)
}

// untrusted says why a connection that was to be encrypted is not; nil if that is not it.
func untrusted(at, host string, err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("the PostgreSQL at %s shows a certificate of an authority that is not known here: name its file with sslrootcert in the database URL", at)
	case errors.As(err, &name):
		return fmt.Errorf("the PostgreSQL at %s shows a certificate of another host than %q: correct the host in the database URL, or the certificate", at, host)
	case errors.As(err, &invalid):
		return fmt.Errorf("the PostgreSQL at %s shows a certificate that is not valid: %w", at, invalid)
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return fmt.Errorf("the PostgreSQL at %s does not encrypt, and sslmode in the database URL demands it: switch on ssl there, or correct sslmode", at)
	}
	return nil
}

// refused says what a server has against a connection.
func refused(c *pgx.ConnConfig, pg *pgconn.PgError) error {
	at := where(c)
	switch {
	case strings.Contains(pg.Message, "no encryption") && c.TLSConfig == nil:
		return fmt.Errorf("the PostgreSQL at %s lets %q in only with encryption: add sslmode=verify-full to the database URL (%s)", at, c.User, pg.Message)
	case pg.Code == "28P01" || pg.Code == "28000":
		return fmt.Errorf("the PostgreSQL at %s does not let %q in: correct user and password in the database URL (%s)", at, c.User, pg.Message)
	case pg.Code == "3D000":
		return fmt.Errorf("the PostgreSQL at %s has no database %q: create it with createdb, or correct the database URL", at, c.Database)
	case pg.Code == "42501":
		return fmt.Errorf("the PostgreSQL at %s does not let %q use the database %q: GRANT CONNECT ON DATABASE (%s)", at, c.User, c.Database, pg.Message)
	case strings.Contains(pg.Message, "unsupported startup parameter"):
		return fmt.Errorf("what answers at %s is a pooler that keeps no session: add pool_mode=transaction to the database URL (%s)", at, pg.Message)
	case pg.Code == "53300":
		return fmt.Errorf("%w: the PostgreSQL at %s has no connection left: allow more there, or fewer here with pool_max_conns in the database URL (%s)", store.ErrUnavailable, at, pg.Message)
	}
	return fmt.Errorf("%w: the PostgreSQL at %s refuses: %w", store.ErrUnavailable, at, pg)
}

// oneLine is err on one line.
func oneLine(err error) error {
	if !strings.Contains(err.Error(), "\n") {
		return err
	}
	return errors.New(strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), " "))
}

// A rest keeps a process from asking for connections at full speed where it gets none. The
// zero value is over.
type rest struct {
	mu    sync.Mutex
	until time.Time
	next  time.Duration
}

const (
	shortestRest = 20 * time.Millisecond
	longestRest  = 500 * time.Millisecond
)

// wait returns when it is time to ask again.
func (r *rest) wait(ctx context.Context) error {
	t := time.NewTimer(r.left())
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *rest) left() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.until)
}

// begin rests for twice as long as the last time. Those who asked together count once.
func (r *rest) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.After(r.until) {
		r.next = min(max(2*r.next, shortestRest), longestRest)
		r.until = now.Add(r.next)
	}
}

// end ends it: there is a connection.
func (r *rest) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until, r.next = time.Time{}, 0
}
