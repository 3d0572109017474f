package rabbitmq

import (
	"cmp"
	"strconv"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/request"
)

// Headers of questions and replies, beside the properties that every client knows: type,
// message_id, correlation_id, reply_to, expiration.
const (
	keyHeader      = "tidewire-key"
	timeHeader     = "tidewire-time"
	traceHeader    = "traceparent"
	deadlineHeader = "tidewire-deadline"
	failureHeader  = "tidewire-failure"
)

// unsaid is the time that a question has whose asker says nothing of it.
const unsaid = 5 * time.Second

func carried(m message.Message, deadline time.Time) amqp.Publishing {
	return amqp.Publishing{ContentType: "application/json", Type: m.Kind, MessageId: m.ID, Timestamp: m.Time, AppId: "tidewire", Body: m.Body,
		Expiration: left(deadline), Headers: amqp.Table{keyHeader: m.Key, timeHeader: m.Time.Format(time.RFC3339Nano), traceHeader: m.Trace,
			deadlineHeader: deadline.Format(time.RFC3339Nano)}}
}

// asking is a question on its way.
func asking(q request.Question) amqp.Publishing {
	p := carried(q.Message, q.Deadline)
	p.CorrelationId, p.ReplyTo = q.ID, q.ReplyTo
	return p
}

// replying is a reply on its way.
func replying(q request.Question, r request.Reply) amqp.Publishing {
	p := carried(r.Message, r.Deadline)
	p.CorrelationId = cmp.Or(r.Cause, q.ID)
	if r.Failure != "" {
		p.Headers[failureHeader] = r.Failure
	}
	return p
}

// envelope reads what both have.
func envelope(d amqp.Delivery) (m message.Message, deadline time.Time) {
	m = message.Message{ID: d.MessageId, Kind: d.Type, Class: message.Command, Time: d.Timestamp, Body: d.Body}
	m.Key, _ = d.Headers[keyHeader].(string)
	m.Trace, _ = d.Headers[traceHeader].(string)
	if at, ok := moment(d, timeHeader); ok {
		m.Time = at
	}
	deadline, ok := moment(d, deadlineHeader)
	if !ok {
		deadline = time.Now().Add(unsaid)
		if ms, err := strconv.Atoi(d.Expiration); err == nil {
			deadline = time.Now().Add(time.Duration(ms) * time.Millisecond)
		}
	}
	return m, deadline
}

func moment(d amqp.Delivery, header string) (at time.Time, ok bool) {
	text, _ := d.Headers[header].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

// asked is a question that has come, perhaps of another program.
func asked(queue string, d amqp.Delivery) request.Question {
	q := request.Question{Queue: queue, ReplyTo: d.ReplyTo}
	q.Message, q.Deadline = envelope(d)
	q.ID = cmp.Or(d.CorrelationId, d.MessageId, uuid.NewString())
	return q
}

// heard is a reply that has come.
func heard(d amqp.Delivery) request.Reply {
	var r request.Reply
	r.Message, r.Deadline = envelope(d)
	r.Cause = d.CorrelationId
	r.Failure, _ = d.Headers[failureHeader].(string)
	return r
}
