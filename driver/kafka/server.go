package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

const (
	dialTime    = 5 * time.Second
	requestTime = 10 * time.Second
)

// ErrRefused: the server, or the URL, will not do, today or tomorrow: somebody must change one
// of them.
var ErrRefused = errors.New("refused")

// A Server is a Kafka that can be asked.
type Server struct {
	settings
	client *kgo.Client
	admin  *kadm.Client

	mu      sync.Mutex
	brokers int // 0: it was not asked yet
}

// Open opens the Kafka of a URL, kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…] with
// ?tls=true&ca=FILE&cert=FILE&key=FILE, &sasl=scram-sha-256|scram-sha-512|plain, &prefix=NAME
// of topics and groups, &replication=N, &create=false where topics are made by somebody else,
// and &unsafe=true for settings that may lose what was confirmed. It need not answer yet.
func Open(streams string) (*Server, error) {
	set, err := parse(streams)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	client, err := kgo.NewClient(set.options()...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return &Server{settings: set, client: client, admin: kadm.NewClient(client)}, nil
}

// Check returns why the server cannot be used now. What cannot get better by waiting is
// ErrRefused.
func (s *Server) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if s.nodes() == 0 {
		return s.greet(ctx)
	}
	_, err := s.admin.BrokerMetadata(ctx)
	return explain(err)
}

// nodes is how many brokers there were when it was asked first.
func (s *Server) nodes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.brokers
}

// greet looks who is there.
func (s *Server) greet(ctx context.Context) error {
	versions, err := s.admin.ApiVersions(ctx)
	if err != nil {
		return explain(err)
	}
	for _, v := range versions {
		if v.Err != nil {
			return explain(v.Err)
		}
		if most, ok := v.KeyMaxVersion(1); !ok || most < 13 { // a fetch that names a topic by its ID
			return fmt.Errorf("%w: it is a Kafka before 3.1 (%s), which cannot tell a topic from another one of its name", ErrRefused, kversionOf(v))
		}
	}
	meta, err := s.admin.BrokerMetadata(ctx)
	if err != nil {
		return explain(err)
	}
	s.mu.Lock()
	first := s.brokers == 0
	s.brokers = len(meta.Brokers)
	s.mu.Unlock()
	if first && len(meta.Brokers) == 1 {
		slog.WarnContext(ctx, "Kafka has one node: what it confirms is in its memory, and a power cut can lose it; the journals fill it again", "streams", strings.Join(s.seeds, ","))
	}
	return nil
}

func kversionOf(v kadm.BrokerApiVersions) string { return v.VersionGuess(kversion.SkipKeys()) }

// Close ends the connections of the server itself; Logs and Sinks have their own.
func (s *Server) Close() { s.client.Close() }

// explain turns an error of the client into a sentence, and tells what waiting does not mend.
func explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var network net.Error
	var first *kgo.ErrFirstReadEOF
	switch {
	case err == nil || errors.Is(err, ErrRefused):
		return err
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("%w: the server does not take the user and the password", ErrRefused)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fmt.Errorf("%w: the server does not know this sasl mechanism: %w", ErrRefused, err)
	case errors.As(err, &unknown), errors.As(err, &host):
		return fmt.Errorf("%w: the certificate of the server cannot be trusted (ca=FILE names who signed it): %w", ErrRefused, err)
	case errors.As(err, &record):
		return fmt.Errorf("%w: the server does not speak TLS at this port: leave out tls=true, or take the other port", ErrRefused)
	case errors.As(err, &alert):
		return fmt.Errorf("%w: the server does not take our certificate (cert=FILE&key=FILE): %w", ErrRefused, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed):
		return fmt.Errorf("%w: the user has not the rights for this: %w", ErrRefused, err)
	case strings.Contains(err.Error(), "tls alert record"):
		return fmt.Errorf("%w: the server speaks TLS at this port: add tls=true, or take the other port", ErrRefused)
	case strings.Contains(err.Error(), "is TLS misconfigured"):
		return fmt.Errorf("the server closed the connection at once: it may not speak TLS at this port: %w", err)
	case errors.As(err, &first):
		return fmt.Errorf("the server closed the connection at once: this port may want tls=true, or a user and a password: %w", err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server has closed the connection: %w", err)
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from the server: %w", err)
	}
	return err
}
