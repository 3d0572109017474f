package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// facts is the topic of what a service says, and commands of what it asks of others.
func (s *Server) facts(service string) string    { return s.prefix + service + "-events" }
func (s *Server) commands(service string) string { return s.prefix + service + "-commands" }

// errMissing: a topic does not exist.
var errMissing = errors.New("the topic does not exist")

// A topic is one as the brokers have it now: another one of its name has another ID.
type topic struct {
	name    string
	id      kadm.TopicID
	leaders [store.Partitions]int32
	copies  int // of each partition, at least
}

// look asks for a topic.
func look(ctx context.Context, admin *kadm.Client, name string) (*topic, error) {
	all, err := admin.ListTopics(ctx, name)
	if err != nil {
		return nil, explain(err)
	}
	d := all[name]
	switch {
	case errors.Is(d.Err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("%s: %w", name, errMissing)
	case d.Err != nil:
		return nil, fmt.Errorf("topic %s: %w", name, explain(d.Err))
	case len(d.Partitions) != store.Partitions:
		return nil, fmt.Errorf("%w: the topic %s has %d partitions and must have %d, as a journal has: delete it, or name others with prefix=NAME", ErrRefused, name, len(d.Partitions), store.Partitions)
	}
	t := &topic{name: name, id: d.ID, copies: len(d.Partitions[0].Replicas)}
	for p := range store.Partitions {
		part := d.Partitions[int32(p)]
		t.leaders[p], t.copies = part.Leader, min(t.copies, len(part.Replicas))
	}
	return t, nil
}

// Prepare makes sure that the topics of a service are there, and would lose nothing that was
// confirmed.
func (s *Server) Prepare(ctx context.Context, service string) error {
	if s.nodes() == 0 {
		if err := s.greet(ctx); err != nil {
			return err
		}
	}
	for _, name := range []string{s.facts(service), s.commands(service)} {
		t, err := look(ctx, s.admin, name)
		if errors.Is(err, errMissing) && s.create {
			if err = s.make(ctx, name); err == nil {
				t, err = s.appears(ctx, name)
			}
		}
		if errors.Is(err, errMissing) && !s.create {
			err = fmt.Errorf("%w: %w, and create=false: make it with %d partitions and retention.ms=-1", ErrRefused, err, store.Partitions)
		}
		if err == nil {
			err = s.safe(ctx, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// appears waits until a topic that was made is known.
func (s *Server) appears(ctx context.Context, name string) (*topic, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	for idle := run.NewIdler(true).AtMost(100 * time.Millisecond); ; idle.Wait(ctx, nil) {
		if t, err := look(ctx, s.admin, name); !errors.Is(err, errMissing) || ctx.Err() != nil {
			return t, err
		}
	}
}

// make makes a topic that keeps everything for ever.
func (s *Server) make(ctx context.Context, name string) error {
	_, err := s.admin.CreateTopic(ctx, store.Partitions, s.replication, map[string]*string{"retention.ms": kadm.StringPtr("-1"), "cleanup.policy": kadm.StringPtr("delete")}, name)
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("%w: the topic %s cannot have %d copies, for there are %d brokers", ErrRefused, name, s.replication, s.nodes())
	case err != nil:
		return fmt.Errorf("topic %s could not be made: %w", name, explain(err))
	}
	return nil
}

// safe refuses a topic on several brokers that one of them can take along with what it has
// confirmed.
func (s *Server) safe(ctx context.Context, t *topic) error {
	if s.nodes() == 1 || s.unsafe {
		return nil
	}
	if t.copies == 1 {
		return fmt.Errorf("%w: the topic %s has one copy on %d brokers, and what was confirmed can be lost with one of them: give it more, or say unsafe=true", ErrRefused, t.name, s.nodes())
	}
	all, err := s.admin.DescribeTopicConfigs(ctx, t.name)
	if err != nil {
		return explain(err)
	}
	for _, c := range all {
		if c.Err != nil { // no right to see them is none to change them
			return nil
		}
		for _, v := range c.Configs {
			insync, _ := strconv.Atoi(v.MaybeValue())
			if v.Key == "min.insync.replicas" && insync < 2 || v.Key == "unclean.leader.election.enable" && v.MaybeValue() == "true" || v.Key == "cleanup.policy" && v.MaybeValue() != "delete" {
				return fmt.Errorf("%w: the topic %s has %s=%s, and can lose what was confirmed: change it, or say unsafe=true", ErrRefused, t.name, v.Key, v.MaybeValue())
			}
		}
	}
	return nil
}
