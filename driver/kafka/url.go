package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// settings are what a URL says.
type settings struct {
	seeds       []string
	tls         *tls.Config // nil: plaintext
	user, pass  string
	sasl        string
	prefix      string // of the names of topics and groups
	replication int16  // -1: the cluster's default
	create      bool   // topics that are missing
	unsafe      bool
	sendTime    time.Duration
	dial        func(ctx context.Context, network, host string) (net.Conn, error) // nil: the net's own
}

// Check returns what is wrong with a URL, without its password.
func Check(streams string) error {
	_, err := parse(streams)
	return err
}

// parse reads kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]?KEY=VALUE&…
func parse(streams string) (s settings, err error) {
	rest, ours := strings.CutPrefix(streams, "kafka://")
	if !ours {
		return s, errors.New("must begin with kafka://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts := rest
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		user, err := url.Parse("kafka://" + rest[:i] + "@host")
		if err != nil {
			return s, errors.New("its user and password must be written with %XX for other characters than letters and digits")
		}
		s.user = user.User.Username()
		s.pass, _ = user.User.Password()
		hosts = rest[i+1:]
	}
	for host := range strings.SplitSeq(strings.TrimSuffix(hosts, "/"), ",") {
		if !strings.Contains(host, ":") {
			host += ":9092"
		}
		name, port, err := net.SplitHostPort(host)
		if n, notNumber := strconv.ParseUint(port, 10, 16); err != nil || name == "" || notNumber != nil || n == 0 {
			return s, fmt.Errorf("%q is not HOST:PORT", host)
		}
		s.seeds = append(s.seeds, host)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return s, errors.New("what follows its ? is not KEY=VALUE&KEY=VALUE")
	}
	return s, s.set(values)
}

// set reads what follows the question mark.
func (s *settings) set(values url.Values) error {
	s.replication, s.create, s.sendTime = -1, true, sendTime
	for key, all := range values {
		value := all[len(all)-1]
		switch key {
		case "ca", "cert", "key": // with TLS, below
		case "tls", "create", "unsafe":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("%s is %q, and must be true or false", key, value)
			}
			switch key {
			case "tls":
				if on {
					s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
				}
			case "create":
				s.create = on
			case "unsafe":
				s.unsafe = on
			}
		case "sasl":
			if !slices.Contains([]string{"plain", "scram-sha-256", "scram-sha-512"}, value) {
				return fmt.Errorf("sasl is %q, and must be scram-sha-256, scram-sha-512 or plain", value)
			}
			s.sasl = value
		case "prefix":
			if !named(value) {
				return fmt.Errorf("prefix is %q, and must be letters, digits, dots, lines and underscores", value)
			}
			s.prefix = value
		case "replication":
			n, err := strconv.ParseInt(value, 10, 16)
			if err != nil || n < 1 {
				return fmt.Errorf("replication is %q, and must be a number from 1", value)
			}
			s.replication = int16(n)
		default:
			return fmt.Errorf("it has no %s: there are tls, ca, cert, key, sasl, prefix, replication, create and unsafe", key)
		}
	}
	switch {
	case s.user != "" && s.sasl == "":
		s.sasl = "scram-sha-256"
	case s.user == "" && s.sasl != "":
		return fmt.Errorf("sasl=%s needs USER:PASSWORD@ in front of the host", s.sasl)
	}
	if s.sasl == "plain" && s.tls == nil && !s.unsafe {
		return errors.New("sasl=plain sends the password readable: add tls=true, or unsafe=true")
	}
	return s.certificates(values)
}

// named reports whether text may be part of the name of a topic.
func named(text string) bool {
	return text != "" && len(text) <= 100 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// certificates reads the files that TLS needs.
func (s *settings) certificates(values url.Values) error {
	ca, cert, key := values.Get("ca"), values.Get("cert"), values.Get("key")
	if s.tls == nil {
		if ca+cert+key != "" {
			return errors.New("ca, cert and key are for tls=true")
		}
		return nil
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca: %s has no certificate in PEM", ca)
		}
	}
	if (cert == "") != (key == "") {
		return errors.New("cert and key belong together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("cert and key: %w", err)
		}
		s.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// again is the pause before a request is tried once more: a broker is back within seconds.
func again(tries int) time.Duration { return min(50*time.Millisecond<<min(tries, 5), time.Second) }

// options are those of every client.
func (s settings) options() []kgo.Opt {
	opts := []kgo.Opt{kgo.SeedBrokers(s.seeds...), kgo.ClientID("tidewire"), kgo.DisableClientMetrics(), kgo.MetadataMinAge(100 * time.Millisecond), kgo.DialTimeout(dialTime), kgo.RetryTimeout(requestTime), kgo.RequestTimeoutOverhead(requestTime), kgo.RetryBackoffFn(again)}
	if s.tls != nil {
		opts = append(opts, kgo.DialTLSConfig(s.tls))
	}
	if s.dial != nil {
		opts = append(opts, kgo.Dialer(s.dial))
	}
	switch s.sasl {
	case "plain":
		opts = append(opts, kgo.SASL(plain.Auth{User: s.user, Pass: s.pass}.AsMechanism()))
	case "scram-sha-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: s.user, Pass: s.pass}.AsSha256Mechanism()))
	case "scram-sha-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: s.user, Pass: s.pass}.AsSha512Mechanism()))
	}
	return opts
}
