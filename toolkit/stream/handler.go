package stream

import (
	"context"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Handler is what a reader does with one kind of fact of one log.
type Handler struct {
	Log, Kind string
	Command   bool // it is asked to do something, and not told a fact

	passes bool
	check  func(message.Message) error
	keys   func(message.Message) ([]string, error)
	handle func(context.Context, *store.Tx, message.Message) error
	decode func(message.Message) (message.Kind, error)
}

// On handles facts of kind T. Its effects, what it says and the reader's position are
// one commit; an error parks the key, and the other keys go on. h decides on the rows of
// the message's key alone (else see Deciding): store.Tx.Each runs it beside others.
func On[T message.Kind](log string, h func(context.Context, *store.Tx, message.Of[T]) error) Handler {
	var kind T
	_, command := any(kind).(message.Work)
	return Handler{Log: log, Kind: kind.Kind(), Command: command, check: message.Check[T],
		keys: func(m message.Message) ([]string, error) { return []string{m.Key}, nil },
		handle: func(ctx context.Context, tx *store.Tx, m message.Message) error {
			of, err := message.Decode[T](m)
			if err != nil {
				return err
			}
			return h(ctx, tx, of)
		},
		decode: func(m message.Message) (message.Kind, error) {
			of, err := message.Decode[T](m)
			return of.Data, err
		}}
}

// Deciding returns h for a handler that decides on the rows of keys, and not on those
// of the message's key alone.
func Deciding[T message.Kind](h Handler, keys func(T) []string) Handler {
	h.keys = func(m message.Message) ([]string, error) {
		of, err := message.Decode[T](m)
		return keys(of.Data), err
	}
	return h
}

// Passing returns h for facts that end a thing: it runs even while its key is parked,
// and leaves a mark that what was parked finds.
func (h Handler) Passing() Handler {
	h.passes = true
	return h
}

// Check reports whether h can read m, and knows all that its body has: what a person has
// written has no member that nobody reads.
func (h Handler) Check(m message.Message) error { return h.check(m) }

// Handle runs h for one message, as a reader would.
func (h Handler) Handle(ctx context.Context, tx *store.Tx, m message.Message) error {
	return h.handle(ctx, tx.Handling(m), m)
}

// Decode reads what h would handle.
func (h Handler) Decode(m message.Message) (message.Kind, error) { return h.decode(m) }
