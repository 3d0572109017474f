package notification

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	smtpd "github.com/emersion/go-smtp"
	"github.com/wneessen/go-mail/smtp"
)

// A post is an SMTP server that answers as it is told. Its protocol is a library's.
type post struct {
	mu       sync.Mutex
	says     map[string]error // by recipient, and "DATA " and him; "MAIL" is of every mail
	plain    bool             // it offers no enhanced status codes, and gives none
	sessions int
	refusals int // of recipients and texts
	signedIn string
	mails    []string
}

func (p *post) NewSession(*smtpd.Conn) (smtpd.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions++
	return &session{post: p}, nil
}

type session struct {
	*post
	to string
}

func (p *post) answer(to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.says[to]
	if err != nil && to != "MAIL" {
		p.refusals++
	}
	var said *smtpd.SMTPError
	if p.plain && errors.As(err, &said) {
		return reply(said.Code, smtpd.NoEnhancedCode, said.Message)
	}
	return err
}

func (s *session) Reset()                                     {}
func (s *session) Logout() error                              { return nil }
func (s *session) Mail(_ string, _ *smtpd.MailOptions) error  { return s.answer("MAIL") }
func (s *session) Rcpt(to string, _ *smtpd.RcptOptions) error { s.to = to; return s.answer(to) }
func (s *session) AuthMechanisms() []string                   { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "hush" {
			return smtpd.ErrAuthFailed
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.signedIn = user
		return nil
	}), nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.answer("DATA " + s.to); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, string(b))
	return nil
}

// certificate makes one for 127.0.0.1 that nobody has signed.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// serve runs a post, and returns a Mailer for it. The URL's host and port are its own.
func serve(t *testing.T, p *post, url string, secure *tls.Config) *SMTP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := ParseServer(strings.Replace(url, "HOST", l.Addr().String(), 1))
	if err != nil {
		t.Fatal(err)
	}
	d := smtpd.NewServer(p)
	d.AllowInsecureAuth, d.TLSConfig, d.ErrorLog = true, secure, quiet{}
	if server.TLS {
		l = tls.NewListener(l, secure)
	}
	if p.plain {
		l = plainListener{l}
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = d.Serve(l) })
	s := NewSMTP(server, sender(t))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = l.Close() // also where it was not served yet
		_ = d.Close()
		serving.Wait()
	})
	return s
}

// A plainListener takes an extension out of what a server offers.
type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return plainConn{c}, err
}

type plainConn struct{ net.Conn }

