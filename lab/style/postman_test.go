package style

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A postman hands over the messages about some keys, one at a time: of each log in its
// order, and among the logs as the seed has it.
type postman struct {
	*world
	keys    []string
	stopped string // the service that gets nothing
	rand    *rand.Rand
	read    map[post]map[string]int64 // how far, of each key
	refused map[string]int            // letters that came back, by what they were
	steps   int                       // letters handed over
	heard   map[string]bool           // the kinds that the order was told
	doubles bool                      // half of the letters come twice
	again   []letter                  // those that are to come again
	hurry   bool                      // the last of these at once
	twice   int                       // those that did
}

// A post is where a service hears of a log.
type post struct{ service, log string }

// A letter is a message on its way to a service: a fact of a log, or a job.
type letter struct {
	to  service
	at  post
	seq int64
	job bool
	old bool // it was handed over before
	message.Message
}

// maxRefused is how often a service may say that a letter comes too early.
const maxRefused = 1000

var errStuck = errors.New("a letter comes back again and again")

// deliver hands letters over until there are no more, or limit have been; -1 is no limit.
func (p *postman) deliver(ctx context.Context, limit int) error {
	for limit != 0 {
		letters, err := p.letters(ctx)
		if err == nil && len(letters) == 0 {
			if err = p.settled(ctx); err == nil {
				letters, err = p.letters(ctx)
			}
		}
		if err != nil || len(letters) == 0 {
			return err
		}
		l := letters[p.rand.IntN(len(letters))]
		if p.hurry {
			l, p.hurry = p.again[len(p.again)-1], false
		}
		if l.job {
			err = p.work(ctx, l)
		} else {
			err = p.tell(ctx, l)
		}
		if err != nil {
			what := l.to.db.Service() + " " + l.Kind
			if p.refused[what]++; p.refused[what] > maxRefused {
				return fmt.Errorf("%w: %s: %w", errStuck, what, err)
			}
			continue
		}
		if l.old {
			p.again = slices.DeleteFunc(p.again, l.same)
			p.twice++
			continue
		}
		p.steps++
		limit--
		p.double(l)
	}
	return nil
}

// double decides whether a letter that was handed over comes again: at once, before anything
// else, or later. Of a job that is its call: a worker that has lost its lease may still call,
// and what it hears is dropped. A mail is sent as often as it is called for, and no key
// tells its server that it is the same.
func (p *postman) double(l letter) {
	if !p.doubles || l.job && l.to.db.Service() == "notification" || p.rand.IntN(2) == 0 {
		return
	}
	l.old = true
	p.again, p.hurry = append(p.again, l), p.rand.IntN(2) == 0
}

// same reports whether two letters say the same to the same.
func (l letter) same(other letter) bool {
	return l.to.db == other.to.db && l.job == other.job && l.ID == other.ID
}

// letters are those that could be handed over next: the first of each log for each service,
// each job but deadlines, and those that come once more.
func (p *postman) letters(ctx context.Context) (all []letter, err error) {
	for _, l := range p.again {
		if l.to.db.Service() != p.stopped {
			all = append(all, l)
		}
	}
	for i := range p.services {
		from := &p.services[i]
		for _, key := range p.keys {
			facts, err := p.logs[i].of(ctx, from.db, key)
			if err != nil {
				return nil, err
			}
			all = append(all, p.facts(from.db.Service(), facts)...)
			if from.db.Service() == p.stopped || len(from.queues) == 0 {
				continue
			}
			jobs, err := p.jobs(ctx, *from, key)
			if err != nil {
				return nil, err
			}
			all = append(all, jobs...)
		}
	}
	return all, nil
}

