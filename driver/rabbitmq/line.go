package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/run"
)

const (
	prefetch = 256                    // messages that the server hands out before the first is acknowledged
	unasked  = 250 * time.Millisecond // that a message waits for whoever asks before it goes to others
	patience = 3 * time.Second        // with the server, before work is taken from the table
)

// A line is one queue, as this process sees it: what has arrived and was not asked for yet,
// and what was sent and has not arrived.
type line struct {
	*Driver
	name     string // of the queue
	at       string // its name at the server
	suspects atomic.Bool
	ahead    atomic.Int64  // of the clock here, the database's
	wanted   chan struct{} // somebody asks
	turn     sync.Mutex    // one receives at a time: what is acknowledged covers all before it

	mu      sync.Mutex
	arrived []arrival
	asked   time.Time            // last
	sent    map[string]time.Time // by id: what the server has, as far as is known
	hearing trouble
	sending trouble
}

// An arrival is a message that the server has handed over.
type arrival struct {
	amqp.Delivery
	at time.Time
}

// A trouble is since when something does not work; zero if it does.
type trouble struct {
	since, told time.Time
	err         error
}

// is notes whether something works, and reports whether that is news that should be told.
func (t *trouble) is(err error) (tell bool) {
	if err == nil {
		*t = trouble{}
		return false
	}
	now := time.Now()
	if t.err = err; t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.told) < time.Minute {
		return false
	}
	t.told = now
	return true
}

func (t trouble) lasts() bool { return !t.since.IsZero() && time.Since(t.since) >= patience }

// stuck reports whether the server is of no use for now.
func (l *line) stuck() bool {
	l.mu.Lock()
	l.asked = time.Now()
	l.want()
	l.mu.Unlock()
	return l.troubled() != nil
}

// troubled returns what does not work, if that lasts.
func (l *line) troubled() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range []trouble{l.hearing, l.sending} {
		if t.lasts() {
			return t.err
		}
	}
	return nil
}

// note remembers how hearing or sending goes.
func (l *line) note(ctx context.Context, of *trouble, err error) {
	l.mu.Lock()
	tell := of.is(err)
	l.mu.Unlock()
	if tell && ctx.Err() == nil && !errors.Is(err, errAway) { // the link tells that
		slog.WarnContext(ctx, "RabbitMQ is of no use for a queue now: workers take its messages from the database until it is", "queue", l.name, "error", err)
	}
}

// pop takes what has arrived, in order.
func (l *line) pop(most int) []arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(most, len(l.arrived))
	batch := l.arrived[:n:n]
	l.arrived = l.arrived[n:]
	return batch
}

// unpop puts back what could not be taken. If the channel has ended meanwhile the server
// hands it out again.
func (l *line) unpop(batch []arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived = append(batch, l.arrived...)
}

// acknowledge tells the server that a batch need not be handed out again, and drops it from
// what was sent: what Take did not give comes again if it must. A message whose channel has
// ended comes again, and finds its row taken.
func (l *line) acknowledge(batch []arrival) {
	l.mu.Lock()
	for _, a := range batch {
		delete(l.sent, row(a.Delivery))
	}
	l.mu.Unlock()
	for i, a := range batch {
		last := i == len(batch)-1 || batch[i+1].Acknowledger != a.Acknowledger
		if last && a.Ack(true) != nil {
			continue // all before it on that channel were taken before
		}
	}
}

// listen receives from the server while somebody asks.
func (l *line) listen(ctx context.Context) {
	for idle := run.NewIdler(true); ctx.Err() == nil; {
		select {
		case <-l.wanted:
		case <-ctx.Done():
			return
		}
		err := l.session(ctx, idle)
		l.note(ctx, &l.hearing, err)
		if err != nil {
			idle.Wait(ctx, nil)
			l.want()
		}
	}
}

// want has listen go on although nobody has asked since.
func (l *line) want() {
	select {
	case l.wanted <- struct{}{}:
	default:
	}
}

// session declares the queue and receives, until an error, or until nobody asks for what has
// arrived. The end of its channel gives back what was not acknowledged.
func (l *line) session(ctx context.Context, idle *run.Idler) error {
	fresh, err := l.server.declare(l.at, work())
	if err != nil {
		return err
	}
	if fresh {
		l.forget()
	}
	ch, err := l.server.in.channel()
	if err != nil {
		return err
	}
	defer func() {
		l.drop()
		l.server.in.abandon(ch)
	}()
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return err
	}
	ended := ch.NotifyClose(make(chan *amqp.Error, 1))
	deliveries, err := ch.ConsumeWithContext(context.WithoutCancel(ctx), l.at, "", false, false, false, false, nil)
	if err != nil {
		return l.server.refused(l.at, err)
	}
	l.note(ctx, &l.hearing, nil)
	idle.Reset()
	tick := time.NewTicker(unasked)
	defer tick.Stop()
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return over(ended)
			}
			l.arrive(d)
		case <-tick.C:
			if l.neglected() {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// over says why deliveries have ended.
func over(ended <-chan *amqp.Error) error {
	select {
	case e := <-ended:
		if e != nil {
			return fmt.Errorf("the channel ended: %w", e)
		}
	case <-time.After(100 * time.Millisecond): // it is said at the same time, if at all
	}
	return errors.New("the server ended the consumer: the queue was deleted, or has no leader")
}

// arrive keeps a message until somebody asks for it.
func (l *line) arrive(d amqp.Delivery) {
	if d.Redelivered {
		l.server.meters.again(l.name)
	}
	l.mu.Lock()
	l.arrived = append(l.arrived, arrival{Delivery: d, at: time.Now()})
	l.mu.Unlock()
	l.DB.Hint(l.name)
}

// neglected reports whether something has arrived that nobody asks for: others may.
func (l *line) neglected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.arrived) == 0 || time.Since(l.arrived[0].at) <= unasked || time.Since(l.asked) <= unasked {
		return false
	}
	select {
	case <-l.wanted: // by whoever asked before
	default:
	}
	return true
}

// drop forgets what has arrived: its channel ends.
func (l *line) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived = nil
}

// forget has everything sent again that is due: the server has lost it.
func (l *line) forget() {
	l.mu.Lock()
	l.sent = map[string]time.Time{}
	l.mu.Unlock()
	l.DB.Hint(l.name)
}
