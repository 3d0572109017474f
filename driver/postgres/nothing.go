package postgres

import (
	"sync"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A nothing remembers for which positions there was nothing up to where the journal was
// settled, so that an idle reader asks the server for no rows.
type nothing struct {
	mu    sync.Mutex
	known map[places]end
}

// places are the positions of a reader, by partition; -1 for one it does not read.
type places [store.Partitions]int64

// readersKnown is how many readers' positions are remembered.
const readersKnown = 64

func placesOf(from []store.Position) (p places) {
	for i := range p {
		p[i] = -1
	}
	for _, f := range from {
		p[f.Partition] = f.Seq
	}
	return p
}

// since reports whether nothing can have come for these positions up to at.
func (n *nothing) since(from []store.Position, at end) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	last, ok := n.known[placesOf(from)]
	return ok && last.seq == at.seq && last.lives == at.lives
}

// found says that there was nothing for these positions up to at.
func (n *nothing) found(from []store.Position, at end) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.known) >= readersKnown {
		n.known = nil
	}
	if n.known == nil {
		n.known = map[places]end{}
	}
	n.known[placesOf(from)] = at
}
