package rabbitmq

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// An address is where a server is, and how to get in.
type address struct {
	where          string // host:port
	user, password string
	vhost          string
	tls            *tls.Config // nil: plain
}

// form is what an address looks like.
const form = "amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// with ?ca=FILE and ?cert=FILE&key=FILE"

// Check returns what is wrong with the text of an address. Like all errors of this package
// it holds no secret.
func Check(text string) error {
	_, err := parse(text)
	return err
}

// parse reads an address, and the files that it names.
func parse(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "amqp" && u.Scheme != "amqps" {
		return address{}, fmt.Errorf("must be empty (queues in the database) or %s", form)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"amqp": "5672", "amqps": "5671"}[u.Scheme]
	}
	a := address{where: net.JoinHostPort(u.Hostname(), port), user: "guest", password: "guest", vhost: "/"}
	if u.User != nil {
		a.user = u.User.Username()
		a.password, _ = u.User.Password()
	}
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		a.vhost = path
	}
	options := u.Query()
	for name := range options {
		if name != "ca" && name != "cert" && name != "key" {
			return address{}, fmt.Errorf("has the option %q: there are ca, cert and key", name)
		}
	}
	if u.Scheme == "amqps" {
		a.tls, err = security(u.Hostname(), options)
		return a, err
	}
	if len(options) > 0 {
		return address{}, errors.New("has options of TLS: write amqps://")
	}
	return a, nil
}

// security reads the files of the options.
func security(host string, options url.Values) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if file := options.Get("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: there is no certificate in %s", file)
		}
	}
	cert, key := options.Get("cert"), options.Get("key")
	if (cert == "") != (key == "") {
		return nil, errors.New("has one of cert and key: a client's certificate needs both")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// errCertain: trying again will not help, only another configuration, or an operator.
var errCertain = errors.New("the server refuses")

// errAway: trying again may help.
var errAway = errors.New("RabbitMQ is away")

// unreached says in one sentence why there is no connection, and what to do.
func (a address) unreached(err error) error {
	var dial *net.OpError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var alert tls.AlertError
	var said *amqp.Error
	switch {
	case errors.Is(err, amqp.ErrCredentials) || errors.Is(err, amqp.ErrSASL):
		return fmt.Errorf("%w: the RabbitMQ at %s does not let %q in: correct user and password", errCertain, a.where, a.user)
	case errors.Is(err, amqp.ErrVhost) || errors.As(err, &said) && said.Code == amqp.NotAllowed:
		return fmt.Errorf("%w: the RabbitMQ at %s has no vhost %q, or %q may not use it: create it with rabbitmqctl add_vhost and set_permissions, or correct the address", errCertain, a.where, a.vhost, a.user)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the certificate of the RabbitMQ at %s is of an authority that is not known: name it with ?ca=FILE", errCertain, a.where)
	case errors.As(err, &name):
		return fmt.Errorf("%w: the certificate of the RabbitMQ at %s is for another name: %w", errCertain, a.where, name)
	case errors.As(err, &alert):
		return fmt.Errorf("%w: the RabbitMQ at %s wants another certificate of ours: ?cert=FILE&key=FILE (%w)", errCertain, a.where, alert)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("%w: nothing answers at %s: start RabbitMQ there, or correct the address (%w)", errAway, a.where, dial.Err)
	case errors.As(err, new(tls.RecordHeaderError)):
		return fmt.Errorf("%w: what answers at %s does not speak TLS: write amqp://, or correct the port", errCertain, a.where)
	case errors.As(err, &dial) && dial.Timeout():
		return fmt.Errorf("%w: what is at %s does not answer in time", errAway, a.where)
	}
	return fmt.Errorf("%w: what answers at %s does not speak AMQP now: if it never does, correct the address, or write amqps:// where it wants TLS (%w)", errAway, a.where, err)
}
