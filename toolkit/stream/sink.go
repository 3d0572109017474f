package stream

import (
	"context"
	"errors"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Sink is where a Relay forwards a journal to: topics of a stream server, or an exchange.
type Sink interface {
	// Send stores messages and returns nil only once all of them are stored. Those of one
	// partition are stored in their order, none without those before it; after an error it
	// is not known which are. A Refused says which of them can never be.
	Send(ctx context.Context, all []Forwarded) error
}

// A Keeper is a Sink that keeps what it was sent, and so can be asked for it.
type Keeper interface {
	// Ends returns, for each partition of at that has any, the last message that it keeps
	// together with all that were sent before it, without a body. It is known to keep
	// everything up to at, unless it has lost its tail. What is of another journal is
	// returned as the end of its partition.
	Ends(ctx context.Context, at []store.Position) ([]Forwarded, error)
}

// A Forwarded is an entry of a journal on its way, and what tells whoever gets it whether
// one before it is missing.
type Forwarded struct {
	Entry
	Identity string // of the journal
	Before   Chain  // what was forwarded before it
}

// A Chain is what a partition of a journal has in front of a place: the sequences of the
// last of each kind, 0 where there is none.
type Chain struct {
	Fact, Command int64 // that were forwarded
	Passed        int64 // the last that is nobody else's, if it follows both
}

// Last is the sequence of the last message that was forwarded.
func (c Chain) Last() int64 { return max(c.Fact, c.Command) }

// Then is the chain behind a message that follows c.
func (c Chain) Then(e Entry) Chain {
	switch e.Class {
	case message.Public:
		return Chain{Fact: e.Seq, Command: c.Command}
	case message.Command:
		return Chain{Fact: c.Fact, Command: e.Seq}
	}
	c.Passed = e.Seq
	return c
}

// A Refused is a message that a Sink can never store. Its partition stops.
type Refused struct {
	At  store.Position
	Why string
}

// Error says why, for whoever operates it.
func (r *Refused) Error() string { return r.Why }

// ErrUnseen: a log is a copy of another one, and does not show what that has at a place: it
// has not come as far, or it leaves such messages out.
var ErrUnseen = errors.New("the copy of the log does not show what is there")
