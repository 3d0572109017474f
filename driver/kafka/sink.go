package kafka

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Sink is the topics of a service, for what forwards its journal.
type Sink struct {
	server  *Server
	service string
	direct  *fetcher

	mu       sync.Mutex
	client   *kgo.Client // nil: there is to be a new one
	prepared bool
	limit    int                      // of a record
	ends     map[int]stream.Forwarded // by partition, as they were when the topics ended at
	high     map[string]map[int]int64 // these offsets
}

var _ stream.Keeper = (*Sink)(nil)

// NewSink returns the topics of a service, which are made when they are needed. It is to be
// closed.
func (s *Server) NewSink(service string) *Sink {
	return &Sink{server: s, service: service, direct: newFetcher(s.client)}
}

// Close ends its connections.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew()
	return nil
}

// renew leaves a producer behind of which it is not known what it has still to send. Whoever
// reads drops what comes of that.
func (s *Sink) renew() {
	s.ends, s.high, s.prepared = nil, nil, false
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// sendTime is how long a batch may take until it counts as not confirmed.
const sendTime = 15 * time.Second

// producer returns a client that sends each record once, in order, and is content when all
// in-sync replicas have it. It does not try again for ever: whoever forwards looks then what
// the topics have.
func (s *Sink) producer() (*kgo.Client, error) {
	if s.client != nil {
		return s.client, nil
	}
	client, err := kgo.NewClient(append(s.server.options(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(int32(s.limit)), kgo.RecordDeliveryTimeout(s.server.sendTime), kgo.ProduceRequestTimeout(requestTime), kgo.UnknownTopicRetries(1), kgo.StopProducerOnDataLossDetected())...)
	s.client = client
	return client, err
}

// Send stores messages in the topics.
func (s *Sink) Send(ctx context.Context, all []stream.Forwarded) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.send(ctx, all)
	if err != nil {
		s.renew()
	}
	return err
}

func (s *Sink) send(ctx context.Context, all []stream.Forwarded) error {
	client, err := s.producer()
	if err != nil {
		return err
	}
	records := make([]*kgo.Record, len(all))
	for i, f := range all {
		if records[i], err = encode(f, s.service, s.topic(f)); err != nil {
			return &stream.Refused{At: f.Position, Why: fmt.Sprintf("streams: message %s of %s cannot be a record: %v", f.Message.ID, s.service, err)}
		}
		if err := s.refuse(f, records[i]); err != nil {
			return err
		}
	}
	// What is being sent is not taken back when ctx ends: nobody could tell whether it was
	// stored.
	results := make(chan kgo.ProduceResults, 1)
	go func() { results <- client.ProduceSync(context.WithoutCancel(ctx), records...) }()
	late := time.NewTimer(s.server.sendTime)
	defer late.Stop()
	select {
	case done := <-results:
		for _, r := range done {
			if r.Err != nil {
				return fmt.Errorf("topic %s: %w", r.Record.Topic, explain(r.Err))
			}
		}
	case <-late.C:
		return fmt.Errorf("topic %s: %d messages were not confirmed within %v", s.topic(all[0]), len(all), s.server.sendTime)
	}
	s.remember(all, records)
	return nil
}

func (s *Sink) topic(f stream.Forwarded) string {
	if f.Class == message.Command {
		return s.server.commands(s.service)
	}
	return s.server.facts(s.service)
}

// overhead is what a record takes beside its key, its value and its headers, at most.
const overhead = 256

// refuse returns why a record can never be stored, if so.
func (s *Sink) refuse(f stream.Forwarded, r *kgo.Record) error {
	size := len(r.Key) + len(r.Value) + overhead
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value) + 10
	}
	if size <= s.limit {
		return nil
	}
	return &stream.Refused{At: f.Position, Why: fmt.Sprintf("streams: message %s of %s needs %d bytes, and the topic %s takes records of %d at most: raise its max.message.bytes", f.Message.ID, s.service, size, r.Topic, s.limit)}
}

// measure asks how large a record may be.
func (s *Sink) measure(ctx context.Context) error {
	const usual = 1048588
	s.limit = usual
	all, err := s.server.admin.DescribeTopicConfigs(ctx, s.server.facts(s.service), s.server.commands(s.service))
	if err != nil {
		return explain(err)
	}
	smallest := 0
	for _, c := range all {
		for _, v := range c.Configs {
			if n, err := strconv.Atoi(v.MaybeValue()); v.Key == "max.message.bytes" && err == nil && (smallest == 0 || n < smallest) {
				smallest = n
			}
		}
	}
	if smallest > 0 {
		s.limit = smallest
	}
	return nil
}

// remember notes where the topics end.
func (s *Sink) remember(all []stream.Forwarded, records []*kgo.Record) {
	if s.ends == nil {
		return
	}
	for i, f := range all {
		f.Body = nil
		s.ends[f.Partition] = f
		s.high[records[i].Topic][f.Partition] = records[i].Offset + 1
	}
}

// window is how many records from the end are looked at first.
const window = 64

// Ends returns the last message of each partition up to which none is missing.
func (s *Sink) Ends(ctx context.Context, at []store.Position) ([]stream.Forwarded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.prepared {
		if err := s.server.Prepare(ctx, s.service); err != nil {
			return nil, err
		}
		if err := s.measure(ctx); err != nil {
			return nil, err
		}
		s.prepared = true
	}
	has, err := s.direct.bounds(ctx, s.server.facts(s.service), s.server.commands(s.service))
	if err != nil {
		s.prepared = false
		return nil, err
	}
	if !s.same(has, at) {
		s.ends, s.high = map[int]stream.Forwarded{}, map[string]map[int]int64{}
		if err := s.walk(ctx, has, at); err != nil {
			s.ends, s.high = nil, nil
			return nil, err
		}
	}
	var ends []stream.Forwarded
	for _, p := range at {
		if end, ok := s.ends[p.Partition]; ok {
			ends = append(ends, end)
		}
	}
	return ends, nil
}

// same reports whether the topics end where they did when they were looked at, or sent to,
// last.
func (s *Sink) same(has map[string][store.Partitions]bound, at []store.Position) bool {
	for topic, of := range has {
		for _, p := range at {
			if high, known := s.high[topic][p.Partition]; !known || high != of[p.Partition].end {
				return false
			}
		}
	}
	return true
}

// walk looks at the records at the ends of partitions, as many as it takes to come to what is
// known to be there.
func (s *Sink) walk(ctx context.Context, has map[string][store.Partitions]bound, at []store.Position) error {
	for topic, of := range has {
		s.high[topic] = map[int]int64{}
		for _, p := range at {
			s.high[topic][p.Partition] = of[p.Partition].end
		}
	}
	for far := int64(window); len(at) > 0; far *= 16 {
		var wants []want
		tails := map[int]*tail{}
		for _, p := range at {
			t := &tail{}
			for topic, of := range has {
				b := of[p.Partition]
				from := max(b.start, b.end-far)
				if from < b.end {
					wants = append(wants, want{topic, p.Partition, from})
				}
				if topic == s.server.commands(s.service) {
					t.commands.short = from > b.start
				} else {
					t.facts.short = from > b.start
				}
			}
			tails[p.Partition] = t
		}
		if err := s.direct.all(ctx, wants, has, func(w want, r *record) { tails[w.partition].add(r) }); err != nil {
			return err
		}
		var again []store.Position
		for _, p := range at {
			if t := tails[p.Partition]; !t.reaches(p.Seq) {
				again = append(again, p)
			} else if end, ok := t.end(); ok {
				s.ends[p.Partition] = end
			}
		}
		at = again
	}
	return nil
}
