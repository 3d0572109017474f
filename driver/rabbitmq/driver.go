package rabbitmq

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Driver has the server hand out the work of one service. Leases, verdicts and counts are
// those of the table: a message is out from Take on.
type Driver struct {
	queue.Table
	server *Server
	ctx    context.Context // of the lines; it ends with Close
	cancel context.CancelFunc
	parts  sync.WaitGroup
	dead   chan queue.Verdict // on their way to where the server shows them

	mu    sync.Mutex
	lines map[string]*line
}

var _ queue.Driver = (*Driver)(nil)

// Queues returns the driver for the queues of a table. Whoever made it closes it.
func (s *Server) Queues(t queue.Table) *Driver {
	ctx, cancel := context.WithCancel(context.Background())
	d := &Driver{Table: t, server: s, ctx: ctx, cancel: cancel, dead: make(chan queue.Verdict, mourned), lines: map[string]*line{}}
	d.parts.Go(d.mirror)
	return d
}

// Close ends what the driver does by itself. What it has received and nobody took goes to
// others.
func (d *Driver) Close() {
	d.cancel()
	d.parts.Wait()
}

// Receive returns messages that the server has handed to this process. The first call for a
// queue begins to listen.
func (d *Driver) Receive(ctx context.Context, name string, most int) ([]queue.Delivery, error) {
	l := d.line(name)
	if l.stuck() {
		return d.Table.Receive(ctx, name, most)
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	batch := l.pop(most)
	suspects := l.suspects.Swap(false)
	if len(batch) == 0 && !suspects {
		return nil, nil
	}
	got, err := l.take(ctx, batch, most, suspects)
	if err != nil {
		l.unpop(batch)
		l.suspects.Store(suspects)
		return nil, err
	}
	l.acknowledge(batch)
	return got, nil
}

// Confirm shows the dead where the server's own console shows messages.
func (d *Driver) Confirm(ctx context.Context, verdicts []queue.Verdict) error {
	for _, v := range verdicts {
		if v.Next.Dead {
			d.show(ctx, v)
		}
	}
	return nil
}

// A Trouble is a queue that the server is of no use for now: its messages are taken from the
// table.
type Trouble struct {
	Queue string
	Err   error
}

// Troubles returns those that there are.
func (d *Driver) Troubles() (all []Trouble) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.lines)) {
		if err := d.lines[name].troubled(); err != nil {
			all = append(all, Trouble{name, err})
		}
	}
	return all
}

// line returns the line of a queue, which begins with the first call.
func (d *Driver) line(name string) *line {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lines[name]
	if l == nil {
		l = &line{Driver: d, name: name, at: d.server.prefix + name, sent: map[string]time.Time{}, wanted: make(chan struct{}, 1)}
		d.lines[name] = l
		d.parts.Go(func() { l.listen(d.ctx) })
		d.parts.Go(func() { l.forward(d.ctx) })
	}
	return l
}

// take gives messages to whoever receives, in one change that also takes in those that have no
// row yet.
func (l *line) take(ctx context.Context, batch []arrival, most int, suspects bool) (got []queue.Delivery, err error) {
	_, err = l.DB.Background().Update(ctx, nil, func(tx *store.Tx) (err error) {
		l.clock(tx.Now)
		ids := make([]string, len(batch))
		for i, a := range batch {
			if ids[i], err = l.known(tx, a); err != nil {
				return err
			}
		}
		if got, err = l.Take(tx, l.name, ids); err != nil || !suspects || len(got) == most {
			return err
		}
		alone, err := l.TakeSuspect(tx, l.name)
		got = append(got, alone...)
		return err
	})
	return got, err
}
