package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Log is the journal of a service as its topics show it to one subscriber.
type Log struct {
	server              *Server
	service, subscriber string
	topics              []string // of facts, and of commands if the subscriber wants them
	direct              *fetcher // for questions
	ahead               *ahead   // for the one who follows

	mu       sync.Mutex
	identity string // of the journal, as it was read last; ""
	knownAt  time.Time
	places   map[string]*[store.Partitions]places // by topic
	handled  map[string]*[store.Partitions]place  // how far the subscriber has come
	told     bool                                 // whether the places that were committed were asked for
	hints    map[chan struct{}]bool
}

var _ stream.Log = (*Log)(nil)

// NewLog returns the log of a service for a subscriber, with the commands in it if he wants
// those. It is to be closed.
func (s *Server) NewLog(service, subscriber string, commands bool) *Log {
	l := &Log{server: s, service: service, subscriber: subscriber, topics: []string{s.facts(service)}, direct: newFetcher(s.client),
		places: map[string]*[store.Partitions]places{}, handled: map[string]*[store.Partitions]place{}, hints: map[chan struct{}]bool{}}
	if commands {
		l.topics = append(l.topics, s.commands(service))
	}
	for _, topic := range l.topics {
		l.places[topic], l.handled[topic] = &[store.Partitions]places{}, &[store.Partitions]place{}
	}
	l.ahead = newAhead(l)
	return l
}

// Close ends what was fetched ahead, and commits how far the subscriber has come.
func (l *Log) Close() error {
	l.ahead.close()
	return nil
}

// Identity returns that of the journal that was forwarded. ErrUnseen: nothing was.
func (l *Log) Identity(ctx context.Context) (string, error) {
	l.mu.Lock()
	known, fresh := l.identity, time.Since(l.knownAt) < time.Second
	l.mu.Unlock()
	if known != "" && fresh {
		return known, nil
	}
	identity := ""
	ends, err := l.direct.bounds(ctx, l.topics...)
	if errors.Is(err, errMissing) {
		return "", fmt.Errorf("%w: nothing was forwarded to the topic %s yet", stream.ErrUnseen, l.topics[0])
	}
	if err != nil {
		return "", err
	}
	var last []want
	for topic, of := range ends {
		for p, b := range of {
			if b.end > b.start {
				last = append(last, want{topic, p, b.end - 1})
			}
		}
	}
	var strange error
	err = l.direct.all(ctx, last, ends, func(w want, r *record) {
		if identity != "" && r.Identity != identity {
			strange = fmt.Errorf("topic %s has messages of two journals, %s and %s", w.topic, identity, r.Identity)
		}
		identity = r.Identity
	})
	switch {
	case err != nil || strange != nil:
		return "", errors.Join(err, strange)
	case identity == "":
		return "", fmt.Errorf("%w: nothing was forwarded to the topic %s yet", stream.ErrUnseen, l.topics[0])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.identity, l.knownAt = identity, time.Now()
	return identity, nil
}

// Read returns what follows: what was fetched ahead for the one who follows, else what can be
// fetched now.
func (l *Log) Read(ctx context.Context, q stream.Query) ([]stream.Entry, error) {
	if len(q.From) == 0 || q.Max <= 0 {
		return nil, nil
	}
	if q.Follow {
		return l.ahead.read(q)
	}
	l.ask(ctx)
	c := newCursor(l, false)
	c.seek(q.From)
	ends, err := l.direct.bounds(ctx, l.topics...)
	if errors.Is(err, errMissing) {
		return nil, nil
	}
	for err == nil {
		c.begin(ends)
		wants, _ := c.wants()
		var left []want
		for _, w := range wants {
			if b := ends[w.topic][w.partition]; w.offset < b.end && b.start < b.end {
				left = append(left, w)
			}
		}
		entries, bad := c.take(q)
		if bad != nil || len(entries) >= q.Max || len(left) == 0 {
			return entries, bad
		}
		var answers []got
		if answers, err = l.direct.fetch(ctx, left, 0); err == nil {
			c.put(answers)
		}
	}
	return nil, err
}

// At returns the ID of the message at a place, if it was forwarded.
func (l *Log) At(ctx context.Context, partition int, seq int64) (id string, err error) {
	if seq <= 0 {
		return "", nil
	}
	if id := l.seen(partition, seq); id != "" {
		return id, nil
	}
	l.ask(ctx)
	ends, err := l.direct.bounds(ctx, l.topics...)
	if errors.Is(err, errMissing) {
		return "", stream.ErrUnseen
	}
	if err != nil {
		return "", err
	}
	var wants []want
	for _, topic := range l.topics {
		w := want{topic: topic, partition: partition, offset: ends[topic][partition].start}
		if known, ok := l.place(topic, partition, seq); ok && known.offset >= w.offset && known.offset < ends[topic][partition].end {
			w.offset = known.offset
		}
		if w.offset < ends[topic][partition].end {
			wants = append(wants, w)
		}
	}
	missing := false // the journal has nothing there that was forwarded, nor that was not
	if err := l.direct.all(ctx, wants, ends, func(_ want, r *record) {
		switch {
		case r.Seq == seq:
			id = r.Message.ID
		case r.Seq > seq && r.Before.Last() < seq && r.Before.Passed < seq:
			missing = true
		}
	}); err != nil {
		return "", err
	}
	if id == "" && !missing {
		return "", stream.ErrUnseen
	}
	return id, nil
}

// seen returns the ID of a message that was read and handled, as long as its topic is fetched
// from and is the one that it was.
func (l *Log) seen(partition int, seq int64) string {
	if !l.ahead.works() {
		return ""
	}
	for _, topic := range l.topics {
		if p, ok := l.place(topic, partition, seq); ok && p.seq == seq && p.seen {
			return p.id
		}
	}
	return ""
}

// exact is up to how many records Behind reads to count them; of more it tells how many
// there are at most.
const exact = 4096

// Behind counts what follows positions. Messages that were forwarded twice may count twice
// where there are many, or where another instance reads.
func (l *Log) Behind(ctx context.Context, from []store.Position) (n int64, err error) {
	l.ask(ctx)
	ends, err := l.direct.bounds(ctx, l.topics...)
	if errors.Is(err, errMissing) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var near []store.Position
	for _, at := range from {
		if fetched, ok := l.ahead.behind(at, ends); ok {
			n += fetched
			continue
		}
		records := int64(0)
		for _, topic := range l.topics {
			b := ends[topic][at.Partition]
			if known, ok := l.place(topic, at.Partition, at.Seq); ok && known.offset >= b.start && known.offset < b.end {
				b.start = known.offset + 1
			}
			records += b.end - b.start
		}
		if records == 0 {
			continue
		}
		if n += records; records <= exact {
			n -= records
			near = append(near, at)
		}
	}
	if len(near) == 0 {
		return n, nil
	}
	entries, err := l.Read(ctx, stream.Query{From: near, Max: exact * len(near), Want: func(string) bool { return false }})
	for _, e := range entries {
		if e.Class != message.Audit {
			n++
		}
	}
	return n, err
}

// Watch returns hints that something was fetched.
func (l *Log) Watch() (hint <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hints[c] = true
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.hints, c)
	}
}

// hint tells those who watch.
func (l *Log) hint() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.hints {
		select {
		case c <- struct{}{}:
		default: // one is there already
		}
	}
}

// known is the identity of the journal as it was read last.
func (l *Log) known() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.identity
}

// unknow has the identity read anew.
func (l *Log) unknow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.identity = ""
}
