package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrAway: the Redis did not answer. It may the next moment.
var ErrAway = errors.New("does not answer")

const (
	oldest   = 6           // the first version that this package is tested to understand
	patience = time.Second // for an answer, and for a connection
)

// A Server is a Redis, reached over connections that are made when they are needed.
type Server struct {
	client *redis.Client
	where  string // host and port
	prefix string // of all names
	taker  *redis.Script
}

// New returns the server at an address, and connects to nothing yet:
//
//	redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
//	rediss://…                                      with TLS
//
// Parameters: ca, cert and key are PEM files for TLS; prefix is what the names of a platform
// begin with that shares the server with another one. Its error holds no secret.
func New(address string) (*Server, error) {
	o, prefix, err := options(address)
	if err != nil {
		return nil, err
	}
	hush()
	return &Server{client: redis.NewClient(o), where: o.Addr, prefix: prefix, taker: redis.NewScript(takeScript)}, nil
}

// hush has the client library say nothing on its own: whoever calls it logs.
var hush = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// options reads an address.
func options(address string) (o *redis.Options, prefix string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", errors.New("is no URL such as redis://HOST:6379")
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
		return nil, "", errors.New("must be redis://[USER:PASSWORD@]HOST:PORT[/DATABASE], or rediss://… for TLS")
	}
	database := 0
	if path := strings.Trim(u.Path, "/"); path != "" {
		if database, err = strconv.Atoi(path); err != nil || database < 0 {
			return nil, "", fmt.Errorf("names the database %q, which is no number", path)
		}
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	password, _ := u.User.Password()
	o = &redis.Options{Addr: net.JoinHostPort(u.Hostname(), port), Username: u.User.Username(), Password: password, DB: database,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience, ContextTimeoutEnabled: true,
		MaxRetries: -1, DialerRetries: 1, // whoever calls knows better whether it is worth while
		Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}}
	if prefix, err = parameters(u.Query(), o, u.Scheme == "rediss"); err != nil {
		return nil, "", err
	}
	if o.TLSConfig != nil {
		o.TLSConfig.ServerName = u.Hostname()
	}
	return o, prefix, nil
}

// parameters reads those of an address into o.
func parameters(all url.Values, o *redis.Options, secure bool) (prefix string, err error) {
	prefix = "tidewire"
	if secure {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	for name, values := range all {
		switch {
		case name == "prefix" && values[0] != "":
			prefix = values[0]
		case name != "ca" && name != "cert" && name != "key":
			return "", fmt.Errorf("has the parameter %q, which is none of ca, cert, key and prefix", name)
		case !secure:
			return "", fmt.Errorf("has the parameter %q, which is for TLS: it must begin with rediss://", name)
		}
	}
	if file := all.Get("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("ca: %w", err)
		}
		o.TLSConfig.RootCAs = x509.NewCertPool()
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return "", fmt.Errorf("ca: no certificate is in %s", file)
		}
	}
	if all.Get("cert") == "" && all.Get("key") == "" {
		return prefix, nil
	}
	pair, err := tls.LoadX509KeyPair(all.Get("cert"), all.Get("key"))
	if err != nil {
		return "", fmt.Errorf("cert and key: %w", err)
	}
	o.TLSConfig.Certificates = []tls.Certificate{pair}
	return prefix, nil
}

// Check returns what is wrong with the server, in one sentence: ErrAway if that may pass,
// else what must be mended, such as a password.
func (s *Server) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.explain(err)
	}
	if info, err := s.client.Info(ctx, "server").Result(); err == nil { // which not everybody may ask for
		if version, old := tooOld(info); old {
			return fmt.Errorf("the Redis at %s has version %s: use %d or newer", s.where, version, oldest)
		}
	}
	if err := s.client.Publish(ctx, s.name("check"), "").Err(); err != nil {
		return s.explain(err)
	}
	_, err := s.take(ctx, "check", time.Microsecond, time.Second)
	return err
}

func tooOld(info string) (version string, old bool) {
	_, rest, found := strings.Cut(info, "redis_version:")
	version, _, _ = strings.Cut(rest, "\r\n")
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return version, found && err == nil && n < oldest
}

// Close ends all connections.
func (s *Server) Close() error { return s.client.Close() }

// name is what something is called on the server.
func (s *Server) name(of string) string { return s.prefix + ":" + of }

// explain says what an error means to somebody who configures the server.
func (s *Server) explain(err error) error {
	var (
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		answered redis.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		return fmt.Errorf("the Redis at %s has a certificate of an authority that is not known here: name its file with ?ca=", s.where)
	case errors.As(err, &host), errors.As(err, &invalid):
		return fmt.Errorf("the Redis at %s has a certificate that is not valid for it: %w", s.where, err)
	case errors.As(err, &record):
		return fmt.Errorf("the Redis at %s does not speak TLS there: it must begin with redis://", s.where)
	case errors.As(err, &alert):
		return fmt.Errorf("the Redis at %s refuses our certificate: %w", s.where, err)
	case errors.As(err, &answered):
		return s.refused(answered)
	}
	return fmt.Errorf("the Redis at %s %w: %w", s.where, ErrAway, err)
}

// refused says what it means that the server answers with an error.
func (s *Server) refused(err redis.Error) error {
	word, _, _ := strings.Cut(err.Error(), " ")
	switch word {
	case "WRONGPASS", "NOAUTH":
		return fmt.Errorf("the Redis at %s refuses the user and the password", s.where)
	case "NOPERM":
		return fmt.Errorf("the Redis at %s lacks rights for this user, who needs +@pubsub +@scripting +@connection +get +set +time ~%[2]s:* &%[2]s:*: %w", s.where, s.prefix, err)
	case "LOADING", "BUSY", "MASTERDOWN", "READONLY", "OOM", "MISCONF":
		return fmt.Errorf("the Redis at %s %w as it should: %w", s.where, ErrAway, err)
	}
	if strings.Contains(err.Error(), "without any password configured") {
		return fmt.Errorf("the Redis at %s asks for no password, and one is given", s.where)
	}
	return fmt.Errorf("the Redis at %s: %w", s.where, err)
}
