package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ahead fetches for a reader what follows what it has, in the background, as long as there is
// room: on a connection of its own, for a fetch that waits holds up what comes behind it.
type ahead struct {
	log     *Log
	fetcher *fetcher      // from start on
	kick    chan struct{} // there is more to fetch

	mu      sync.Mutex
	cursor  *cursor
	asked   map[int]time.Time // when a partition was, last
	fetched time.Time         // when that last went well
	err     error             // why nothing is fetched now
	cancel  context.CancelFunc
	done    chan struct{} // nil: it has not begun
	closed  bool
}

const (
	fetchWait   = 500 * time.Millisecond // for something to come
	roomWait    = 10 * time.Millisecond  // the same, while a lane is full
	abandoned   = 10 * time.Second       // after which what nobody asks for is not fetched any more
	commitPause = 5 * time.Second
	patience    = 5 * time.Second // with brokers that are between two leaders
)

func newAhead(l *Log) *ahead {
	return &ahead{log: l, kick: make(chan struct{}, 1), cursor: newCursor(l, true), asked: map[int]time.Time{}}
}

// read returns what was fetched of what follows, at once.
func (a *ahead) read(q stream.Query) ([]stream.Entry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start()
	now := time.Now()
	for _, at := range q.From {
		a.asked[at.Partition] = now
	}
	for p, last := range a.asked {
		if now.Sub(last) > abandoned {
			delete(a.asked, p)
			delete(a.cursor.parts, p)
		}
	}
	moved := a.cursor.seek(q.From)
	entries, err := a.cursor.take(q)
	if moved || len(entries) > 0 || err != nil {
		select {
		case a.kick <- struct{}{}:
		default:
		}
	}
	if err != nil { // what was taken for one journal is two: both are read anew
		clear(a.cursor.parts)
		return nil, err
	}
	if len(entries) == 0 {
		return nil, a.err
	}
	return entries, nil
}

// behind counts what follows a position of a partition that is fetched.
func (a *ahead) behind(at store.Position, ends map[string][store.Partitions]bound) (n int64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.cursor.parts[at.Partition]
	if p == nil || time.Since(a.asked[at.Partition]) > abandoned/2 {
		return 0, false
	}
	n = p.count(at.Seq)
	for _, l := range p.lanes {
		end := ends[l.topic][at.Partition].end
		if !l.begun || l.next > end || l.from != (place{}) {
			return 0, false
		}
		n += end - l.next
	}
	return n, true
}

// works reports whether what is fetched comes.
func (a *ahead) works() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done != nil && !a.closed && a.err == nil && time.Since(a.fetched) < 2*fetchWait && len(a.cursor.ids) > 0
}

// start begins to fetch when somebody reads first. a.mu is held.
func (a *ahead) start() {
	if a.done != nil || a.closed {
		return
	}
	client, err := kgo.NewClient(a.log.server.options()...)
	if err != nil {
		a.err = err
		return
	}
	a.fetcher = newFetcher(client)
	ctx, cancel := context.WithCancel(context.Background())
	a.fetched = time.Now()
	a.cancel, a.done = cancel, make(chan struct{})
	go func() {
		defer close(a.done)
		a.run(ctx)
	}()
}

// close ends it, and waits for its end.
func (a *ahead) close() {
	a.mu.Lock()
	a.closed = true
	done := a.done
	if a.cancel != nil {
		a.cancel()
	}
	a.mu.Unlock()
	if done != nil {
		<-done
		a.fetcher.client.Close()
	}
}

// run fetches until ctx is done, and then tells Kafka how far the subscriber has come.
func (a *ahead) run(ctx context.Context) {
	idle := run.NewIdler(true)
	committed := map[string][store.Partitions]place{}
	commitAt := time.Now().Add(commitPause)
	for ctx.Err() == nil {
		fetched, err := a.round(ctx)
		a.note(fetched, err)
		switch {
		case err != nil:
			a.fetcher.forget()
			idle.Wait(ctx, nil)
		case !fetched:
			idle.Wait(ctx, a.kick)
		default:
			idle.Reset()
		}
		if time.Now().After(commitAt) {
			a.log.commit(ctx, committed)
			commitAt = time.Now().Add(commitPause)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	a.log.commit(last, committed)
}

// note keeps what became of a round, for those who read. That a partition has another leader,
// or none for a moment, is nobody's affair.
func (a *ahead) note(fetched bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if fetched && err == nil {
		a.fetched = time.Now()
	}
	a.err = err
	if kerr.IsRetriable(err) && time.Since(a.fetched) < patience {
		a.err = nil
	}
}

// round fetches once, and reports whether there was anything to fetch from.
func (a *ahead) round(ctx context.Context) (fetched bool, err error) {
	a.mu.Lock()
	waiting := a.cursor.waiting()
	a.mu.Unlock()
	if waiting {
		a.log.ask(ctx)
		has, err := a.fetcher.bounds(ctx, a.log.topics...)
		if errors.Is(err, errMissing) {
			return false, fmt.Errorf("%w: there is no topic %s yet", stream.ErrUnseen, a.log.topics[0])
		}
		if err != nil {
			return false, err
		}
		a.mu.Lock()
		a.cursor.begin(has)
		a.mu.Unlock()
	}
	a.mu.Lock()
	wants, full := a.cursor.wants()
	a.mu.Unlock()
	if len(wants) == 0 {
		return false, nil
	}
	wait := fetchWait
	if full {
		wait = roomWait
	}
	answers, err := a.fetcher.fetch(ctx, wants, wait)
	a.mu.Lock()
	any := a.cursor.put(answers)
	a.mu.Unlock()
	if any {
		a.log.hint()
	}
	return true, err
}
