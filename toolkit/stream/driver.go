package stream

import (
	"context"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Log is what a Reader reads: a journal, or a topic of a stream server. Its methods
// may be called concurrently. A Log never retries, and never sees a handler.
//
// Package streamtest checks every promise made here.
type Log interface {
	// Identity names this log, apart from every other and from itself before it was
	// wiped: it is made anew with the log.
	Identity(ctx context.Context) (string, error)

	// Read returns what follows the positions in q, at once, perhaps nothing. Each
	// partition's messages come in the order of their sequences, without a gap: what a
	// transaction still to be committed could put between them is not passed. Messages
	// of a Kind that q does not want come with no body.
	Read(ctx context.Context, q Query) ([]Entry, error)

	// At returns the ID of the message at a place of a partition; "" if there is none. A
	// copy of a journal that cannot know says ErrUnseen.
	At(ctx context.Context, partition int, seq int64) (string, error)

	// Behind counts the messages that follow positions, but for those of class Audit: a
	// position need not move past what only people read.
	Behind(ctx context.Context, from []store.Position) (int64, error)

	// Watch returns hints that there may be more to read, and a function that ends
	// them. A hint may fail to come.
	Watch() (hint <-chan struct{}, stop func())
}

// A Lived log is on a server that may begin anew without the last that was read of it, as
// a replica does that takes over.
type Lived interface {
	// Life names the time since that server began, as Read last found it; "" before it was
	// read. What was read in another one is compared with the log before more is.
	Life() string
}

// A Query says what to read.
type Query struct {
	From []store.Position // one for each partition that is wanted
	Max  int              // messages in all
	Want func(kind string) bool
	// Follow says that the caller has handled everything up to there, and will ask for what
	// follows: the log may read ahead for it.
	Follow bool
}

// An Entry is a message and its place.
type Entry struct {
	store.Position
	message.Message
}
