package sqlite

import (
	"errors"
	"testing"
)

// A change that was revoked between two rows tells the writer nothing more: the writer
// reads what was appended without waiting for it.
func TestEndedChangeTellsTheWriterNothing(t *testing.T) {
	c := &conn{fresh: map[int]int64{}}
	if err := c.appended(3, 10); err != nil || c.fresh[3] != 10 {
		t.Fatalf("a change that runs: %v, %v; want row 10 in partition 3", c.fresh, err)
	}
	c.end()
	if err := c.appended(3, 11); !errors.Is(err, errEnded) || c.fresh[3] != 10 {
		t.Errorf("a change that has ended: %v, %v; want errEnded and row 10", c.fresh, err)
	}
}
