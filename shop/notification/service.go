package notification

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Service is the notification service. Fields that name no default are required.
type Service struct {
	DB       *store.DB
	Contacts Contacts
	Mailer   Mailer           // nil: notifications are stored and shown, and none leaves
	Shop     string           // its name, in texts; the sender's
	Meter    metric.Meter     // of what becomes of mails; none
	Clock    func() time.Time // of calls; time.Now

	gate  gate
	texts texts
}

// Contacts knows how people are to be written to.
type Contacts interface {
	// Contact returns what is known of the users with these ids, in any order. Who is gone
	// is left out.
	Contact(ctx context.Context, ids []string) ([]contract.Contact, error)
}

// A Mailer hands mails to a server.
type Mailer interface {
	// Send returns nil once the server has taken m. It ends with ctx. An error that is
	// ErrRecipient is the last word about m; ErrLater is about m alone, which comes again,
	// and another mail may pass; any other is about the server.
	Send(ctx context.Context, m Mail) error
	// Hello returns whether the server would take mails.
	Hello(ctx context.Context) error
	// Close gives up connections that nobody uses.
	Close() error
}

// What a server may say about one mail.
var (
	ErrRecipient = errors.New("the server refuses the recipient for good")
	ErrLater     = errors.New("the server does not take this mail now")
)

// A Mail is ready to be sent.
type Mail struct {
	ID      string // left part of its Message-ID
	Name    string // of whom it goes to
	Address string
	Date    time.Time
	Text    Text
}

// note stores a notification, in the transaction of its event. One that is there already
// was told by the same event.
func (s *Service) note(tx *store.Tx, n notification) error {
	if s.Mailer == nil {
		return keep(tx, n)
	}
	first, err := enqueue(tx, &n)
	if err != nil || !first {
		return err
	}
	if n.status == queued {
		if err := send(tx, n); err != nil {
			return err
		}
	}
	if n.template != created {
		return nil
	}
	// Now it is known whose order it is: what came before goes out, too.
	early, err := release(tx, n.subject)
	for _, e := range early {
		if err := send(tx, e); err != nil {
			return err
		}
	}
	return err
}

// send asks for the mail of n. Its job has the name of n, so there is one.
func send(tx *store.Tx, n notification) error {
	return tx.SendAs(n.id(), tx.Now, n.subject, letter{Subject: n.subject, Template: n.template})
}

// An outcome is what became of a mail. The zero outcome: nothing was to be done.
type outcome struct {
	status  status // sent or failed
	reason  string
	address string
	user    string
}

const (
	patience  = time.Minute      // of a call for the breaker to close
	sendLimit = 30 * time.Second // for one mail, connection and all
)

// deliver hands one mail to the server. What keeps it from that is waited for, for as long
// as it takes; only what is wrong with the mail itself is an attempt.
func (s *Service) deliver(ctx context.Context, m message.Of[letter]) (outcome, error) {
	if err := s.gate.open(s.Meter); err != nil {
		return outcome{}, err
	}
	age := s.now().Sub(m.Time)
	n, err := s.find(ctx, m.Data)
	switch {
	case errors.Is(err, ErrUnknown):
		return outcome{}, failure.Permanent(err)
	case err != nil:
		return outcome{}, failure.Wait(backoff(age), err)
	case n.status != queued:
		return outcome{}, nil
	case age > horizon:
		s.gate.count(ctx, "expired", 1)
		return outcome{status: failed, reason: expired, user: n.user}, nil
	}
	to, err := s.contact(ctx, n.user)
	switch {
	case err != nil:
		return outcome{}, failure.Wait(backoff(age), err)
	case to.Email == "":
		return outcome{status: failed, reason: noRecipient, user: n.user}, nil
	}
	text, err := s.texts.write(n, to.Name, s.Shop)
	if err != nil {
		return outcome{}, err
	}
	err = s.gate.pass(ctx, func(ctx context.Context) error {
		return s.Mailer.Send(ctx, Mail{ID: n.messageID(), Name: to.Name, Address: to.Email, Date: n.at, Text: text})
	})
	switch {
	case errors.Is(err, ErrRecipient):
		s.gate.count(ctx, "failed", 1)
		return outcome{status: failed, reason: refused, address: to.Email, user: n.user}, nil
	case errors.Is(err, errShut):
		return outcome{}, failure.Wait(backoff(age), err)
	case err != nil:
		s.gate.count(ctx, "retry", 1)
		return outcome{}, failure.Wait(backoff(age), err)
	}
	s.gate.count(ctx, "sent", 1)
	return outcome{status: sent, address: to.Email, user: n.user}, nil
}

// now is the time of calls.
func (s *Service) now() time.Time {
	if s.Clock != nil {
		return s.Clock()
	}
	return time.Now()
}

// find returns the notification of a letter.
func (s *Service) find(ctx context.Context, l letter) (n notification, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		n, err = load(tx, l.Subject, l.Template)
		return err
	})
	return n, err
}

// contact returns how a user is to be written to; nothing if he is gone.
func (s *Service) contact(ctx context.Context, user string) (to contract.Contact, err error) {
	found, err := s.Contacts.Contact(ctx, []string{user})
	if err != nil || len(found) == 0 {
		return to, err
	}
	return found[0], nil
}

// record stores what became of a mail, and says it.
func (s *Service) record(_ context.Context, tx *store.Tx, m message.Of[letter], o outcome) error {
	l := m.Data
	if o.status == "" {
		return nil
	}
	first, err := settle(tx, l, o)
	if err != nil || !first {
		return err
	}
	const channel = "email"
	order := notification{subject: l.Subject, template: l.Template}.orderID()
	switch o.status {
	case sent:
		return tx.Append(l.Subject, contract.NotificationSent{OrderID: order, UserID: o.user, Channel: channel, Template: string(l.Template)})
	case failed:
		return tx.Append(l.Subject, contract.NotificationFailed{OrderID: order, UserID: o.user, Channel: channel, Template: string(l.Template), Reason: o.reason})
	}
	return failure.Permanent(fmt.Errorf("notification: a mail cannot become %q", o.status))
}
