package rabbitmq

import (
	"context"
	"errors"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	// window is how many messages of a queue the server has at a time: a backlog stays in the
	// table, where its age can be seen. The server never has to hold more than this.
	window = 1024
	// resend is after what time a message is sent once more that was stored by the server and
	// taken by nobody: it may be lost with it.
	resend = 5 * time.Second
	// overlap covers changes that commit in another order than they began.
	overlap = 200 * time.Millisecond
	sweep   = 250 * time.Millisecond
	// retry is how long a queue that took nothing is left alone when there is nothing to send.
	retry = 30 * time.Second
)

// forward publishes what is due, the longest due first. It decides nothing: what it publishes
// twice is taken once.
func (l *line) forward(ctx context.Context) {
	hint, unwatch := l.DB.Watch(l.name)
	defer unwatch()
	p := &publisher{server: l.server}
	idle := run.NewIdler(l.DB.Alone()).AtMost(2 * sweep)
	var swept, seen time.Time
	var pace run.Pacer
	for ctx.Err() == nil {
		pace.Next()
		begun := time.Now()
		w := queue.Window{Most: window}
		full := time.Since(swept) >= sweep
		if !full {
			w.After = seen.Add(-overlap)
		}
		due, err := l.due(ctx, w, full)
		if err != nil {
			idle.Wait(ctx, nil) // the worker complains of its database
			continue
		}
		if full {
			swept = begun
			l.gone(due, begun)
		}
		next := l.unsent(due)
		for _, d := range next {
			if d.Due.After(seen) {
				seen = d.Due
			}
		}
		switch {
		case len(next) == 0:
			l.probe(ctx, p)
			idle.Wait(ctx, hint)
		case l.send(ctx, p, next):
			idle.Reset()
			pace.Done(len(next), len(next) == together)
		default:
			swept = time.Time{}
			idle.Wait(ctx, nil)
		}
	}
	if p.ch != nil {
		l.server.out.abandon(p.ch)
	}
}

// probe looks, where there is nothing to send, whether the server can be used: else nobody would
// find out that it is back. Whether a queue takes messages shows only when one is sent; that is
// tried again after a while.
func (l *line) probe(ctx context.Context, p *publisher) {
	err := p.open()
	if l.server.out.blocked.Load() {
		err = errBlocked
	}
	l.mu.Lock()
	failed, since := l.sending.err, l.sending.since
	l.mu.Unlock()
	refused := errors.Is(failed, errNacked) || errors.Is(failed, errTimeout) || errors.Is(failed, errReturned)
	if err != nil || failed != nil && (!refused || time.Since(since) > retry) {
		l.note(ctx, &l.sending, err)
	}
}

// due reads what could be handed out now, by the clock of the database, and whether there are
// suspects: those do not leave the table.
func (l *line) due(ctx context.Context, w queue.Window, full bool) (due []queue.Delivery, err error) {
	if l.ahead.Load() == 0 {
		_, err := l.DB.Background().Update(ctx, nil, func(tx *store.Tx) error { l.clock(tx.Now); return nil })
		if err != nil {
			return nil, err
		}
	}
	w.Now = time.Now().Add(time.Duration(l.ahead.Load()))
	if due, err = l.Due(ctx, l.name, w); err != nil || !full {
		return due, err
	}
	suspects, err := l.Suspects(ctx, l.name, w.Now)
	if suspects {
		l.suspects.Store(true)
		l.DB.Hint(l.name)
	}
	return due, err
}

// clock notes what the database's clock says.
func (l *line) clock(now time.Time) {
	l.ahead.Store(int64(time.Until(now)) | 1) // never zero: that is not known
}

// gone forgets what was sent before a look at all that is due, and was not found there: it is
// taken. So does it with what nobody has taken for too long.
func (l *line) gone(due []queue.Delivery, looked time.Time) {
	waits := make(map[string]bool, len(due))
	for _, d := range due {
		waits[d.ID] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.sent {
		if at.Before(looked) && (!waits[id] || looked.Sub(at) > resend) {
			delete(l.sent, id)
		}
	}
}

// unsent are those of due that the server does not have, as far as is known, and that there is
// room for.
func (l *line) unsent(due []queue.Delivery) (next []queue.Delivery) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range due {
		if _, there := l.sent[d.ID]; there {
			continue
		}
		if len(next) == together || len(l.sent) == window {
			break
		}
		l.sent[d.ID] = now
		next = append(next, d)
	}
	return next
}

// send publishes messages, and reports whether all are stored by the server. Others are sent
// again: their rows wait.
func (l *line) send(ctx context.Context, p *publisher, next []queue.Delivery) (stored bool) {
	msgs := make([]amqp.Publishing, len(next))
	for i, d := range next {
		msgs[i] = written(l.DB.Service(), d.Message)
	}
	var failed error
	began := time.Now()
	errs := p.publish(ctx, l.at, msgs)
	l.mu.Lock()
	for i, err := range errs {
		if err != nil {
			failed = err
			delete(l.sent, next[i].ID)
			l.server.meters.failed(l.name, err)
		}
	}
	if failed != nil && l.sending.since.IsZero() {
		l.sending.since = began // who is not answered has waited already
	}
	l.mu.Unlock()
	l.note(ctx, &l.sending, failed)
	return failed == nil
}
