package rabbitmq

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/metric"
)

const (
	heartbeat = 5 * time.Second // two that fail to come end a connection
	dialTime  = 5 * time.Second
	writeTime = 5 * time.Second // for the server to take what is written
	callTime  = 15 * time.Second
)

// A Server is a RabbitMQ, reached over two connections: one that publishes, which an alarm of
// the server stops, and one that does not. They are made again when they break.
type Server struct {
	at      address
	prefix  string
	in, out *link
	meters  *meters
}

// A Config says how to reach a Server.
type Config struct {
	URL    string       // amqp:// or amqps://
	Prefix string       // of all names there; ""
	Meter  metric.Meter // nil: nothing is measured
}

// Connect reaches a server. It fails where trying again would not help: one that does not
// answer is logged, and tried again by whoever needs it.
func Connect(c Config) (*Server, error) {
	at, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	s := &Server{at: at, prefix: c.Prefix}
	s.in, s.out = &link{at: at, name: "tidewire receives"}, &link{at: at, name: "tidewire publishes"}
	if s.meters, err = newMeters(c.Meter, s); err != nil {
		return nil, err
	}
	if _, err := s.out.connection(); errors.Is(err, errCertain) {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Ready returns why the server cannot be used now.
func (s *Server) Ready() error {
	if s.out.blocked.Load() {
		return errBlocked
	}
	_, err := s.out.connection()
	return err
}

// Close ends the connections, and all that waits for an answer on them.
func (s *Server) Close() error {
	s.meters.stop()
	return errors.Join(s.in.close(), s.out.close())
}

// errBlocked: the server has an alarm.
var errBlocked = errors.New("RabbitMQ takes no messages now: it is short of memory or disk (rabbitmqctl status)")

// errClosed: by Close.
var errClosed = errors.New("the connection to RabbitMQ was closed")

// A link is a connection that is made again when it breaks, by whoever needs it next.
type link struct {
	at      address
	name    string
	blocked atomic.Bool

	mu     sync.Mutex
	conn   *amqp.Connection
	failed error     // of the last try
	next   time.Time // not before
	pause  time.Duration
	closed bool
	trouble
	watch sync.WaitGroup
}

// connection returns one that is open. While none can be made, it says why, and tries again
// after a pause that grows.
func (l *link) connection() (*amqp.Connection, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, errClosed
	case l.conn != nil && !l.conn.IsClosed():
		return l.conn, nil
	case time.Now().Before(l.next):
		return nil, l.failed
	}
	conn, err := l.dial()
	if err != nil {
		l.pause = min(max(2*l.pause, 50*time.Millisecond), 2*time.Second)
		l.next, l.failed = time.Now().Add(l.pause), l.at.unreached(err)
		if l.trouble.is(l.failed) && errors.Is(l.failed, errAway) { // who asks tells the rest
			slog.Warn("RabbitMQ cannot be used and is tried again; workers take their work from the database meanwhile", "error", l.failed)
		}
		return nil, l.failed
	}
	l.conn, l.pause, l.failed = conn, 0, nil
	_ = l.trouble.is(nil)
	l.blocked.Store(false)
	alarms := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	l.watch.Go(func() {
		for b := range alarms { // until the connection ends
			l.blocked.Store(b.Active)
			slog.Warn("RabbitMQ has an alarm, or it is over", "connection", l.name, "blocked", b.Active, "reason", b.Reason)
		}
		l.blocked.Store(false)
	})
	return conn, nil
}

// alive reports whether there is a connection, without making one.
func (l *link) alive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil && !l.conn.IsClosed()
}

func (l *link) dial() (*amqp.Connection, error) {
	scheme := "amqp"
	if l.at.tls != nil {
		scheme = "amqps"
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(l.name)
	return amqp.DialConfig(scheme+"://"+l.at.where, amqp.Config{
		SASL:  []amqp.Authentication{&amqp.PlainAuth{Username: l.at.user, Password: l.at.password}},
		Vhost: l.at.vhost, Heartbeat: heartbeat, TLSClientConfig: l.at.tls, Properties: properties,
		Dial: func(network, where string) (net.Conn, error) {
			c, err := amqp.DefaultDial(dialTime)(network, where)
			if err != nil {
				return nil, err
			}
			return impatient{c}, nil
		},
	})
}

// An impatient connection breaks when the other side takes nothing: a write that waits for
// ever would hold up everybody.
type impatient struct{ net.Conn }

func (c impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// channel opens a channel.
func (l *link) channel() (ch *amqp.Channel, err error) {
	conn, err := l.connection()
	if err != nil {
		return nil, err
	}
	err = within(conn, func() error {
		ch, err = conn.Channel()
		return err
	})
	return ch, err
}

// within ends the connection if a call on it is not answered in time: a call has no deadline
// of its own, and a queue without a leader may never answer.
func within(conn *amqp.Connection, call func() error) error {
	late := time.AfterFunc(callTime, func() { _ = conn.CloseDeadline(time.Now()) })
	defer late.Stop()
	return call()
}

// abandon closes a channel on which the server may not answer any more.
func (l *link) abandon(ch *amqp.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.watch.Go(func() { _ = ch.Close() }) // until it does, or the connection ends
	}
}

func (l *link) close() error {
	l.mu.Lock()
	conn := l.conn
	l.conn, l.closed = nil, true
	l.mu.Unlock()
	var err error
	if conn != nil && !conn.IsClosed() {
		err = conn.CloseDeadline(time.Now().Add(time.Second))
	}
	l.watch.Wait()
	if errors.Is(err, amqp.ErrClosed) {
		return nil
	}
	return err
}

// refused says in one sentence what the server has against a queue or an exchange.
func (s *Server) refused(name string, err error) error {
	var e *amqp.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("queue %s: %w", name, err)
	}
	switch e.Code {
	case amqp.PreconditionFailed:
		return fmt.Errorf("%w: %s exists at %s with other arguments than ours, and is not used: delete it there when it is empty, or give this platform a vhost of its own (%s)", errCertain, name, s.at.where, e.Reason)
	case amqp.AccessRefused:
		return fmt.Errorf("%w: user %q has not the right to use %s: rabbitmqctl set_permissions -p %s %s '.*' '.*' '.*' (%s)", errCertain, s.at.user, name, s.at.vhost, s.at.user, e.Reason)
	}
	return fmt.Errorf("%s: %w", name, e)
}
