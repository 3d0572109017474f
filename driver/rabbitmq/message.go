package rabbitmq

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
	"github.com/tidewire/tidewire/toolkit/inbox"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
)

// ours is the header that names the row that a message is a copy of.
const ours = "tidewire-row"

// short is how long a property may be.
const short = 255

// written is a message as any client of RabbitMQ can read it.
func written(service string, m message.Message) amqp.Publishing {
	p := amqp.Publishing{Headers: amqp.Table{ours: m.ID}, ContentType: "application/json", DeliveryMode: amqp.Persistent,
		Timestamp: m.Time, AppId: "tidewire", Body: m.Body}
	if len(m.ID) <= short {
		p.MessageId = m.ID
	}
	if len(m.Kind) <= short {
		p.Type = m.Kind
	}
	attributes(p.Headers, m, cloudevent.Origin{Source: cloudevent.Source(service)})
	return p
}

// attributes adds to headers what makes m a CloudEvent, if it can be one.
func attributes(headers amqp.Table, m message.Message, from cloudevent.Origin) {
	e, err := cloudevent.Of(m, from)
	if err != nil {
		return
	}
	for name, value := range e.Headers(cloudevent.AMQP) {
		if name != "content-type" { // a property of its own
			headers[name] = value
		}
	}
}

// row is the id of the row that d is a copy of; "" for another program's message.
func row(d amqp.Delivery) string {
	id, _ := d.Headers[ours].(string)
	return id
}

// known returns the id of a message's row. One that another program has sent gets a row, once
// for each message_id.
func (l *line) known(tx *store.Tx, a arrival) (string, error) {
	if id := row(a.Delivery); id != "" {
		return id, nil
	}
	d := read(a.Delivery, tx.Now)
	if a.MessageId == "" {
		slog.Warn("a message of another program has no message_id: if it is delivered twice, it is done twice", "queue", l.name, "kind", d.Kind, "id", d.ID)
	} else if first, err := inbox.Once(tx, "rabbitmq "+l.at, d.ID); err != nil || !first {
		return d.ID, err
	}
	return l.Adopt(tx, l.name, d)
}

// read makes work of another program's message: a CloudEvent in its headers or body, or the
// properties that every client can set. Whatever it is, it can be stored: what nobody can
// handle is to become a dead message, and not to come again for ever.
func read(d amqp.Delivery, now time.Time) queue.Delivery {
	m, ok := event(d)
	if !ok {
		m = message.Message{ID: d.MessageId, Kind: d.Type, Time: d.Timestamp, Body: d.Body}
		m.Key, _ = d.Headers["key"].(string)
	}
	m.ID = plain(cmp.Or(d.MessageId, m.ID, uuid.NewString()))
	m.Kind, m.Key, m.Cause = plain(cmp.Or(m.Kind, d.Type)), plain(cmp.Or(m.Key, m.ID)), plain(m.Cause)
	if m.Time.IsZero() || m.Time.After(now) {
		m.Time = now
	}
	if !message.ValidTrace(m.Trace) {
		m.Trace = ""
	}
	if m.Body == nil {
		m.Body = []byte{}
	}
	return queue.Delivery{Message: m}
}

// event reads d as a CloudEvent.
func event(d amqp.Delivery) (m message.Message, ok bool) {
	var e cloudevent.Event
	var err error
	if strings.HasPrefix(d.ContentType, "application/cloudevents") {
		err = e.UnmarshalJSON(d.Body)
	} else {
		headers := map[string]string{}
		for name, value := range d.Headers {
			headers[name] = text(value)
		}
		if d.ContentType != "" {
			headers["content-type"] = d.ContentType
		}
		e, err = cloudevent.Read(cloudevent.AMQP, headers, d.Body)
	}
	if err != nil {
		return m, false
	}
	m, _, err = e.Message()
	return m, err == nil
}

// text is the canonical text of a header: attributes may be native.
func text(value any) string {
	if t, ok := value.(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(value)
}

// longest is how much of a name is kept that somebody else has chosen.
const longest = 1000

// plain is what every database can store of s.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "")
	if len(s) <= longest {
		return s
	}
	n := longest
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
