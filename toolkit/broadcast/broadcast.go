package broadcast

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/tidewire/tidewire/toolkit/run"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// ErrClosed: the listener was closed.
var ErrClosed = errors.New("the listener is closed")

// A Driver carries messages. Its methods may be called concurrently. What gets lost on the
// way, it need not tell.
//
// Package broadcasttest checks every promise made here.
type Driver interface {
	// Publish has everybody hear data who listens to topic, those of one caller in their
	// order, and waits for nobody. Nobody there is no error.
	Publish(ctx context.Context, topic string, data []byte) error

	// Listen has hear, which is quick, called with all that is published to topic from now
	// on, until stop has returned. Several may listen to one topic: each hears all.
	Listen(topic string, hear func(data []byte)) (stop func(), err error)
}

// A Topic is what messages of type T are published to, each under a key such as an order's
// id. A nil Topic has nobody who publishes or listens.
type Topic[T any] struct {
	name   string
	driver Driver
	lost   metric.Int64Counter
	label  metric.MeasurementOption
}

// NewTopic returns the topic of a name. All processes that share a driver know it by that.
func NewTopic[T any](d Driver, name string, p *run.Process) (*Topic[T], error) {
	lost, err := p.Meters().Int64Counter("tidewire.broadcast.lost", metric.WithDescription("Messages that a listener was too slow for, by topic."))
	return &Topic[T]{name: name, driver: d, lost: lost, label: metric.WithAttributes(attribute.String("topic", name))}, err
}

func (t *Topic[T]) of(key string) string { return t.name + "/" + key }

// Publish tells those who listen to key.
func (t *Topic[T]) Publish(ctx context.Context, key string, message T) error {
	if t == nil {
		return nil
	}
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return t.driver.Publish(ctx, t.of(key), data)
}

// Listen listens to key, with room for so many messages that were not taken yet. Whoever
// listens closes it.
func (t *Topic[T]) Listen(key string, room int) (*Listener[T], error) {
	l := &Listener[T]{room: max(1, room), stop: func() {}, more: make(chan struct{}, 1), closed: make(chan struct{}), lose: func() {}}
	if t == nil {
		return l, nil
	}
	l.lose = func() { t.lost.Add(context.Background(), 1, t.label) }
	var err error
	l.stop, err = t.driver.Listen(t.of(key), l.hear)
	return l, err
}

// A Listener gets what is published, as long as it keeps up.
type Listener[T any] struct {
	room   int
	stop   func()
	lose   func() // counts
	more   chan struct{}
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	waiting [][]byte
	lost    int64 // since the last that was taken
}

// hear keeps data, instead of the oldest if there is no room.
func (l *Listener[T]) hear(data []byte) {
	l.keep(data)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *Listener[T]) keep(data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == l.room {
		l.waiting = l.waiting[1:]
		l.lost++
		l.lose()
	}
	l.waiting = append(l.waiting, data)
}

// More gets a value when there is something for Next to return at once. It is a hint.
func (l *Listener[T]) More() <-chan struct{} { return l.more }

// Next returns the next message, and how many were lost just before it. It waits for one
// until ctx ends or the listener is closed.
func (l *Listener[T]) Next(ctx context.Context) (message T, lost int64, err error) {
	for {
		if data, lost, ok := l.take(); ok {
			err = json.Unmarshal(data, &message)
			return message, lost, err
		}
		select {
		case <-l.more:
		case <-l.closed:
			return message, 0, ErrClosed
		case <-ctx.Done():
			return message, 0, ctx.Err()
		}
	}
}

// take returns what waits, the oldest first.
func (l *Listener[T]) take() (data []byte, lost int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, 0, false
	}
	data, lost = l.waiting[0], l.lost
	l.waiting, l.lost = l.waiting[1:], 0
	return data, lost, true
}

// Close ends the listener. What waits can still be taken.
func (l *Listener[T]) Close() {
	l.once.Do(func() {
		l.stop()
		close(l.closed)
	})
}
