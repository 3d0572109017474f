package aggregate

import (
	"errors"
	"fmt"

	"github.com/tidewire/tidewire/toolkit/message"
)

// ErrNewer: a history has an event that no Shape reads. A newer binary wrote it, and can
// read it.
var ErrNewer = errors.New("an event that this binary does not know")

// A Shape is how one kind of event is read. Is and Was make it.
type Shape[S any] struct {
	Kind string

	read func(message.Message) (message.Kind, error)
	up   func(S, message.Kind) (message.Kind, error) // nil: it is the newest
}

// Is is the shape of events that are written today.
func Is[S any, T message.Kind]() Shape[S] {
	var kind T
	return Shape[S]{Kind: kind.Kind(), read: func(m message.Message) (message.Kind, error) {
		of, err := message.Decode[T](m)
		return of.Data, err
	}}
}

// Was is the shape of events that were written once. up makes of one what would be written
// today, and is given what the events before it made of the state. What it returns goes on
// through the Shape of its own kind, if that is another: so each step is written once. Of
// a kind that is still written, up fills in what older ones lack.
func Was[S any, T message.Kind](up func(S, T) (message.Kind, error)) Shape[S] {
	s := Is[S, T]()
	s.up = func(state S, fact message.Kind) (message.Kind, error) {
		old, ok := fact.(T)
		if !ok {
			return nil, fmt.Errorf("%T is not how %s is read", fact, fact.Kind())
		}
		return up(state, old)
	}
	return s
}

// shape returns where the Shape of a kind is.
func (a Aggregate[S]) shape(kind string) (i int, known bool) {
	for i, s := range a.Shapes {
		if s.Kind == kind {
			return i, true
		}
	}
	return len(a.Shapes), false
}

// event reads an event behind state, in its newest shape.
func (a Aggregate[S]) event(state S, m message.Message) (Event, error) {
	e := Event{}
	e.Version, e.Time = m.Version, m.Time
	i, known := a.shape(m.Kind)
	if !known {
		return e, fmt.Errorf("aggregate %s %s: event %d is %s: %w: a newer one wrote it and can read it: use that",
			a.Name, m.Key, m.Version, m.Kind, ErrNewer)
	}
	fact, err := a.Shapes[i].read(m)
	if err == nil && a.Shapes[i].up != nil {
		fact, err = a.raise(state, fact)
	}
	if err != nil {
		return e, fmt.Errorf("aggregate %s %s: event %d: %w", a.Name, m.Key, m.Version, err)
	}
	e.Fact = fact
	return e, nil
}

// raise takes a fact through the shapes until it is of the newest.
func (a Aggregate[S]) raise(state S, fact message.Kind) (message.Kind, error) {
	for range a.Shapes { // as many steps as there can be without going round
		i, known := a.shape(fact.Kind())
		if !known || a.Shapes[i].up == nil {
			break
		}
		next, err := a.Shapes[i].up(state, fact)
		if err == nil && next == nil {
			err = errors.New("it was made into nothing")
		}
		if err != nil {
			return nil, fmt.Errorf("upcast %s: %w", fact.Kind(), err)
		}
		if next.Kind() == fact.Kind() {
			return next, nil
		}
		fact = next
	}
	if i, known := a.shape(fact.Kind()); !known || a.Shapes[i].up != nil {
		return nil, fmt.Errorf("upcast ends with %s, which is not written today", fact.Kind())
	}
	return fact, nil
}

// Step takes a state one stored message of its history further, in whatever shape that was
// written: it is what a Fold does for each.
func (a Aggregate[S]) Step(state S, m message.Message) (S, error) {
	e, err := a.event(state, m)
	if err != nil {
		return state, err
	}
	return a.Apply(state, e)
}
