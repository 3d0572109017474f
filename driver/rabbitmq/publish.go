package rabbitmq

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Why a message was not stored by the server.
var (
	errReturned = errors.New("no queue takes it: it was returned")
	errNacked   = errors.New("the server could not store it")
	errTimeout  = errors.New("it was not confirmed in time")
)

const (
	confirmTime = patience
	together    = 512 // messages on their way, of one publisher
)

// A publisher sends messages and knows which of them the server has stored. It is used by
// one goroutine.
type publisher struct {
	server   *Server
	unheard  bool   // it is well if no queue takes a message
	exchange string // that is declared with each channel; "": none
	ch       *amqp.Channel
	returned chan amqp.Return
}

// open opens a channel if there is none that is open.
func (p *publisher) open() error {
	if p.ch != nil && !p.ch.IsClosed() {
		return nil
	}
	ch, err := p.server.out.channel()
	if err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	if p.exchange != "" {
		if err := ch.ExchangeDeclare(p.exchange, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
			return p.server.refused(p.exchange, err)
		}
	}
	// A message is returned before it is confirmed. There is room for all: the connection's
	// reader would wait for whoever reads here, and nobody does until all is confirmed.
	p.ch, p.returned = ch, ch.NotifyReturn(make(chan amqp.Return, together))
	return nil
}

// publish sends at most together messages to a queue, or to the exchange, all under way at the
// same time, and returns for each why it is not stored there: nil if it is, on disk.
func (p *publisher) publish(ctx context.Context, queue string, msgs []amqp.Publishing) []error {
	errs := make([]error, len(msgs))
	if p.server.out.blocked.Load() {
		return all(errs, errBlocked)
	}
	if err := p.open(); err != nil {
		return all(errs, err)
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	confirms := make([]*amqp.DeferredConfirmation, len(msgs))
	for i, m := range msgs {
		m.Headers[place] = int64(i)
		confirms[i], errs[i] = p.ch.PublishWithDeferredConfirm(p.exchange, queue, !p.unheard, false, m)
		if errs[i] != nil {
			all(errs[i:], fmt.Errorf("publish: %w", errs[i]))
			break
		}
	}
	for i, c := range confirms {
		if c != nil {
			errs[i] = p.confirmed(ctx, c)
		}
	}
	p.bounce(errs)
	if ctx.Err() != nil {
		p.server.out.abandon(p.ch) // what it confirms now is of no use any more
		p.ch = nil
	}
	return errs
}

// place is the header that tells which of several messages came back.
const place = "tidewire-place"

// confirmed waits until a message is stored, or never will be. After a deadline nobody knows.
func (p *publisher) confirmed(ctx context.Context, c *amqp.DeferredConfirmation) error {
	ok, err := c.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errTimeout, err)
	case !ok && p.ch.IsClosed():
		return fmt.Errorf("%w: the channel ended", errTimeout)
	case !ok:
		return errNacked
	}
	return nil
}

// bounce notes what came back.
func (p *publisher) bounce(errs []error) {
	for {
		select {
		case r, ok := <-p.returned:
			if !ok {
				return
			}
			if i, ok := r.Headers[place].(int64); ok && i >= 0 && int(i) < len(errs) {
				errs[i] = fmt.Errorf("%w (%s)", errReturned, r.ReplyText)
			}
		default:
			return
		}
	}
}

func all(errs []error, err error) []error {
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// failure names why a message was not stored, for those who count it.
func failure(err error) string {
	for _, f := range []struct {
		err  error
		name string
	}{{errReturned, "returned"}, {errNacked, "refused"}, {errBlocked, "blocked"}, {errTimeout, "unconfirmed"}} {
		if errors.Is(err, f.err) {
			return f.name
		}
	}
	return "unreached"
}
