package sqlite

import (
	"fmt"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// tails knows, for each partition of the journal, a sequence behind which there is
// nothing committed. So a reader that has read everything asks the file for nothing, and
// one that has not begins where there is something for it.
type tails struct {
	mu   sync.Mutex
	last [store.Partitions]int64
}

// looked is how many rows are looked at to find the last of each partition. A partition
// whose last row stands before them is taken to go as far as they do: its first reader
// looks once in vain, and lowers it.
const looked = 10_000

// open finds the tails, and returns the last number that was drawn and the latest time
// among the last rows of the journal.
func (t *tails) open(c *sqlite.Conn) (seq int64, latest time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var oldest int64
	err = sqlitex.Execute(c, `SELECT seq, partition, time FROM journal ORDER BY seq DESC LIMIT ?1`, &sqlitex.ExecOptions{Args: []any{looked},
		ResultFunc: func(s *sqlite.Stmt) error {
			oldest = s.ColumnInt64(0)
			seq = max(seq, oldest)
			p := s.ColumnInt64(1)
			t.last[p] = max(t.last[p], oldest)
			if at := time.UnixMicro(s.ColumnInt64(2)); at.After(latest) {
				latest = at
			}
			return nil
		}})
	if err != nil {
		return 0, latest, fmt.Errorf("read the end of the journal: %w", explain(err))
	}
	for p := range t.last {
		t.last[p] = max(t.last[p], oldest) // whatever else there is stands before it
	}
	err = sqlitex.Execute(c, `SELECT seq FROM drawn`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		seq = max(seq, s.ColumnInt64(0))
		return nil
	}})
	if err != nil {
		return 0, latest, fmt.Errorf("read the last number: %w", explain(err))
	}
	return seq, latest, nil
}

// raise says that rows were committed. It comes after the commit and before its members
// are told: a hint finds what it is about.
func (t *tails) raise(rows []stream.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range rows {
		t.last[e.Partition] = max(t.last[e.Partition], e.Seq)
	}
}

// behind returns those of the positions that something may follow, and what is known of
// their partitions.
func (t *tails) behind(from []store.Position) (some []store.Position, known map[int]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known = map[int]int64{}
	for _, p := range from {
		if t.last[p.Partition] > p.Seq {
			some = append(some, p)
			known[p.Partition] = t.last[p.Partition]
		}
	}
	return some, known
}

// lower says that nothing was found behind a position, by somebody who has looked as far
// as the partition was known to go. What was committed meanwhile has raised it.
func (t *tails) lower(at store.Position, known int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last[at.Partition] == known {
		t.last[at.Partition] = at.Seq
	}
}
