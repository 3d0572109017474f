package kafka

import (
	"fmt"
	"log/slog"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/twmb/franz-go/pkg/kadm"
)

// A cursor goes along the partitions of a log. It is used by one goroutine at a time.
type cursor struct {
	log     *Log
	follows bool // what it is asked for has been handled up to there
	most    int  // bytes that wait in a lane
	parts   map[int]*part
	ids     map[string]kadm.TopicID // of the topics as they were fetched from
}

func newCursor(l *Log, follows bool) *cursor {
	most := laneBytes
	if !follows {
		most = 64 << 20
	}
	return &cursor{log: l, follows: follows, most: most, parts: map[int]*part{}, ids: map[string]kadm.TopicID{}}
}

// laneBytes is how much of a lane waits at most to be handled, where it is fetched ahead.
const laneBytes = 1 << 20

// seek begins with the partitions of from that the cursor does not have, or has passed.
func (c *cursor) seek(from []store.Position) (moved bool) {
	for _, at := range from {
		if p := c.parts[at.Partition]; p != nil && p.low <= at.Seq {
			continue
		}
		p := &part{low: at.Seq}
		for _, topic := range c.log.topics {
			p.lanes = append(p.lanes, lane{topic: topic})
		}
		c.parts[at.Partition] = p
		moved = true
	}
	return moved
}

// waiting reports whether there are lanes that have no offset yet.
func (c *cursor) waiting() bool {
	for _, p := range c.parts {
		for _, l := range p.lanes {
			if !l.begun {
				return true
			}
		}
	}
	return false
}

// begin gives lanes their first offset: of a place that is known and not behind where the
// part begins, else of the beginning of the topic: what is not behind is passed by.
func (c *cursor) begin(has map[string][store.Partitions]bound) {
	for n, p := range c.parts {
		for i := range p.lanes {
			l := &p.lanes[i]
			if l.begun {
				continue
			}
			b := has[l.topic][n]
			l.begun, l.next = true, b.start
			if known, ok := c.log.place(l.topic, n, p.low); ok && known.offset >= b.start && known.offset < b.end {
				l.from, l.next = known, known.offset
			}
		}
	}
}

// wants are the lanes that have room, and whether there are others.
func (c *cursor) wants() (all []want, full bool) {
	for n, p := range c.parts {
		for _, l := range p.lanes {
			if l.bytes > c.most {
				full = true
				continue
			}
			if !l.begun {
				continue
			}
			all = append(all, want{topic: l.topic, partition: n, offset: l.next})
		}
	}
	return all, full
}

// put takes in what was fetched, and reports whether that was any message.
func (c *cursor) put(answers []got) (any bool) {
	for _, g := range answers {
		if id, known := c.ids[g.topic]; known && id != g.id {
			slog.Warn("a topic is another one than before: it is read from its beginning", "topic", g.topic, "subscription", c.log.subscriber)
			c.restart(g.topic)
		}
		c.ids[g.topic] = g.id
		p := c.parts[g.partition]
		if p == nil {
			continue
		}
		for i := range p.lanes {
			if l := &p.lanes[i]; l.begun && l.topic == g.topic && l.next == g.offset {
				any = c.add(l, g.partition, g) || any
			}
		}
	}
	return any
}

// add puts what was fetched behind what a lane has. Where it was to begin with a place that
// is not there it begins anew.
func (c *cursor) add(l *lane, partition int, g got) bool {
	strange := l.from != (place{}) && len(g.records) > 0 && (g.records[0].offset != l.from.offset || g.records[0].Message.ID != l.from.id)
	if strange || g.gone {
		c.log.unplace(l.topic, partition)
		*l = lane{topic: l.topic}
		return false
	}
	if len(g.records) > 0 {
		l.from = place{}
	}
	l.next = g.next
	for _, r := range g.records {
		l.records = append(l.records, r)
		l.bytes += size(r)
	}
	return len(g.records) > 0
}

// restart reads a topic from its beginning, as it is another one now.
func (c *cursor) restart(topic string) {
	for n, p := range c.parts {
		for i := range p.lanes {
			if p.lanes[i].topic == topic {
				p.lanes[i] = lane{topic: topic}
				c.log.unplace(topic, n)
			}
		}
	}
}

// take returns what follows the positions of q, as far as it was fetched: to each partition
// its share at first, and then what is left of Max.
func (c *cursor) take(q stream.Query) (entries []stream.Entry, err error) {
	share := (q.Max + len(q.From) - 1) / max(1, len(q.From)) * 2
	at := make([]store.Position, len(q.From))
	skips := make([][]int, len(q.From))
	for i, from := range q.From {
		p := c.parts[from.Partition]
		if p == nil || p.low > from.Seq {
			continue
		}
		passed, err := p.behind(from)
		c.log.pass(p, from.Partition, passed, c.follows)
		if err != nil {
			return nil, err
		}
		at[i], skips[i] = from, make([]int, len(p.lanes))
	}
	for _, limit := range []int{share, q.Max} {
		for i := range q.From {
			for n := 0; skips[i] != nil && n < limit && len(entries) < q.Max; n++ {
				p := c.parts[at[i].Partition]
				gap := p.gap
				r := p.take(at[i].Seq, skips[i])
				if p.gap != gap {
					slog.Warn("messages are missing in a topic, and are waited for", "log", c.log.service, "subscription", c.log.subscriber, "partition", at[i].Partition, "after", at[i].Seq, "before", p.gap)
				}
				if r == nil {
					break
				}
				if err := c.belongs(at[i], r); err != nil {
					return nil, err
				}
				entries, at[i] = append(entries, r.entry(q.Want)), r.Position
			}
		}
	}
	return entries, nil
}

// belongs returns an error if a record cannot follow a position.
func (c *cursor) belongs(at store.Position, r *record) error {
	if identity := c.log.known(); identity != "" && r.Identity != identity {
		c.log.unknow()
		return fmt.Errorf("topic %s has messages of the journal %s behind those of %s", c.log.topics[0], r.Identity, identity)
	}
	return hidden(at, r)
}
