package sqlite

import (
	"errors"
	"testing"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
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

// However large the bodies are, little memory is held, and what is not there is known.
func TestRecentIsBounded(t *testing.T) {
	var r recent
	var after [store.Partitions]int64
	query := stream.Query{Max: 10, Want: func(string) bool { return true }}
	for seq := int64(1); seq <= 1000; seq++ {
		e := stream.Entry{Position: store.Position{Seq: seq}}
		e.Body = make([]byte, 35_000)
		r.add([]stream.Entry{e})
		if r.bytes > recentBytes || r.bytes != len(r.entries)*35_000 {
			t.Fatalf("%d bytes of %d rows are held, want %d at most", r.bytes, len(r.entries), recentBytes)
		}
	}
	if _, ok := r.after(0, after, query); ok {
		t.Error("rows that are gone were said to be there")
	}
	if got, ok := r.after(999, after, query); !ok || len(got) != 1 {
		t.Errorf("the last row: %d, %v", len(got), ok)
	}
	r.add([]stream.Entry{{Position: store.Position{Seq: 1001}, Message: message.Message{Body: make([]byte, 2*recentBytes)}}})
	if _, ok := r.after(1000, after, query); ok || len(r.entries) != 0 {
		t.Error("a row larger than everything is held")
	}
}
