package notification

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// SMTP is a Mailer that speaks to one server. Connections are used again.
type SMTP struct {
	server Server
	from   *mail.Address

	mu     sync.Mutex
	idle   []*connection // the last used last
	closed bool
}

// NewSMTP returns a Mailer for a server. It connects when there is a mail.
func NewSMTP(server Server, from *mail.Address) *SMTP { return &SMTP{server: server, from: from} }

const (
	stepLimit = 10 * time.Second // to connect and sign in, and then for each mail
	idleLimit = 30 * time.Second // for a connection that nobody uses; servers close it after minutes
)

// A connection is signed in.
type connection struct {
	client *gomail.Client
	smtp   *smtp.Client
	raw    net.Conn
	used   time.Time
}

// Send hands a mail to the server.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return errors.Join(ErrRecipient, err)
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() }) // who hangs is torn loose
	err = c.client.SendWithSMTPClient(c.smtp, msg)
	if !stop() || msg.IsDelivered() && err != nil {
		_ = c.raw.Close()
		if msg.IsDelivered() {
			return nil // the server has it, whatever came afterwards
		}
		return err
	}
	verdict, alive := judge(err)
	if alive {
		s.giveBack(c)
	} else {
		_ = c.raw.Close()
	}
	return verdict
}

// Hello connects, signs in, and keeps the connection.
func (s *SMTP) Hello(ctx context.Context) error {
	c, err := s.connect(ctx)
	if err == nil {
		s.giveBack(c)
	}
	return err
}

// Close closes connections that nobody uses, and those in use after their mail.
func (s *SMTP) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	for _, c := range idle {
		_ = c.raw.Close() // whatever it says, nothing is on its way
	}
	return nil
}

// message writes m as RFC 5322 has it. Headers are encoded where they are not ASCII.
func (s *SMTP) message(m Mail) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	msg.FromMailAddress(s.from)
	to, err := mail.ParseAddress(m.Address)
	if err != nil {
		return nil, err
	}
	msg.ToMailAddress(&mail.Address{Name: oneLine(m.Name), Address: to.Address})
	msg.Subject(oneLine(m.Text.Subject))
	msg.SetDateWithValue(m.Date)
	_, domain, _ := strings.Cut(s.from.Address, "@")
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // so that nobody's absence answers
	msg.SetBodyString(gomail.TypeTextPlain, m.Text.Plain)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.Text.HTML)
	return msg, nil
}

// judge says what an error of a mail means, and whether its connection can be used again.
// What a server answers to the recipient or to the text is about this mail, however bad it
// sounds: it takes those of others. Everything before, and no answer, is about the server.
func judge(err error) (verdict error, alive bool) {
	var e *gomail.SendError
	if err == nil {
		return nil, true
	}
	if !errors.As(err, &e) || e.ErrorCode() == 0 {
		return err, false
	}
	later := errors.Join(ErrLater, err)
	switch code := e.ErrorCode(); {
	case e.Reason == gomail.ErrSMTPDataClose:
		return later, code != 421 // a filter of content may change its mind
	case e.Reason == gomail.ErrSMTPData:
		return later, false // it may still wait for the text
	case e.Reason != gomail.ErrSMTPRcptTo:
		return err, false
	case code < 500:
		return later, code != 421 // his mailbox is full, or we are to come again
	case code == 503 || code == 530 || strings.Contains(strings.ToLower(err.Error()), "relay"):
		return later, true // that we must sign in, or may not relay, is about us and can be mended
	}
	return errors.Join(ErrRecipient, err), true
}

// connect returns a connection that answers: one that was used before, or a new one.
func (s *SMTP) connect(ctx context.Context) (*connection, error) {
	for c := s.take(); c != nil; c = s.take() {
		if c.answers(ctx) {
			return c, nil
		}
		_ = c.raw.Close()
	}
	return s.dial(ctx)
}

// answers asks the server whether it is still there.
func (c *connection) answers(ctx context.Context) bool {
	if time.Since(c.used) >= idleLimit || c.raw.SetDeadline(time.Now().Add(stepLimit)) != nil {
		return false
	}
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	err := c.smtp.Noop()
	return stop() && err == nil
}

func (s *SMTP) take() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	c := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	return c
}

// giveBack keeps a connection for the next mail, and closes those that nobody has needed.
func (s *SMTP) giveBack(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.used = time.Now()
	for len(s.idle) > 0 && time.Since(s.idle[0].used) > idleLimit {
		_ = s.idle[0].raw.Close()
		s.idle = s.idle[1:]
	}
	if s.closed {
		_ = c.raw.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// dial opens a connection. The library forgets one on which it could not sign in, so it is
// closed here.
func (s *SMTP) dial(ctx context.Context) (*connection, error) {
	c := &connection{}
	quit := func() bool { return true }
	secure := &tls.Config{ServerName: s.server.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.server.Lax}
	options := []gomail.Option{gomail.WithPort(s.server.Port), gomail.WithTimeout(stepLimit), gomail.WithTLSConfig(secure),
		gomail.WithTLSPolicy(s.server.policy()), gomail.WithoutNoop(), // connect has asked
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (_ net.Conn, err error) {
			if s.server.TLS {
				c.raw, err = (&tls.Dialer{Config: secure}).DialContext(dialing, network, address)
			} else {
				c.raw, err = (&net.Dialer{}).DialContext(dialing, network, address)
			}
			if err == nil {
				quit = context.AfterFunc(ctx, func() { _ = c.raw.Close() }) // a server may take the call and say nothing
			}
			return c.raw, err
		})}
	if s.server.User != "" {
		options = append(options, gomail.WithUsername(s.server.User), gomail.WithPassword(s.server.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	var err error
	if c.client, err = gomail.NewClient(s.server.Host, options...); err != nil {
		return nil, err
	}
	c.smtp, err = c.client.DialToSMTPClientWithContext(ctx)
	if !quit() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if c.raw != nil {
			_ = c.raw.Close()
		}
		return nil, err
	}
	return c, nil
}

// policy is what the library calls starttls.
func (s Server) policy() gomail.TLSPolicy {
	switch {
	case s.TLS || s.StartTLS == "never":
		return gomail.NoTLS
	case s.StartTLS == "required":
		return gomail.TLSMandatory
	}
	return gomail.TLSOpportunistic
}
