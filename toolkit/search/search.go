package search

import (
	"context"
	"errors"

	"github.com/tidewire/tidewire/toolkit/stream"
)

var (
	// ErrAway: the index did not answer. It may the next moment.
	ErrAway = errors.New("the search engine is away")
	// ErrBehind: the index does not have yet what the journal has.
	ErrBehind = errors.New("the index is behind the journal")
	// ErrMoved: a mark is not where the caller thinks that it is.
	ErrMoved = errors.New("the index is not where it was")
)

// A Document is what there is to find of something.
type Document struct {
	ID      string `json:"id"`
	Place   int64  `json:"place"` // more than 0: where it comes in an answer
	Version int64  `json:"version"`
	Words   string `json:"words"` // separated by spaces
	Group   string `json:"group"` // of which a question may want only one
}

// A Question is what is to be found: everything that has, for each of Words, one that begins so.
type Question struct {
	Words []string
	Group string // "": any
	After int64  // a Place
	Limit int
}

// An Answer is what was found, in the order of its places, at most Limit of them, and the
// marks of the same moment.
type Answer struct {
	Places []int64
	Marks  []Mark
}

// A Mark is the last message of a partition whose document is in the index, together with
// those of all before it.
type Mark struct {
	Partition int          `json:"partition"`
	Seq       int64        `json:"seq"`
	ID        string       `json:"id"`
	Class     string       `json:"class"`
	Identity  string       `json:"identity"` // of the journal
	Before    stream.Chain `json:"before"`
}

// An Index is one on a server. Its methods may be called concurrently. It never retries.
//
// Package searchtest checks every promise made here.
type Index interface {
	// Put stores documents, each unless a newer version is there, and then moves marks, all of
	// them. It does neither if the mark of a partition is not at from (its Seq; 0: it has none),
	// and says ErrMoved. Once it returns nil, everybody finds what it stored.
	Put(ctx context.Context, all []Document, marks []Mark, from map[int]int64) error

	// Marks returns all marks.
	Marks(ctx context.Context) ([]Mark, error)

	// Find answers a question. What it returns is of one moment.
	Find(ctx context.Context, q Question) (Answer, error)

	// Reset replaces what is there by an empty index.
	Reset(ctx context.Context) error
}