// settled waits until all that was said about the keys can be read: on PostgreSQL, somebody
// else's older transaction may still be in the way.
func (p *postman) settled(ctx context.Context) error {
	for _, from := range p.services {
		for _, key := range p.keys {
			var top, upto int64
			err := from.db.View(ctx, func(tx *store.Tx) error {
				_, err := tx.Row([]any{&top}, `SELECT COALESCE(MAX(seq), 0) FROM journal WHERE partition = $1`, store.Partition(key))
				return err
			})
			for err == nil && upto < top {
				upto, err = from.db.Settled(ctx)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// A log is the journal of a service as far as it was read, by key.
type log struct {
	mu   sync.Mutex
	upto int64
	keys map[string][]stream.Entry
}

// of returns all facts about a key that are committed.
func (l *log) of(ctx context.Context, db *store.DB, key string) ([]stream.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	settled, err := db.Settled(ctx)
	if err != nil || settled == l.upto {
		return l.keys[key], err
	}
	var more []stream.Entry
	err = db.View(ctx, func(tx *store.Tx) error {
		more = nil
		return tx.Rows(`SELECT seq, key, id, kind, version, time, cause, trace, body FROM journal WHERE seq > $1 AND seq <= $2 ORDER BY seq`,
			[]any{l.upto, settled}, func(scan func(...any) error) error {
				var e stream.Entry
				err := scan(&e.Seq, &e.Key, &e.Message.ID, &e.Kind, &e.Version, &e.Time, &e.Cause, &e.Trace, &e.Body)
				more = append(more, e)
				return err
			})
	})
	if err != nil {
		return nil, err
	}
	for _, e := range more {
		l.keys[e.Key] = append(l.keys[e.Key], e)
	}
	l.upto = settled
	return l.keys[key], nil
}

// facts are the first of a log that each service has still to hear.
func (p *postman) facts(name string, of []stream.Entry) (all []letter) {
	for _, to := range p.services {
		at := post{to.db.Service(), name}
		if at.service == p.stopped {
			continue
		}
		for _, e := range of {
			if e.Seq > p.read[at][e.Key] && to.handler(name, e.Kind) != nil {
				all = append(all, letter{to: to, at: at, seq: e.Seq, Message: e.Message})
				break
			}
		}
	}
	return all
}

// handler is what a service does with a kind of fact; nil for nothing.
func (s service) handler(log, kind string) *stream.Handler {
	i := slices.IndexFunc(s.streams, func(h stream.Handler) bool { return h.Log == log && h.Kind == kind })
	if i < 0 {
		return nil
	}
	return &s.streams[i]
}

// deadlines are the jobs that do not come due here.
var deadlines = []string{"expire", "overdue"}

func (p *postman) jobs(ctx context.Context, of service, key string) (all []letter, err error) {
	err = of.db.View(ctx, func(tx *store.Tx) error {
		all = nil
		return tx.Rows(`SELECT id, kind, time, cause, trace, body FROM job WHERE key = $1 AND dead = 0 ORDER BY due, id`, []any{key}, func(scan func(...any) error) error {
			l := letter{to: of, job: true, Message: message.Message{Key: key}}
			err := scan(&l.ID, &l.Kind, &l.Time, &l.Cause, &l.Trace, &l.Body)
			if !slices.Contains(deadlines, l.Kind) {
				all = append(all, l)
			}
			return err
		})
	})
	return all, err
}

// tell hands over a fact.
func (p *postman) tell(ctx context.Context, l letter) error {
	_, err := l.to.db.Update(ctx, p.keys, func(tx *store.Tx) error { return l.to.handler(l.at.log, l.Kind).Handle(ctx, tx, l.Message) })
	if err != nil || l.old {
		return err
	}
	if p.read[l.at] == nil {
		p.read[l.at] = map[string]int64{}
	}
	p.read[l.at][l.Key] = l.seq
	if l.at.service == "order" {
		p.heard[l.Kind] = true
	}
	return nil
}

// work hands over a job: the call, then what came of it with the acknowledgement.
func (p *postman) work(ctx context.Context, l letter) error {
	for _, h := range l.to.queues {
		if h.Kind != l.Kind {
			continue
		}
		outcome, err := h.Call(ctx, l.Message)
		if err != nil || l.old {
			return err
		}
		_, err = l.to.db.Update(ctx, p.keys, func(tx *store.Tx) error {
			if err := tx.Exec(`DELETE FROM job WHERE id = $1`, l.ID); err != nil {
				return err
			}
			return h.Record(ctx, tx, l.Message, outcome)
		})
		return err
	}
	return fmt.Errorf("nobody does %s", l.Kind)
}
