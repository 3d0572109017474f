package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/kafka"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// forwarded names the relays whose positions are those of Kafka.
const forwarded = "kafka"

// topics are what services follow each other through, where that is not the journals. Nil
// are none.
type topics struct {
	server *kafka.Server
	open   []io.Closer
}

// openTopics opens the Kafka that is configured, if any. One that does not answer yet is
// waited for; one that will never do is an error.
func openTopics(ctx context.Context, c config.Config) (*topics, error) {
	if c.Streams == "" {
		return nil, nil
	}
	server, err := kafka.Open(c.Streams)
	if err != nil {
		return nil, fmt.Errorf("streams: %w", err)
	}
	t := &topics{server: server}
	switch err := server.Check(ctx); {
	case errors.Is(err, kafka.ErrRefused):
		return nil, errors.Join(fmt.Errorf("streams: %w", err), t.close())
	case err != nil:
		slog.WarnContext(ctx, "services do not hear of each other yet: Kafka does not answer", "error", err)
	}
	return t, nil
}

func (t *topics) close() error {
	if t == nil {
		return nil
	}
	var errs []error
	for _, one := range t.open {
		errs = append(errs, one.Close())
	}
	t.server.Close()
	return errors.Join(errs...)
}

// follow returns the log that a member reads of a service: its topics, or its journal where
// there are none. Its own it always reads at home.
func (p *platform) follow(m member, log string) stream.Log {
	if p.topics == nil || log == m.name() {
		return p.logs[log]
	}
	commands := slices.ContainsFunc(m.streams, func(h stream.Handler) bool { return h.Log == log && h.Command })
	l := p.topics.server.NewLog(log, m.name(), commands)
	p.topics.open = append(p.topics.open, l)
	return l
}

// relays forward the journal of a member, if others follow it.
func (p *platform) relays(m member) (parts []func(context.Context) error) {
	if !p.forwards(m) {
		return nil
	}
	sink := p.topics.server.NewSink(m.name())
	p.topics.open = append(p.topics.open, sink)
	r := &stream.Relay{DB: m.db, Log: p.logs[m.name()], To: forwarded, Sink: sink, Process: p.process}
	return append(parts, r.Run)
}

// forwards reports whether the journal of a member is forwarded.
func (p *platform) forwards(m member) bool {
	return p.topics != nil && slices.ContainsFunc(p.members, func(o member) bool { return o.name() != m.name() && slices.Contains(o.logs(), m.name()) })
}

// keepers are the databases with positions of what forwards the journal of a service: what is
// still to be forwarded is not deleted.
func (p *platform) keepers(log string) (all []*store.DB) {
	for _, m := range p.members {
		if m.name() == log && p.forwards(m) {
			all = append(all, m.db)
		}
	}
	return all
}

// look has the operators' desk look at the topics.
func (t *topics) look(d *operate.Desk) {
	if t == nil {
		return
	}
	d.Forwards = append(d.Forwards, forwarded)
	d.Ready = append(d.Ready, operate.Check{Name: "streams", Works: t.server.Check})
}
