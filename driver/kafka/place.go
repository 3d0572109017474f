package kafka

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/twmb/franz-go/pkg/kadm"
)

// place returns where what follows a sequence of a partition of a topic is to be looked for:
// behind a record that is not behind it.
func (l *Log) place(topic string, partition int, seq int64) (place, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.places[topic][partition].before(seq)
}

// unplace forgets the places of a partition that is not what it was.
func (l *Log) unplace(topic string, partition int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.places[topic][partition] = nil
	l.handled[topic][partition] = place{}
}

// pass remembers places that were passed, by lane.
func (l *Log) pass(p *part, partition int, passed []place, handled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, at := range passed {
		if at.seq == 0 {
			continue
		}
		topic := p.lanes[i].topic
		l.places[topic][partition] = l.places[topic][partition].with(at)
		if handled && l.handled[topic][partition].seq < at.seq {
			l.handled[topic][partition] = at
		}
	}
}

// group is the name under which the subscriber's progress is seen.
func (l *Log) group() string { return l.server.prefix + l.subscriber }

// ask asks, once, for the places that were committed. Nothing depends on an answer.
func (l *Log) ask(ctx context.Context) {
	l.mu.Lock()
	told := l.told
	l.mu.Unlock()
	if told {
		return
	}
	all, err := l.direct.admin.FetchOffsets(ctx, l.group())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = err == nil
	for _, topic := range l.topics {
		for p := range store.Partitions {
			o, ok := all.Lookup(topic, int32(p))
			seq, id, two := strings.Cut(o.Metadata, " ")
			n, bad := strconv.ParseInt(seq, 10, 64)
			if ok && two && bad == nil && o.At > 0 {
				l.places[topic][p] = l.places[topic][p].with(place{seq: n, id: id, offset: o.At - 1})
			}
		}
	}
}

// commit tells Kafka how far the subscriber has come, where that is further than was told.
func (l *Log) commit(ctx context.Context, before map[string][store.Partitions]place) {
	if before == nil {
		return
	}
	offsets := kadm.Offsets{}
	l.mu.Lock()
	for topic, all := range l.handled {
		told := before[topic]
		for p, at := range all {
			if at.seq > 0 && at != told[p] {
				offsets.Add(kadm.Offset{Topic: topic, Partition: int32(p), At: at.offset + 1, LeaderEpoch: -1, Metadata: strconv.FormatInt(at.seq, 10) + " " + at.id})
			}
		}
		before[topic] = *all
	}
	l.mu.Unlock()
	if len(offsets) == 0 {
		return
	}
	if err := l.direct.admin.CommitAllOffsets(ctx, l.group(), offsets); err != nil && ctx.Err() == nil {
		slog.DebugContext(ctx, "Kafka was not told how far a subscription is", "group", l.group(), "error", err)
	}
}
