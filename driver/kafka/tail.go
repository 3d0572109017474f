package kafka

import (
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A tail is the end of a partition of a journal, as its two topics show it.
type tail struct {
	facts, commands half
	strange         *record // of another journal than the one before it
}

// A half is the end of a partition of one topic.
type half struct {
	short bool    // it does not go back to the beginning
	first int64   // sequence of the first record
	last  *record // the last up to which none is missing; nil: there is none
}

// add takes the next record of one of the topics.
func (t *tail) add(r *record) {
	h := &t.facts
	if r.Class == message.Command {
		h = &t.commands
	}
	for _, other := range []*record{t.facts.last, t.commands.last} {
		if other != nil && other.Identity != r.Identity {
			t.strange = r
		}
	}
	if h.first == 0 {
		h.first = r.Seq
	}
	switch {
	case h.last == nil:
		if h.short || r.own() == 0 || r.first {
			h.last = r
		}
	case h.last.Seq < r.Seq && r.own() <= h.last.Seq:
		h.last = r
	}
}

// reaches reports whether the tail goes back to what is known to be there: everything up to
// seq, unless the topic has lost it.
func (t *tail) reaches(seq int64) bool { return t.facts.reaches(seq) && t.commands.reaches(seq) }

func (h *half) reaches(seq int64) bool { return !h.short || h.first <= seq }

// end is the last message up to which none is missing in either topic.
func (t *tail) end() (stream.Forwarded, bool) {
	if t.strange != nil {
		return t.strange.Forwarded, true
	}
	f, c := t.facts.last, t.commands.last
	if f == nil || c != nil && c.Seq > f.Seq {
		f, c = c, f
	}
	switch { // f is the later one
	case f == nil:
		return stream.Forwarded{}, false
	case c == nil && f.other() == 0, c != nil && f.other() <= c.Seq:
		return f.bare(), true
	case c == nil:
		return stream.Forwarded{}, false
	}
	return c.bare(), true
}

// bare is a record without what it says.
func (r *record) bare() stream.Forwarded {
	f := r.Forwarded
	f.Body = nil
	return f
}