func (c plainConn) Write(b []byte) (int, error) {
	_, err := c.Conn.Write(bytes.ReplaceAll(b, []byte("250-ENHANCEDSTATUSCODES\r\n"), nil))
	return len(b), err
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func letterTo(to string) Mail {
	return Mail{ID: "id-1", Name: "Ada", Address: to, Date: time.Now(), Text: Text{Subject: "Hello", Plain: "plain\n", HTML: "<p>rich</p>"}}
}

func reply(code int, status smtpd.EnhancedCode, text string) error {
	return &smtpd.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

// What servers say, and what it means: the last word, not now, or trouble with the server.
func TestJudgement(t *testing.T) {
	none := smtpd.NoEnhancedCode
	for _, c := range []struct {
		name string
		at   string
		says error
		want error // ErrRecipient, ErrLater; other: about the server
	}{
		{"unknown", "to@example.com", reply(550, smtpd.EnhancedCode{5, 1, 1}, "no such user"), ErrRecipient},
		{"disabled", "to@example.com", reply(550, smtpd.EnhancedCode{5, 2, 1}, "disabled"), ErrRecipient},
		{"not allowed to write to him", "to@example.com", reply(550, smtpd.EnhancedCode{5, 7, 1}, "no"), ErrRecipient},
		{"no reason", "to@example.com", reply(554, none, "no"), ErrRecipient},
		{"no address", "to@example.com", reply(501, smtpd.EnhancedCode{5, 1, 3}, "syntax"), ErrRecipient},
		{"relaying denied in words", "to@example.com", reply(550, none, "Relay not permitted"), ErrLater},
		{"must sign in", "to@example.com", reply(530, smtpd.EnhancedCode{5, 7, 0}, "sign in"), ErrLater},
		{"must sign in, badly said", "to@example.com", reply(503, none, "AUTH first"), ErrLater},
		{"grey list", "to@example.com", reply(450, smtpd.EnhancedCode{4, 7, 1}, "come again"), ErrLater},
		{"mailbox full", "to@example.com", reply(452, smtpd.EnhancedCode{4, 2, 2}, "full"), ErrLater},
		{"too many errors", "to@example.com", reply(421, smtpd.EnhancedCode{4, 7, 0}, "bye"), ErrLater},
		{"sender refused", "MAIL", reply(550, smtpd.EnhancedCode{5, 1, 8}, "who are you"), errOther},
		{"sender not now", "MAIL", reply(451, smtpd.EnhancedCode{4, 3, 0}, "busy"), errOther},
		{"shuts down", "MAIL", reply(421, smtpd.EnhancedCode{4, 3, 2}, "bye"), errOther},
		{"mail refused", "DATA to@example.com", reply(554, smtpd.EnhancedCode{5, 6, 0}, "spam"), ErrLater},
		{"mail refused for now", "DATA to@example.com", reply(451, none, "busy"), ErrLater},
	} {
		p := &post{says: map[string]error{c.at: c.says}}
		s := serve(t, p, "smtp://HOST?starttls=never", nil)
		err := s.Send(t.Context(), letterTo("to@example.com"))
		got := errOther
		for _, known := range []error{ErrRecipient, ErrLater} {
			if errors.Is(err, known) {
				got = known
			}
		}
		if err == nil || got != c.want || troubled(err) != (c.want == errOther) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		delete(p.says, c.at)
		if err := s.Send(t.Context(), letterTo("to@example.com")); err != nil || len(p.mails) != 1 {
			t.Errorf("%s: the next one: %v, %d mails", c.name, err, len(p.mails))
		}
	}
}

var errOther = errors.New("about the server")

// A recipient that is none is refused before anybody is asked.
func TestNoRecipient(t *testing.T) {
	p := &post{}
	s := serve(t, p, "smtp://HOST?starttls=never", nil)
	if err := s.Send(t.Context(), letterTo("nobody")); !errors.Is(err, ErrRecipient) || p.sessions != 0 {
		t.Errorf("got %v, %d sessions", err, p.sessions)
	}
}

// Connections are used again, also after a refusal; one that the server has closed is not.
func TestConnectionsAreUsedAgain(t *testing.T) {
	p := &post{says: map[string]error{"gone@example.com": reply(550, smtpd.EnhancedCode{5, 1, 1}, "no such user")}}
	s := serve(t, p, "smtp://HOST?starttls=never", nil)
	for i := range 10 {
		to := "to@example.com"
		if i%3 == 0 {
			to = "gone@example.com"
		}
		if err := s.Send(t.Context(), letterTo(to)); (err != nil) != (i%3 == 0) {
			t.Fatal(i, err)
		}
	}
	if p.sessions != 1 {
		t.Errorf("%d sessions for ten mails in turn", p.sessions)
	}
	_ = s.idle[0].raw.Close()
	if err := s.Send(t.Context(), letterTo("to@example.com")); err != nil || p.sessions != 2 {
		t.Errorf("after the connection was lost: %v, %d sessions", err, p.sessions)
	}
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			if err := s.Send(t.Context(), letterTo("to@example.com")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(p.mails) != 7+connections || len(s.idle) > connections {
		t.Errorf("%d mails, %d connections are kept", len(p.mails), len(s.idle))
	}
}

// Who the server is gets checked, unless told otherwise, and no password travels in clear.
func TestSignIn(t *testing.T) {
	for _, c := range []struct {
		url    string
		secure bool   // the server can
		want   string // part of the error; "" for none
		user   string
	}{
		{"smtp://HOST", true, "certificate", ""},
		{"smtp://HOST?verify=false", true, "", ""},
		{"smtp://HOST?starttls=never", true, "", ""},
		{"smtp://HOST?starttls=required", false, "STARTTLS", ""},
		{"smtps://HOST", true, "certificate", ""},
		{"smtps://HOST?verify=false", true, "", ""},
		{"smtp://shop:hush@HOST?verify=false", true, "", "shop"},
		{"smtps://shop:hush@HOST?verify=false", true, "", "shop"},
		{"smtp://shop:hush@HOST", false, "", "shop"}, // it stays on this machine
		{"smtp://shop:wrong@HOST?verify=false", true, "AUTH", ""},
	} {
		var secure *tls.Config
		if c.secure {
			secure = certificate(t)
		}
		p := &post{}
		s := serve(t, p, c.url, secure)
		err := s.Hello(t.Context())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || p.signedIn != c.user {
			t.Errorf("%s: got %v, signed in as %q", c.url, err, p.signedIn)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "wrong")) {
			t.Errorf("%s: says the password: %v", c.url, err)
		}
	}
}

// A server that takes a connection and says nothing is left when the caller gives up.
func TestSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server, err := ParseServer(fmt.Sprintf("smtp://%s", l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err = NewSMTP(server, sender(t)).Send(ctx, letterTo("to@example.com"))
	if d := time.Since(begun); err == nil || d > 5*time.Second {
		t.Errorf("%v after %v", err, d)
	}
}

// So is one that has gone silent on a connection that was good.
func TestSilenceOfAnOldConnection(t *testing.T) {
	ours, theirs := net.Pipe() // nobody reads
	defer theirs.Close()
	client := make(chan *smtp.Client)
	go func() {
		c, err := smtp.NewClient(ours, "localhost")
		if err != nil {
			t.Error(err)
		}
		client <- c
	}()
	if _, err := theirs.Write([]byte("220 here\r\n")); err != nil {
		t.Fatal(err)
	}
	s := NewSMTP(Server{Host: "127.0.0.1", Port: 1}, sender(t))
	s.giveBack(&connection{smtp: <-client, raw: ours})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := s.Send(ctx, letterTo("to@example.com"))
	if d := time.Since(begun); err == nil || d > 5*time.Second {
		t.Errorf("%v after %v", err, d)
	}
}
