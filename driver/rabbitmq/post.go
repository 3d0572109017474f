package rabbitmq

import (
	"context"
	"fmt"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// direct is how the addresses begin of those who have the server itself carry the reply. They
// are no queues: what must be taken by one comes back.
const direct = "amq.rabbitmq.reply-to."

// A post sends single messages for many at the same time, and tells each what became of his.
type post struct {
	server *Server
	room   chan struct{} // a token for each message under way: what comes back has room

	mu       sync.Mutex
	ch       *amqp.Channel
	returned chan amqp.Return
	last     int64          // number of a message
	back     map[int64]bool // by number: it came back
}

func newPost(s *Server) *post {
	return &post{server: s, room: make(chan struct{}, together), back: map[int64]bool{}}
}

// send returns nil once the server has put m into a queue.
func (p *post) send(ctx context.Context, queue string, m amqp.Publishing) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	select {
	case p.room <- struct{}{}:
		defer func() { <-p.room }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errTimeout, ctx.Err())
	}
	if p.server.out.blocked.Load() {
		return errBlocked
	}
	ch, n, c, err := p.publish(queue, m)
	if err != nil {
		return err
	}
	ok, err := c.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errTimeout, err)
	case p.bounced(n):
		return errReturned
	case !ok && ch.IsClosed():
		return fmt.Errorf("%w: the channel ended", errTimeout)
	case !ok:
		return errNacked
	}
	return nil
}

func (p *post) publish(queue string, m amqp.Publishing) (*amqp.Channel, int64, *amqp.DeferredConfirmation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch == nil || p.ch.IsClosed() {
		ch, err := p.server.out.channel()
		if err != nil {
			return nil, 0, nil, err
		}
		if err := ch.Confirm(false); err != nil {
			return nil, 0, nil, err
		}
		p.ch, p.returned, p.back = ch, ch.NotifyReturn(make(chan amqp.Return, together)), map[int64]bool{}
	}
	p.last++
	m.Headers[place] = p.last
	named := !strings.HasPrefix(queue, direct)
	c, err := p.ch.PublishWithDeferredConfirm("", queue, named, false, m)
	return p.ch, p.last, c, err
}

// bounced reports whether a message came back: that is said before it is confirmed.
func (p *post) bounced(n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		select {
		case r, ok := <-p.returned:
			if ok {
				n, _ := r.Headers[place].(int64)
				p.back[n] = true
				continue
			}
			p.returned = nil // the channel has ended
		default:
		}
		break
	}
	back := p.back[n]
	delete(p.back, n)
	return back
}

func (p *post) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch != nil {
		p.server.out.abandon(p.ch)
	}
}
