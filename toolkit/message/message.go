// Package message defines what travels between services: facts and work, as data.
package message

import (
	"encoding/json"
	"fmt"
	"time"

	exact "github.com/go-json-experiment/json"
)

// A Kind is the content of a message. Its name is its contract and never changes.
type Kind interface{ Kind() string }

// Work is a Kind that asks for something to be done. Its queue is named
// service_work, after the service that does it.
type Work interface {
	Kind
	Queue() string
}

// A Class says who may see a message of a journal, and how long it is kept.
type Class string

// The classes. A fact is Public unless its type has a method Class that says
// otherwise.
const (
	Public   Class = "public"   // a contract; kept for ever
	Internal Class = "internal" // of its own service only; kept for ever
	Command  Class = "command"  // work for another service; kept until read and retention has passed
	Audit    Class = "audit"    // who did what, and what has died; kept for the retention
)

// A Message is an envelope with its body still encoded. It is plain data: it holds
// no context, and cannot acknowledge itself.
type Message struct {
	ID      string // UUIDv7: unique, ordered by time; whoever has seen it drops it
	Kind    string
	Class   Class
	Key     string // messages of one key keep their order
	Version int64  // place in the history of its key, from 1; 0 where the key keeps none
	Time    time.Time
	Cause   string // ID of the message being handled when this one was made
	Trace   string // W3C traceparent of the step that made it; of one before, if that was not recorded
	Body    []byte // JSON
}

// Of is a message whose body is a T.
type Of[T Kind] struct {
	ID, Key string
	Time    time.Time
	Data    T
}

// Decode reads m as a T. Members have exactly the names of the contract, once each: "Total"
// is not "total".
func Decode[T Kind](m Message) (Of[T], error) {
	of := Of[T]{ID: m.ID, Key: m.Key, Time: m.Time}
	if err := exact.Unmarshal(m.Body, &of.Data); err != nil {
		return of, fmt.Errorf("decode %s %s: %w", m.Kind, m.ID, err)
	}
	return of, nil
}

// Check reports whether m can be read as a T that has a field for every member of its body.
// The error is a *json.SemanticError or *jsontext.SyntacticError, which names the place.
func Check[T Kind](m Message) error {
	var data T
	return exact.Unmarshal(m.Body, &data, exact.RejectUnknownMembers(true))
}

// Encode puts data into an envelope. Whoever stores it fills in the rest.
func Encode(key string, data Kind) (Message, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return Message{}, fmt.Errorf("encode %s: %w", data.Kind(), err)
	}
	m := Message{Kind: data.Kind(), Class: Public, Key: key, Body: body}
	if c, ok := data.(interface{ Class() Class }); ok {
		m.Class = c.Class()
	}
	return m, nil
}
