package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/run"
	"go.opentelemetry.io/otel/metric"
)

const (
	waiting = 4096            // messages that may wait to be sent; more are dropped
	batch   = 256             // that are sent at a time
	silence = 3 * time.Second // after which the server is asked whether it is there
	confirm = patience / 5    // how long a listener waits until the server has heard of it
)

// A Broadcast is the broadcast.Driver for several processes. Those who listen in this one
// hear at once, whatever the server does; Run brings the rest.
type Broadcast struct {
	server *Server
	self   string          // before each of our messages: we have heard them
	here   broadcast.Local // who listens in this process
	out    chan message
	lost   metric.Int64Counter

	mu     sync.Mutex
	wanted map[string]*want // by topic
	subs   *redis.PubSub    // nil while there is no connection
	asked  map[string]int   // subscriptions of subs that are not confirmed yet, by name
	away   bool
}

var _ broadcast.Driver = (*Broadcast)(nil)

type message struct {
	topic string
	data  []byte
}

// A want is a topic that somebody listens to.
type want struct {
	listeners int
	heard     chan struct{} // closed once the server has confirmed it
}

// NewBroadcast returns the broadcasts of a server, which its caller runs.
func NewBroadcast(s *Server, p *run.Process) (*Broadcast, error) {
	id := uuid.New()
	b := &Broadcast{server: s, self: string(id[:]), out: make(chan message, waiting), wanted: map[string]*want{}}
	lost, err := p.Meters().Int64Counter("tidewire.cache.dropped", metric.WithDescription("Messages for other instances that were not sent, as the Redis at `cache` was away or slow: they see what has changed a little later."))
	if err != nil {
		return nil, err
	}
	b.lost = lost
	_, err = p.Meters().Int64ObservableGauge("tidewire.cache.away", metric.WithDescription("1: the Redis at `cache` does not answer, or not as it should; 0: it does."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if b.Away() {
				o.Observe(1)
			} else {
				o.Observe(0)
			}
			return nil
		}))
	return b, err
}

// Away reports whether others are told nothing at the moment, and tell us nothing.
func (b *Broadcast) Away() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.away
}

// Publish calls those who listen here. What is for others is sent later, or dropped if
// there is too much of it.
func (b *Broadcast) Publish(ctx context.Context, topic string, data []byte) error {
	if err := b.here.Publish(ctx, topic, data); err != nil {
		return err
	}
	select {
	case b.out <- message{topic, data}:
	default:
		b.lost.Add(ctx, 1)
	}
	return nil
}

// Listen adds a listener. It waits a little until the server has confirmed it, and not
// at all while that is away: it then hears of others once they are back.
func (b *Broadcast) Listen(topic string, hear func([]byte)) (stop func(), err error) {
	leave, err := b.here.Listen(topic, hear)
	if err != nil {
		return nil, err
	}
	heard, away := b.join(topic)
	if !away {
		late := time.NewTimer(confirm)
		defer late.Stop()
		select {
		case <-heard:
		case <-late.C:
		}
	}
	return sync.OnceFunc(func() {
		leave()
		b.leave(topic)
	}), nil
}

func (b *Broadcast) join(topic string) (heard <-chan struct{}, away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.wanted[topic]
	if w == nil {
		w = &want{heard: make(chan struct{})}
		b.wanted[topic] = w
		b.ask(topic)
	}
	w.listeners++
	return w.heard, b.away
}

// ask subscribes to topics, if there is a connection. One that breaks is found by who reads
// from it, and all is asked for on the next. The mutex is held.
func (b *Broadcast) ask(topics ...string) {
	if b.subs == nil || len(topics) == 0 {
		return
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = b.server.name(t)
		b.asked[names[i]]++
	}
	_ = b.subs.Subscribe(context.Background(), names...)
}

func (b *Broadcast) leave(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.wanted[topic]
	if w.listeners--; w.listeners > 0 {
		return
	}
	delete(b.wanted, topic)
	if b.subs != nil {
		_ = b.subs.Unsubscribe(context.Background(), b.server.name(topic))
	}
}

