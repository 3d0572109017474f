package broadcast

import (
	"context"
	"slices"
	"sync"
)

// A Local is the Driver for one process. The zero value is ready to use.
type Local struct {
	mu      sync.RWMutex
	hearers map[string][]*hearer // by topic
}

type hearer struct{ hear func([]byte) }

var _ Driver = (*Local)(nil)

// Publish calls whoever listens. A topic of nobody costs a look.
func (l *Local) Publish(_ context.Context, topic string, data []byte) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, h := range l.hearers[topic] {
		h.hear(data)
	}
	return nil
}

// Listen adds a listener.
func (l *Local) Listen(topic string, hear func([]byte)) (stop func(), err error) {
	h := &hearer{hear}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hearers == nil {
		l.hearers = map[string][]*hearer{}
	}
	l.hearers[topic] = append(slices.Clone(l.hearers[topic]), h)
	return func() { l.leave(topic, h) }, nil
}

func (l *Local) leave(topic string, h *hearer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(l.hearers[topic]), func(o *hearer) bool { return o == h })
	if l.hearers[topic] = rest; len(rest) == 0 {
		delete(l.hearers, topic)
	}
}
