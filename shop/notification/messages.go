package notification

import (
	"context"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Streams lists the facts that notification follows: this is the table of who is told
// what. What is not here is told by something that is, or is nobody's concern.
func (s *Service) Streams() []stream.Handler {
	return []stream.Handler{
		tell(s, contract.Users, func(e contract.UserRegistered) notification {
			return notification{template: welcome, user: e.UserID}
		}),
		tell(s, contract.Orders, func(e contract.OrderCreated) notification {
			return notification{template: created, user: e.UserID, facts: facts{Lines: lines(e.Lines), Amount: e.Total, Currency: e.Currency}}
		}),
		tell(s, contract.Payments, func(e contract.PaymentProcessed) notification {
			return notification{template: paid, facts: facts{Amount: e.Amount, Currency: e.Currency}}
		}),
		tell(s, contract.Shipping, func(e contract.OrderShipped) notification {
			return notification{template: shipped, facts: facts{Carrier: e.Carrier, Tracking: e.TrackingNumber}}
		}),
		tell(s, contract.Shipping, func(e contract.ShipmentDelivered) notification {
			return notification{template: delivered, facts: facts{Tracking: e.TrackingNumber}}
		}),
		tell(s, contract.Orders, func(e contract.OrderFailed) notification {
			return notification{template: ending(e.Reason), facts: facts{Reason: e.Reason}}
		}),
		tell(s, contract.Orders, func(contract.OrderCancelled) notification { return notification{template: cancelled} }),
		tell(s, contract.Payments, func(e contract.PaymentRefunded) notification {
			return notification{template: refunded, facts: facts{Amount: e.Amount, Currency: e.Currency}}
		}),
	}
}

// tell notes a notification for every fact of a kind. The fact's key is its subject.
func tell[T message.Kind](s *Service, log string, of func(T) notification) stream.Handler {
	return stream.On(log, func(_ context.Context, tx *store.Tx, m message.Of[T]) error {
		n := of(m.Data)
		n.subject, n.at = m.Key, m.Time
		return s.note(tx, n)
	})
}

// Queues lists the mails to be sent; none where there is no server. Run holds those of a time
// when there was one.
func (s *Service) Queues() []queue.Handler {
	if s.Mailer == nil {
		return nil
	}
	return []queue.Handler{queue.Do(s.deliver, s.record)}
}

// Queue is where mails wait for the server.
const Queue = "notification_mail"

// A letter is work: one mail.
type letter struct {
	Subject  string   `json:"subject"`
	Template template `json:"template"`
}

// Kind is the name of the message.
func (letter) Kind() string { return "letter" }

// Queue is the one of mails.
func (letter) Queue() string { return Queue }

// Policy is that of its readers: what one mail waits for, or died of, is no reason to keep
// back the next one of its order.
func (s *Service) Policy() failure.Policy { return failure.Policy{Release: true} }

// Rest is how long readers let events gather. A mail may be a little late, and a commit of
// many rows costs hardly more than one of a few.
const Rest = 200 * time.Millisecond

// Calls is how many mails are in hand at a time. More of them are recorded in one commit
// than there are connections to the server.
const Calls = 128

// CallPolicy is that of its worker. Whatever a server does is no attempt: those are for mails
// that cannot even be written, which an operator should see.
func (s *Service) CallPolicy() failure.Policy { return failure.Policy{Timeout: 2 * patience} }
