package postgres

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// hints are what processes on one database tell each other. A NOTIFY takes a lock of the
// whole server until its commit, so that it is in no change, but in a transaction of its own
// a moment later, for all that was committed meanwhile. One connection listens.
//
// Behind a pooler nothing listens and nothing is told.
type hints struct {
	server *Server

	mu      sync.Mutex
	begun   bool
	stop    context.CancelFunc
	running sync.WaitGroup
	self    string // who need not be told
	news    map[string]bool
	wake    chan struct{}
	ears    map[string][]ear // by schema
	hearing bool
}

// An ear is a driver that hears.
type ear struct {
	d    *Driver
	hint func(topics []string)
}

const (
	channel = "tidewire"
	// tellPause is between two NOTIFYs of a process, however much it commits.
	tellPause = 20 * time.Millisecond
	// hearTime is how long nothing may be heard until the connection is tried.
	hearTime = 10 * time.Second
	// payload is how long a NOTIFY may be.
	payload = 7000
)

// Tell sends the topics to the other processes on this database.
func (d *Driver) Tell(topics []string) { d.server.hints.tell(d.schema, topics) }

// Hear begins to listen, if nobody of this process has.
func (d *Driver) Hear(hint func(topics []string)) { d.server.hints.hear(d, hint) }

// Hearing reports whether the connection that listens does.
func (d *Driver) Hearing() bool {
	h := &d.server.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hearing
}

func (h *hints) hear(d *Driver, hint func([]string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.server.pooled {
		return
	}
	if !h.begun {
		h.begun = true
		ctx, cancel := context.WithCancel(context.Background())
		h.stop, h.self, h.wake = cancel, uuid.NewString(), make(chan struct{}, 1)
		h.news, h.ears = map[string]bool{}, map[string][]ear{}
		h.running.Go(func() { h.listen(ctx) })
		h.running.Go(func() { h.notify(ctx) })
	}
	h.ears[d.schema] = append(h.ears[d.schema], ear{d, hint})
}

func (h *hints) forget(schema string, d *Driver) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.begun {
		h.ears[schema] = slices.DeleteFunc(h.ears[schema], func(e ear) bool { return e.d == d })
	}
}

func (h *hints) close() {
	h.mu.Lock()
	stop := h.stop
	h.mu.Unlock()
	if stop != nil {
		stop()
		h.running.Wait()
	}
}

func (h *hints) tell(schema string, topics []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun {
		return
	}
	for _, topic := range topics {
		h.news[schema+" "+topic] = true
	}
	select {
	case h.wake <- struct{}{}:
	default: // it is awake
	}
}

// notify tells what there is to tell, and then rests.
func (h *hints) notify(ctx context.Context) {
	pause := time.NewTicker(tellPause)
	defer pause.Stop()
	for {
		select {
		case <-h.wake:
		case <-ctx.Done():
			return
		}
		h.send(ctx)
		pause.Reset(tellPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// send tells all news at once. What cannot be told now, others find by looking.
func (h *hints) send(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	batch := &pgx.Batch{}
	for _, text := range h.texts() {
		batch.Queue(`SELECT pg_notify($1, $2)`, channel, text)
	}
	if err := h.server.pool.SendBatch(ctx, batch).Close(); err != nil {
		slog.DebugContext(ctx, "other instances could not be told where to look", "error", err)
	}
}

// texts are the news, as NOTIFY takes them: who tells, and schema and topic, a line each.
func (h *hints) texts() (texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := h.self
	for line := range h.news {
		if len(text)+len(line) > payload {
			texts, text = append(texts, text), h.self
		}
		text += "\n" + line
	}
	clear(h.news)
	return append(texts, text)
}

// listen has a connection that listens, whenever there can be one.
func (h *hints) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := h.attend(ctx)
		h.heard(false)
		if ctx.Err() == nil {
			slog.DebugContext(ctx, "nothing is heard from other instances: they are asked more often", "error", err)
			_ = h.server.away(err)
			_ = h.server.rest.wait(ctx)
		}
	}
}

// attend listens until the connection ends.
func (h *hints) attend(ctx context.Context) error {
	c, err := pgx.ConnectConfig(ctx, h.server.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTime)
		defer cancel()
		_ = c.Close(ctx)
	}()
	if err := h.server.inspect(ctx, c); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `LISTEN `+channel); err != nil {
		return err
	}
	h.heard(true)
	for {
		if err := h.one(ctx, c); err != nil {
			return err
		}
	}
}

// one waits for something to be told, and tries the connection now and then.
func (h *hints) one(ctx context.Context, c *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, hearTime)
	defer cancel()
	n, err := c.WaitForNotification(waiting)
	switch {
	case err == nil:
		h.give(n.Payload)
	case ctx.Err() == nil && waiting.Err() != nil:
		trying, cancel := context.WithTimeout(ctx, changeTime)
		defer cancel()
		return c.Ping(trying)
	}
	return err
}

func (h *hints) heard(now bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hearing = now
}

// give passes on what another process tells.
func (h *hints) give(text string) {
	lines := strings.Split(text, "\n")
	if lines[0] == h.self {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, line := range lines[1:] {
		schema, topic, _ := strings.Cut(line, " ")
		for _, e := range h.ears[schema] {
			e.hint([]string{topic})
		}
	}
}
