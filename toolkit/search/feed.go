package search

import (
	"context"
	"slices"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Feed fills an Index with what a journal is about. It is the Sink of a stream.Relay.
type Feed struct {
	DB    *store.DB
	Log   stream.Log // the journal
	Index Index
	// Read returns the documents of those of keys that have one.
	Read func(tx *store.Tx, keys []string) ([]Document, error)
}

var (
	_ stream.Sink   = (*Feed)(nil)
	_ stream.Keeper = (*Feed)(nil)
)

// Send stores what the keys of messages are now.
func (f *Feed) Send(ctx context.Context, all []stream.Forwarded) error {
	var keys []string
	from, last := map[int]int64{}, map[int]Mark{}
	for _, m := range all {
		keys = append(keys, m.Key)
		if _, known := from[m.Partition]; !known {
			from[m.Partition] = m.Before.Last()
		}
		last[m.Partition] = Mark{Partition: m.Partition, Seq: m.Seq, ID: m.Message.ID, Class: string(m.Class), Identity: m.Identity, Before: m.Before}
	}
	slices.Sort(keys)
	var documents []Document
	err := f.DB.View(ctx, func(tx *store.Tx) (err error) {
		documents, err = f.Read(tx, slices.Compact(slices.Clone(keys)))
		return err
	})
	if err != nil {
		return err
	}
	marks := make([]Mark, 0, len(last))
	for _, m := range last {
		marks = append(marks, m)
	}
	return f.Index.Put(ctx, documents, marks, from)
}

// Ends returns how far the index is. One of another journal, or of one that has been set
// back, is replaced: what is in it is nowhere else.
func (f *Feed) Ends(ctx context.Context, _ []store.Position) (ends []stream.Forwarded, err error) {
	marks, err := f.Index.Marks(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		ours, err := f.ours(ctx, m)
		if err != nil {
			return nil, err
		}
		if !ours {
			return nil, f.Index.Reset(ctx)
		}
		ends = append(ends, stream.Forwarded{Identity: m.Identity, Before: m.Before, Entry: stream.Entry{
			Position: store.Position{Partition: m.Partition, Seq: m.Seq, ID: m.ID}, Message: message.Message{ID: m.ID, Class: message.Class(m.Class)}}})
	}
	return ends, nil
}

// ours reports whether the journal has what a mark is at.
func (f *Feed) ours(ctx context.Context, m Mark) (bool, error) {
	identity, err := f.Log.Identity(ctx)
	if err != nil || identity != m.Identity {
		return false, err
	}
	id, err := f.Log.At(ctx, m.Partition, m.Seq)
	return id == m.ID, err
}
