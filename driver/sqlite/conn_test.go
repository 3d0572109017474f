package sqlite

import (
	"errors"
	"testing"

	"github.com/tidewire/tidewire/toolkit/stream"
)

// A change that was revoked between an INSERT and its end leaves no trace in what the
// writer remembers of its rows.
func TestRevokedChangeRemembersNothing(t *testing.T) {
	c := &conn{}
	if err := c.appended(stream.Entry{}); err != nil || len(c.fresh) != 1 {
		t.Errorf("appended: %v, %v", err, c.fresh)
	}
	c.end()
	if err := c.appended(stream.Entry{}); !errors.Is(err, errEnded) || len(c.fresh) != 1 {
		t.Errorf("after the end: %v, %v; want errEnded and the one row", err, c.fresh)
	}
}
