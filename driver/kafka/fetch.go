package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A fetcher reads topics at offsets that its caller names. It has no position of its own: so
// no reset of one can pass by anything.
type fetcher struct {
	client *kgo.Client
	admin  *kadm.Client

	mu     sync.Mutex
	topics map[string]*topic // as far as they were asked for; forgotten after an error
}

func newFetcher(client *kgo.Client) *fetcher {
	return &fetcher{client: client, admin: kadm.NewClient(client), topics: map[string]*topic{}}
}

// A want is a partition of a topic, from an offset on.
type want struct {
	topic     string
	partition int
	offset    int64
}

// A got is what there was. next is where to go on.
type got struct {
	want
	id      kadm.TopicID
	records []*record
	start   int64 // of the partition: the first offset that it still has
	next    int64
	gone    bool // the offset is not there any more
}

const (
	fetchBytes     = 8 << 20
	partitionBytes = 1 << 20
)

// fetch reads from wants, and waits a while if there is nothing. It asks once more where
// topics are other ones, or led by others, than it knew.
func (f *fetcher) fetch(ctx context.Context, wants []want, wait time.Duration) ([]got, error) {
	all, err := f.once(ctx, wants, wait)
	if errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.NotLeaderForPartition) {
		all, err = f.once(ctx, wants, wait)
	}
	return all, err
}

func (f *fetcher) once(ctx context.Context, wants []want, wait time.Duration) (all []got, err error) {
	byLeader := map[int32][]want{}
	for _, w := range wants {
		t, err := f.topic(ctx, w.topic)
		if err != nil {
			return nil, err
		}
		byLeader[t.leaders[w.partition]] = append(byLeader[t.leaders[w.partition]], w)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for leader, wants := range byLeader {
		wg.Go(func() {
			got, failed := f.ask(ctx, leader, wants, wait)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, got...)
			err = errors.Join(err, failed)
		})
	}
	wg.Wait()
	if err != nil {
		f.forget()
	}
	return all, err
}

// topic returns a topic as it was when it was first asked for.
func (f *fetcher) topic(ctx context.Context, name string) (*topic, error) {
	f.mu.Lock()
	t := f.topics[name]
	f.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := look(ctx, f.admin, name)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.topics[name] = t
	return t, nil
}

// forget has topics looked up anew: another broker may lead them, or they are other ones.
func (f *fetcher) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.topics)
}

// ask sends one request to the leader of partitions.
func (f *fetcher) ask(ctx context.Context, leader int32, wants []want, wait time.Duration) (all []got, err error) {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = -1, int32(wait.Milliseconds()), 1, fetchBytes
	req.SessionEpoch = -1
	asked := map[kadm.TopicID]*topic{}
	offsets := map[kadm.TopicID]map[int32]want{}
	for _, w := range wants {
		t, err := f.topic(ctx, w.topic)
		if err != nil {
			return nil, err
		}
		if asked[t.id] == nil {
			asked[t.id], offsets[t.id] = t, map[int32]want{}
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = t.name, t.id
			req.Topics = append(req.Topics, rt)
		}
		offsets[t.id][int32(w.partition)] = w
		for i := range req.Topics {
			if req.Topics[i].TopicID == t.id {
				rp := kmsg.NewFetchRequestTopicPartition()
				rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = int32(w.partition), w.offset, partitionBytes, -1
				req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wait+requestTime)
	defer cancel()
	answer, err := req.RequestWith(ctx, f.client.Broker(int(leader)))
	if err != nil {
		return nil, explain(err)
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, explain(err)
	}
	for _, rt := range answer.Topics {
		t := asked[rt.TopicID]
		if t == nil {
			continue
		}
		for i := range rt.Partitions {
			g, err := read(t, offsets[t.id][rt.Partitions[i].Partition], &rt.Partitions[i])
			if err != nil {
				return nil, err
			}
			all = append(all, g)
		}
	}
	return all, nil
}

// read takes records out of an answer.
func read(t *topic, w want, rp *kmsg.FetchResponseTopicPartition) (got, error) {
	g := got{want: w, id: t.id, start: rp.LogStartOffset, next: w.offset}
	if errors.Is(kerr.ErrorForCode(rp.ErrorCode), kerr.OffsetOutOfRange) {
		g.gone = true
		return g, nil
	}
	part, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: w.offset, Topic: t.name, Partition: rp.Partition}, rp, kgo.DefaultDecompressor(), nil)
	if part.Err != nil && len(part.Records) == 0 {
		return g, fmt.Errorf("topic %s, partition %d: %w", t.name, w.partition, explain(part.Err))
	}
	g.next = max(next, w.offset)
	for _, r := range part.Records {
		one, err := decode(r)
		if err != nil {
			slog.Warn("a record of a topic is passed by", "topic", t.name, "partition", r.Partition, "offset", r.Offset, "error", err)
			continue
		}
		one.first = r.Offset == g.start && g.start > 0
		g.records = append(g.records, one)
	}
	return g, nil
}

// A bound is what a partition of a topic has.
type bound struct{ start, end int64 }

// bounds returns what topics have now.
func (f *fetcher) bounds(ctx context.Context, names ...string) (map[string][store.Partitions]bound, error) {
	starts, err := f.admin.ListStartOffsets(ctx, names...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, lost(names, err)
	}
	ends, err := f.admin.ListEndOffsets(ctx, names...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, lost(names, err)
	}
	all := map[string][store.Partitions]bound{}
	for _, name := range names {
		var of [store.Partitions]bound
		for p := range of {
			start, _ := starts.Lookup(name, int32(p))
			end, there := ends.Lookup(name, int32(p))
			if !there {
				return nil, fmt.Errorf("%s: %w", name, errMissing)
			}
			of[p] = bound{start.Offset, end.Offset}
		}
		all[name] = of
	}
	return all, nil
}

// lost explains an error of a look at offsets.
func lost(names []string, err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("%s: %w", strings.Join(names, " or "), errMissing)
	}
	return explain(err)
}

// all reads wants up to the ends of bounds, and calls each with every record, in the order
// of its partition.
func (f *fetcher) all(ctx context.Context, wants []want, ends map[string][store.Partitions]bound, each func(want, *record)) error {
	for len(wants) > 0 {
		answers, err := f.fetch(ctx, wants, 0)
		if err != nil {
			return err
		}
		wants = wants[:0]
		for _, g := range answers {
			end := ends[g.topic][g.partition].end
			for _, r := range g.records {
				if r.offset < end {
					each(g.want, r)
				}
			}
			if g.next > g.offset && g.next < end {
				g.offset = g.next
				wants = append(wants, g.want)
			} else if g.next < end && !g.gone {
				return fmt.Errorf("topic %s, partition %d: nothing comes from offset %d, and it ends at %d", g.topic, g.partition, g.next, end)
			}
		}
	}
	return nil
}
