package kafka

import (
	"fmt"
	"slices"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A lane is what was fetched of a partition of one topic and is still to be handled.
type lane struct {
	topic   string
	begun   bool // next is known
	next    int64
	from    place // where next was taken from, until a record there has proved it
	records []*record
	bytes   int
}

// A part is a partition of a service's journal, as one or two topics show it.
type part struct {
	low   int64 // all that follows this sequence is in the lanes, or is still to be fetched
	lanes []lane
	gap   int64 // the last one that was told of
}

// take returns the message that follows at, or nil if it has not been fetched. What has come
// before what precedes it is dropped: whoever finds that missing sends both again.
func (p *part) take(at int64, skip []int) *record {
	var found [2]*record
	for i := range p.lanes {
		found[i] = p.lanes[i].following(at, &skip[i])
		if r := found[i]; r == nil && skip[i] < len(p.lanes[i].records) {
			p.gap = p.lanes[i].records[skip[i]].Seq
			p.lanes[i].drop(skip[i])
			return p.take(at, skip)
		}
	}
	a, b := found[0], found[1]
	switch {
	case a == nil && b == nil:
		return nil
	case len(p.lanes) == 1:
		return a
	case a != nil && b != nil:
		if b.Seq < a.Seq {
			return b
		}
		return a
	case a == nil:
		a = b
	}
	if a.other() > at { // it is on its way in the other topic
		return nil
	}
	return a
}

// following returns the record of the lane that follows at, from number i on, which it moves
// there. It is nil at the end of what was fetched, and at a record that something is missing
// before.
func (l *lane) following(at int64, i *int) *record {
	for ; *i < len(l.records); *i++ {
		r := l.records[*i]
		if r.Seq <= at {
			continue
		}
		if r.own() <= at || at == 0 && r.first {
			return r
		}
		return nil
	}
	return nil
}

func (l *lane) drop(i int) {
	l.bytes -= size(l.records[i])
	l.records = slices.Delete(l.records, i, i+1)
}

// size is about what a record takes.
func size(r *record) int { return len(r.Body) + 512 }

// behind forgets what is not behind at any more. It returns the places that were passed, by
// lane, and an error if what is at at is not what was read there.
func (p *part) behind(at store.Position) (passed []place, err error) {
	passed = make([]place, len(p.lanes))
	for i := range p.lanes {
		l := &p.lanes[i]
		n := 0
		for ; n < len(l.records) && l.records[n].Seq <= at.Seq; n++ {
			r := l.records[n]
			l.bytes -= size(r)
			if r.Seq > passed[i].seq {
				passed[i] = place{seq: r.Seq, id: r.Message.ID, offset: r.offset, seen: true}
			}
			if r.Seq == at.Seq && at.ID != "" && r.Message.ID != at.ID {
				err = fmt.Errorf("topic %s has message %s at %d, where %s was read", l.topic, r.Message.ID, at.Seq, at.ID)
			}
		}
		clear(l.records[:n])
		l.records = l.records[n:]
	}
	p.low = max(p.low, at.Seq)
	return passed, err
}

// count is how many of what was fetched follow at. It drops nothing.
func (p *part) count(at int64) (n int64) {
	look := &part{lanes: slices.Clone(p.lanes)}
	for i := range look.lanes {
		look.lanes[i].records = slices.Clone(look.lanes[i].records)
	}
	skip := make([]int, len(p.lanes))
	at = max(at, p.low)
	for r := look.take(at, skip); r != nil; r = look.take(at, skip) {
		at = r.Seq
		n++
	}
	return n
}

// hidden returns an error if r follows at, where a message was read, but the journal that was
// forwarded has none there.
func hidden(at store.Position, r *record) error {
	if at.Seq == 0 || at.ID == "" || r.Before.Last() >= at.Seq || r.Before.Passed >= at.Seq || r.first {
		return nil
	}
	return fmt.Errorf("what was forwarded goes from %d to %d, and %d was read between", r.Before.Last(), r.Seq, at.Seq)
}

// A place is a record of a topic: what follows its message is behind it.
type place struct {
	seq    int64
	id     string
	offset int64
	seen   bool // by this process, and not only told of
}

// places are some of a partition of a topic, in order.
type places []place

// apart is how many messages lie between places that are remembered.
const apart = 512

// before returns the last place that is not behind seq.
func (all places) before(seq int64) (place, bool) {
	i, exact := slices.BinarySearchFunc(all, seq, func(p place, seq int64) int { return int(p.seq - seq) })
	if exact {
		return all[i], true
	}
	if i == 0 {
		return place{}, false
	}
	return all[i-1], true
}

// with remembers a place; of those that are near each other only the first and the last.
func (all places) with(p place) places {
	i, exact := slices.BinarySearchFunc(all, p.seq, func(p place, seq int64) int { return int(p.seq - seq) })
	if exact {
		all[i] = p
		return all
	}
	if i == len(all) && i > 1 && p.offset-all[i-2].offset < apart {
		all[i-1] = p
		return all
	}
	return slices.Insert(all, i, p)
}

// entry is a record as a reader wants it.
func (r *record) entry(want func(string) bool) stream.Entry {
	e := r.Entry
	if !want(e.Kind) {
		e.Body = nil
	}
	return e
}
