package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"go.opentelemetry.io/otel/metric"
)

// hands are who hands out work and carries questions: a RabbitMQ, or nobody but the tables
// and this process. The zero value is nobody.
type hands struct {
	server    *rabbitmq.Server
	queues    map[string]*rabbitmq.Driver // by service
	questions *rabbitmq.Questions
}

// openHands reaches the server at url, if there is one, for the queues of tables.
func openHands(url string, tables map[string]queue.Table, meter metric.Meter) (h hands, err error) {
	if url == "" {
		return h, nil
	}
	if h.server, err = rabbitmq.Connect(rabbitmq.Config{URL: url, Meter: meter}); err != nil {
		return h, fmt.Errorf("queues: %w", err)
	}
	h.queues = map[string]*rabbitmq.Driver{}
	for service, table := range tables {
		h.queues[service] = h.server.Queues(table)
	}
	h.questions = h.server.Questions(0)
	return h, nil
}

// of is the driver for the queues of a table.
func (h hands) of(service string, table queue.Table) queue.Driver {
	if d := h.queues[service]; d != nil {
		return d
	}
	return table
}

// carrier is the driver for questions.
func (h hands) carrier() request.Driver {
	if h.questions != nil {
		return h.questions
	}
	return &request.Local{}
}

// exchanges names the relays whose positions are those of the exchanges.
const exchanges = "rabbitmq"

// look has the operators' desk look at the server.
func (h hands) look(d *operate.Desk) {
	if h.server != nil {
		d.Forwards = append(d.Forwards, exchanges)
	}
	d.Checks = append(d.Checks, h.findings)
}

// relays tell the public facts of a service to whoever binds a queue to its exchange.
func (h hands) relays(db *store.DB, log stream.Log, process *run.Process) (parts []func(context.Context) error) {
	if h.server == nil {
		return nil
	}
	return append(parts, (&stream.Relay{DB: db, Log: log, To: exchanges, Sink: h.server.Events(db.Service()), Process: process}).Run)
}

// findings says what the server cannot be used for. That is no reason to take no orders: they
// go on without it.
func (h hands) findings(context.Context) (found []operate.Finding, err error) {
	const do = "work goes on from the database meanwhile; see the log of RabbitMQ, and the key queues"
	if h.server == nil {
		return nil, nil
	}
	if err := h.server.Ready(); err != nil {
		return []operate.Finding{{What: err.Error(), Where: "queues", Do: do}}, nil
	}
	for _, d := range h.queues {
		for _, t := range d.Troubles() {
			found = append(found, operate.Finding{What: t.Err.Error(), Where: "queue " + t.Queue, Do: do})
		}
	}
	return found, nil
}

// reachable returns why the server at url cannot be used.
func reachable(url string) error {
	server, err := rabbitmq.Connect(rabbitmq.Config{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(server.Ready(), server.Close())
}

// close comes before the databases close: forwarders read them.
func (h hands) close() error {
	if h.server == nil {
		return nil
	}
	for _, d := range h.queues {
		d.Close()
	}
	h.questions.Close()
	return h.server.Close()
}
