package sqlite

import (
	"cmp"
	"slices"
	"sync"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// recent holds the last rows of the journal that this process has committed, so that a
// reader that keeps up asks the file for nothing.
type recent struct {
	mu      sync.Mutex
	begin   int64 // every row behind it is here
	entries []stream.Entry
	bytes   int // of bodies
}

// What is held at most, and half of it goes at a time. A body may be large.
const (
	recentRows  = 4096
	recentBytes = 4 << 20
)

// add takes what was committed, in the order of the sequences.
func (r *recent) add(entries []stream.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, entries...)
	r.bytes += size(entries)
	for len(r.entries) > 0 && (len(r.entries) >= recentRows || r.bytes > recentBytes) {
		half := (len(r.entries) + 1) / 2
		r.begin = r.entries[half-1].Seq
		r.entries = slices.Clone(r.entries[half:])
		r.bytes = size(r.entries)
	}
}

// size returns the bytes of the bodies of entries.
func size(entries []stream.Entry) (n int) {
	for _, e := range entries {
		n += len(e.Body)
	}
	return n
}

// forget says that rows up to seq are to be read from the file.
func (r *recent) forget(seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin, r.entries, r.bytes = seq, nil, 0
}

// after returns what Read would find behind start in the file, and false where that is
// more than is here.
func (r *recent) after(start int64, after [store.Partitions]int64, q stream.Query) (found []stream.Entry, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if start < r.begin {
		return nil, false
	}
	i, _ := slices.BinarySearchFunc(r.entries, start+1, func(e stream.Entry, seq int64) int { return cmp.Compare(e.Seq, seq) })
	for _, e := range r.entries[i:] {
		if at := after[e.Partition]; at < 0 || e.Seq <= at {
			continue
		}
		if len(found) == q.Max {
			break
		}
		if !q.Want(e.Kind) {
			e.Body = nil
		}
		found = append(found, e)
	}
	return found, true
}
