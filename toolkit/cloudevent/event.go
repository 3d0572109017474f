// Package cloudevent shows messages to the world as CloudEvents 1.0, and takes them from there:
// an envelope becomes attributes and data and is the same again when it comes back.
//
//	message ─► Of ─► Event ─► Headers (binary mode) or MarshalJSON (structured mode)
//	message ◄─ Message ◄─ Event ◄─ Read or UnmarshalJSON
//
// An Event that was made or read here obeys the specification: what does not is refused by the
// name of its attribute, and never mended in silence.
// See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md.
package cloudevent

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/toolkit/message"
)

// ErrInvalid: it cannot be a CloudEvent, or is none that can be a message.
var ErrInvalid = errors.New("not a valid CloudEvent")

// An Event is what CloudEvents knows of a message. Its attributes are in their canonical text,
// by name; what is not said is not there.
type Event struct {
	Attributes map[string]string
	Data       []byte
}

// An Origin is what a message does not say of itself.
type Origin struct {
	Source string // a URI reference of who said it, as from Source; required
	Seq    int64  // its place in the source's log; 0: not known
	Schema string // an absolute URI of what its data looks like; ""
}

// Source names a service of ours as the source of events.
func Source(service string) string { return "/tidewire/" + url.PathEscape(service) }

// Attributes beside those of the specification. Partitioning, sequence, distributed tracing and
// correlation are documented extensions; what begins with message is ours.
const (
	partitionKey   = "partitionkey"
	sequence       = "sequence"
	traceParent    = "traceparent"
	causation      = "causationid"
	messageClass   = "messageclass"   // public if it is not said
	messageVersion = "messageversion" // its place in the history of its key
)

// contentType of the data of our messages.
const contentType = "application/json"

// clock writes times with microseconds, as they are stored: all have the same length.
const clock = "2006-01-02T15:04:05.000000Z"

// Of returns m as an event. The sequence has as many digits as any can have, so that sorting by
// text sorts by number.
func Of(m message.Message, from Origin) (Event, error) {
	e := Event{Attributes: map[string]string{}, Data: m.Body}
	set := func(name, value string) {
		if value != "" {
			e.Attributes[name] = value
		}
	}
	set("specversion", "1.0")
	set("id", m.ID)
	set("source", from.Source)
	set("type", m.Kind)
	set("subject", m.Key)
	set("dataschema", from.Schema)
	set(partitionKey, m.Key)
	set(traceParent, m.Trace)
	set(causation, m.Cause)
	set(messageClass, string(m.Class))
	if len(m.Body) > 0 {
		set("datacontenttype", contentType)
	}
	if !m.Time.IsZero() {
		set("time", written(m.Time))
	}
	if from.Seq != 0 {
		set(sequence, fmt.Sprintf("%019d", from.Seq))
	}
	if m.Version != 0 {
		set(messageVersion, strconv.FormatInt(m.Version, 10))
	}
	return e, e.Check()
}

func written(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()%1000 != 0 {
		return t.Format("2006-01-02T15:04:05.000000000Z")
	}
	return t.Format(clock)
}

// Message returns the message that e bears, and where it is from. An event that is not ours may
// lack what only we say: it is public then, and its key is its partition's or its subject.
func (e Event) Message() (message.Message, Origin, error) {
	if err := e.Check(); err != nil {
		return message.Message{}, Origin{}, err
	}
	a := e.Attributes
	if len(e.Data) > 0 && !jsonType(a["datacontenttype"]) {
		return message.Message{}, Origin{}, invalid("datacontenttype", "is %q: the data of a message is JSON", a["datacontenttype"])
	}
	m := message.Message{ID: a["id"], Kind: a["type"], Class: message.Class(a[messageClass]), Key: a[partitionKey],
		Cause: a[causation], Trace: a[traceParent], Body: e.Data}
	if m.Key == "" {
		m.Key = a["subject"]
	}
	if m.Class == "" {
		m.Class = message.Public
	}
	from := Origin{Source: a["source"], Schema: a["dataschema"]}
	var err error
	if a["time"] != "" {
		if m.Time, err = time.Parse(time.RFC3339Nano, a["time"]); err != nil {
			return message.Message{}, Origin{}, invalid("time", "is %q", a["time"])
		}
		m.Time = m.Time.UTC()
	}
	if m.Version, err = number(a, messageVersion); err != nil {
		return message.Message{}, Origin{}, err
	}
	// Somebody else's sequence need not be a number: then it is no place in a log of ours.
	if n, err := number(a, sequence); err == nil {
		from.Seq = n
	}
	return m, from, nil
}

// number reads an attribute that counts from 1; 0 is one that is not there.
func number(a map[string]string, name string) (int64, error) {
	if a[name] == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(a[name], 10, 64)
	if err != nil || n < 1 {
		return 0, invalid(name, "is %q, and no number from 1", a[name])
	}
	return n, nil
}

// isJSON reports whether data can stand in a document as it is, and comes out of it the same.
func isJSON(data []byte) bool {
	v := jsontext.Value(data)
	return len(data) > 0 && data[0] > ' ' && data[len(data)-1] > ' ' && v.IsValid()
}

// invalid names what cannot be.
func invalid(attribute, why string, args ...any) error {
	return fmt.Errorf("%w: attribute %s "+why, append([]any{ErrInvalid, attribute}, args...)...)
}
