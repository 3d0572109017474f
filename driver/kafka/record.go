package kafka

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tidewire/tidewire/toolkit/cloudevent"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Attributes of a record beside those of its message: where it stands in its journal.
const (
	epoch        = "epoch"        // identity of the journal
	priorFact    = "priorfact"    // sequence of the fact before it in its partition
	priorCommand = "priorcommand" // sequence of the command before it
	passed       = "passed"       // sequence of the last message behind those that is for nobody else
)

// A record is a message of a topic.
type record struct {
	stream.Forwarded
	offset int64
	first  bool // in its partition, whose beginning was deleted
}

// own is the sequence of what is before it in its own topic.
func (r *record) own() int64 {
	if r.Class == message.Command {
		return r.Before.Command
	}
	return r.Before.Fact
}

// other is the sequence of what is before it in the other topic.
func (r *record) other() int64 {
	if r.Class == message.Command {
		return r.Before.Fact
	}
	return r.Before.Command
}

// encode returns a message as a record of a topic.
func encode(f stream.Forwarded, service, topic string) (*kgo.Record, error) {
	e, err := cloudevent.Of(f.Message, cloudevent.Origin{Source: cloudevent.Source(service), Seq: f.Seq})
	if err != nil {
		return nil, err
	}
	e.Attributes[epoch] = f.Identity
	for name, seq := range map[string]int64{priorFact: f.Before.Fact, priorCommand: f.Before.Command, passed: f.Before.Passed} {
		if seq > 0 {
			e.Attributes[name] = strconv.FormatInt(seq, 10)
		}
	}
	if err := e.Check(); err != nil {
		return nil, err
	}
	r := &kgo.Record{Topic: topic, Partition: int32(f.Partition), Key: []byte(f.Key), Value: f.Body}
	for name, value := range e.Headers(cloudevent.Kafka) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return r, nil
}

// errForeign: somebody else has written to a topic of ours.
var errForeign = errors.New("it was not forwarded from a journal")

// decode reads a record of a topic.
func decode(r *kgo.Record) (*record, error) {
	headers := make(map[string]string, len(r.Headers))
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	e, err := cloudevent.Read(cloudevent.Kafka, headers, r.Value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	m, from, err := e.Message()
	if err != nil || from.Seq == 0 || e.Attributes[epoch] == "" {
		return nil, errors.Join(errForeign, err)
	}
	out := &record{offset: r.Offset}
	out.Identity, out.Message = e.Attributes[epoch], m
	out.Partition, out.Seq, out.Position.ID = int(r.Partition), from.Seq, m.ID
	for name, to := range map[string]*int64{priorFact: &out.Before.Fact, priorCommand: &out.Before.Command, passed: &out.Before.Passed} {
		if text := e.Attributes[name]; text != "" {
			if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
				return nil, fmt.Errorf("%w: %s is %q", errForeign, name, text)
			}
		}
	}
	return out, nil
}
