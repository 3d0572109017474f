package rabbitmq

import (
	"context"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// Events tells the public facts of a service to a fanout exchange, service.events, to which
// anybody can bind a queue. An exchange keeps nothing: a queue gets what is said while it is
// bound, each fact at least once, those of a key in their order.
type Events struct {
	service string
	publisher
}

var _ stream.Sink = (*Events)(nil)

// Events returns the sink for the facts of a service. It is used by one goroutine.
func (s *Server) Events(service string) *Events {
	return &Events{service: service, publisher: publisher{server: s, unheard: true, exchange: s.prefix + service + ".events"}}
}

// Send publishes the public facts among all. Every bound queue has stored them when it returns
// nil.
func (e *Events) Send(ctx context.Context, all []stream.Forwarded) error {
	var msgs []amqp.Publishing
	for _, f := range all {
		if f.Class == message.Public {
			msgs = append(msgs, e.told(f))
		}
	}
	for some := range slices.Chunk(msgs, together) {
		for _, err := range e.publish(ctx, "", some) {
			if err != nil {
				e.server.meters.failed(e.exchange, err)
				return err
			}
		}
	}
	return nil
}

// told is a fact as it is told: with its place in the journal, so that whoever hears one twice
// can drop it.
func (e *Events) told(f stream.Forwarded) amqp.Publishing {
	p := amqp.Publishing{Headers: amqp.Table{}, ContentType: "application/json", DeliveryMode: amqp.Persistent,
		Timestamp: f.Time, AppId: "tidewire", MessageId: f.Message.ID, Type: f.Kind, Body: f.Body}
	attributes(p.Headers, f.Message, cloudevent.Origin{Source: cloudevent.Source(e.service), Seq: f.Seq})
	return p
}
