package queue

import (
	"context"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Handler is work for one kind of message, made by On or Do.
type Handler struct {
	Queue, Kind string

	decode func(message.Message) (any, error) // once, for call and record
	check  func(message.Message) error
	call   func(ctx context.Context, data any) (outcome any, err error) // nil for On
	record func(_ context.Context, _ *store.Tx, data any, outcome any) error
}

// On handles work that stays in the database. Nil acknowledges it, in the same commit. h
// decides on the rows of the message's key alone: store.Tx.Each runs it beside others.
func On[T message.Work](h func(context.Context, *store.Tx, message.Of[T]) error) Handler {
	var work T
	return Handler{Queue: work.Queue(), Kind: work.Kind(), decode: decode[T], check: message.Check[T],
		record: func(ctx context.Context, tx *store.Tx, data, _ any) error { return h(ctx, tx, data.(message.Of[T])) }}
}

// Do handles work in the world outside. It runs call without a transaction, until the
// policy's timeout, then record with what came of it, in the commit that acknowledges
// the message. If that commit fails, record runs again with the same outcome; call does
// not. An error of call is an attempt that failed: what the world may have done is an
// outcome, not an error. record decides on rows as h of On does.
func Do[T message.Work, R any](
	call func(context.Context, message.Of[T]) (R, error),
	record func(context.Context, *store.Tx, message.Of[T], R) error,
) Handler {
	var work T
	return Handler{Queue: work.Queue(), Kind: work.Kind(), decode: decode[T], check: message.Check[T],
		call: func(ctx context.Context, data any) (any, error) { return call(ctx, data.(message.Of[T])) },
		record: func(ctx context.Context, tx *store.Tx, data, outcome any) error {
			return record(ctx, tx, data.(message.Of[T]), outcome.(R))
		}}
}

func decode[T message.Kind](m message.Message) (any, error) { return message.Decode[T](m) }

// Check reports whether h can read m, and knows all that its body has: what a person has
// written has no member that nobody reads.
func (h Handler) Check(m message.Message) error { return h.check(m) }

// Call runs the call of a handler made by Do, as a worker would.
func (h Handler) Call(ctx context.Context, m message.Message) (outcome any, err error) {
	if h.call == nil {
		return nil, nil
	}
	data, err := h.decode(m)
	if err != nil {
		return nil, err
	}
	return h.call(ctx, data)
}

// Record runs a handler's transaction with the outcome of its call, as a worker would.
func (h Handler) Record(ctx context.Context, tx *store.Tx, m message.Message, outcome any) error {
	data, err := h.decode(m)
	if err != nil {
		return err
	}
	return h.record(ctx, tx.Handling(m), data, outcome)
}