// Run sends and receives until ctx ends.
func (b *Broadcast) Run(ctx context.Context) error {
	return run.All(ctx, b.send, b.receive)
}

// send sends what was published, together what has gathered meanwhile. What a server did
// not take is not sent again: it may have taken it, and is out of date soon.
func (b *Broadcast) send(ctx context.Context) error {
	idler := run.NewIdler(true)
	for {
		var all []message
		select {
		case <-ctx.Done():
			return nil
		case m := <-b.out:
			all = append(all, m)
		}
		for len(all) < batch && len(b.out) > 0 {
			all = append(all, <-b.out)
		}
		_, err := b.server.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, m := range all {
				p.Publish(ctx, b.server.name(m.topic), b.self+string(m.data))
			}
			return nil
		})
		if err == nil {
			idler.Reset()
			continue
		}
		b.lost.Add(context.WithoutCancel(ctx), int64(len(all)))
		b.gone(ctx, err)
		idler.Wait(ctx, nil)
	}
}

// receive passes on what others say, over one connection after the other.
func (b *Broadcast) receive(ctx context.Context) error {
	idler := run.NewIdler(true)
	for ctx.Err() == nil {
		err := b.follow(ctx, idler)
		b.disconnected()
		b.gone(ctx, err)
		idler.Wait(ctx, nil)
	}
	return nil
}

func (b *Broadcast) disconnected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = nil
}

// gone notes that the server is away, and says so the first time.
func (b *Broadcast) gone(ctx context.Context, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.away && ctx.Err() == nil {
		b.away = true
		slog.WarnContext(ctx, "cache: what other instances change is seen later, until it is back", "error", b.server.explain(err))
	}
}

// back notes that the server is there.
func (b *Broadcast) back(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		b.away = false
		slog.InfoContext(ctx, "cache: it is back")
	}
}

var errSilent = errors.New("it is silent")

// follow passes on what comes over a new connection, until it breaks.
func (b *Broadcast) follow(ctx context.Context, idler *run.Idler) error {
	subs := b.server.client.Subscribe(ctx)
	defer subs.Close()
	defer context.AfterFunc(ctx, func() { _ = subs.Close() })()
	// One topic of nobody: without any there would be no connection to notice the end of.
	if err := subs.Subscribe(ctx, b.server.name("")); err != nil {
		return err
	}
	for asked := false; ; {
		got, err := subs.ReceiveTimeout(ctx, silence)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout() && !asked:
			if err = subs.Ping(ctx); err != nil {
				return err
			}
			asked = true
			continue
		case errors.As(err, &late) && late.Timeout():
			return errSilent
		case err != nil:
			return err
		}
		asked = false
		b.back(ctx)
		switch got := got.(type) {
		case *redis.Subscription:
			b.confirmed(subs, got)
			idler.Reset()
		case *redis.Message:
			b.hear(ctx, got)
		}
	}
}

// confirmed notes what the server will tell us from now on. Its first answer is about the
// topic of nobody: then all is asked for that somebody listens to.
func (b *Broadcast) confirmed(subs *redis.PubSub, s *redis.Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Kind != "subscribe" {
		return
	}
	if s.Channel == b.server.name("") {
		b.subs, b.asked = subs, map[string]int{}
		topics := make([]string, 0, len(b.wanted))
		for t := range b.wanted {
			topics = append(topics, t)
		}
		b.ask(topics...)
		return
	}
	if b.asked[s.Channel]--; b.asked[s.Channel] > 0 {
		return // of one who has left since
	}
	delete(b.asked, s.Channel)
	if w := b.wanted[strings.TrimPrefix(s.Channel, b.server.name(""))]; w != nil {
		select {
		case <-w.heard:
		default:
			close(w.heard)
		}
	}
}

// hear passes a message on, unless it is ours.
func (b *Broadcast) hear(ctx context.Context, m *redis.Message) {
	if len(m.Payload) < len(b.self) || strings.HasPrefix(m.Payload, b.self) {
		return
	}
	_ = b.here.Publish(ctx, strings.TrimPrefix(m.Channel, b.server.name("")), []byte(m.Payload[len(b.self):]))
}
