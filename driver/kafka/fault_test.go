package kafka_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/kafka"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/twmb/franz-go/pkg/kadm"
)

const lease = 400 * time.Millisecond

func storetestID() string { return uuid.NewString() }

// What waiting does not mend is said in one sentence, without a password.
func TestWhatCannotBeUsedIsSaid(t *testing.T) {
	plain, secure := os.Getenv("TIDEWIRE_TEST_KAFKA"), os.Getenv("TIDEWIRE_TEST_KAFKA_SECURE")
	if plain == "" || secure == "" {
		t.Skip("TIDEWIRE_TEST_KAFKA_SECURE is not set: TLS and passwords of Kafka were not tested")
	}
	for _, tt := range []struct {
		name, url, want string
		final           bool
	}{
		{"it is right", secure, "", false},
		{"a wrong password", strings.Replace(secure, "admin-secret", "hush", 1), "does not take the user and the password", true},
		{"another mechanism", strings.Replace(secure, "scram-sha-256", "scram-sha-512", 1), "", false},
		{"TLS where there is none", plain + "?tls=true", "may not speak TLS", false},
		{"no TLS where there is one", "kafka://" + secure[strings.LastIndex(secure, "@")+1:strings.Index(secure, "?")], "add tls=true", true},
		{"an unknown authority", secure[:strings.Index(secure, "?")] + "?tls=true", "cannot be trusted", true},
		{"nobody there", "kafka://127.0.0.1:1", "no answer from the server", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := kafka.Open(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.Check(t.Context())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) || errors.Is(err, kafka.ErrRefused) != tt.final {
				t.Errorf("got %v (refused: %v), want %q", err, errors.Is(err, kafka.ErrRefused), tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v with the password", err)
			}
		})
	}
}

// Topics that are not what they must be are named, with what is wrong.
func TestTopicsAreChecked(t *testing.T) {
	prefix := prefixOf(t.Name() + uuid.NewString())
	url := kafkaURL(t, prefix)
	t.Cleanup(func() { wipe(t, prefix) })
	if _, err := admin(t).CreateTopic(t.Context(), 5, 1, nil, prefix+"five-events"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, more, service, want string }{
		{"another number of partitions", "", "five", "has 5 partitions and must have 16"},
		{"missing, and not to be made", "&create=false", "none", "create=false"},
		{"more copies than brokers", "&replication=3", "three", "cannot have 3 copies"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := connect(t, url+tt.more).Prepare(t.Context(), tt.service)
			if !errors.Is(err, kafka.ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	s := connect(t, url)
	for range 2 { // once they are there, they are right
		if err := s.Prepare(t.Context(), "good"); err != nil {
			t.Error(err)
		}
	}
}

// A user without rights is told so.
func TestRightsAreMissing(t *testing.T) {
	url := os.Getenv("TIDEWIRE_TEST_KAFKA_MUTUAL")
	if url == "" {
		t.Skip("TIDEWIRE_TEST_KAFKA_MUTUAL is not set: rights were not tested")
	}
	if err := connect(t, url).Prepare(t.Context(), "nothing"); !errors.Is(err, kafka.ErrRefused) || !strings.Contains(err.Error(), "rights") {
		t.Errorf("got %v, want an error about rights", err)
	}
}

// What no record can hold stops its partition, with the setting that is in the way; the
// others go on.
func TestTooLarge(t *testing.T) {
	y := newYard(t, onSQLite())
	if err := y.server.Prepare(t.Context(), "source"); err != nil {
		t.Fatal(err)
	}
	small := "2000"
	if _, err := admin(t).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &small}}, prefixOf(y.place)+"source-events"); err != nil {
		t.Fatal(err)
	}
	y.forward()
	y.follow(nil)
	y.update(y.source, func(tx *store.Tx) error { return tx.Append("large", large{strings.Repeat("x", 4000)}) })
	var all []stream.Standstill
	storetest.Await(t, "a stopped partition", func() bool {
		var err error
		if all, err = stream.Unforwarded(t.Context(), y.source, "kafka"); err != nil {
			t.Fatal(err)
		}
		return len(all) == 1
	})
	if all[0].Partitions != 1 || !strings.Contains(all[0].Why, "streams: message") || !strings.Contains(all[0].Why, "max.message.bytes") {
		t.Errorf("got %+v", all)
	}
	y.say(70)
	storetest.Await(t, "the others", func() bool {
		n, blocked := 0, store.Partition("large")
		want := 0
		for i := range 70 {
			if store.Partition([]string{"key0", "key1", "key2", "key3", "key4", "key5", "key6"}[i%7]) != blocked {
				want++
			}
		}
		if err := y.target.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{&n}, `SELECT count(*) FROM effect`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n == want
	})
}

type large struct{ Text string }

func (large) Kind() string { return "large" }

// Topics that were deleted while everybody works are filled again, and readers go on where
// they were.
func TestWipedTopicsAreFilled(t *testing.T) {
	y := newYard(t, onSQLite())
	y.forward()
	y.follow(nil)
	y.say(100)
	y.wantAll()
	wipe(t, prefixOf(y.place))
	y.say(100)
	y.wantAll()
	// Whoever comes now gets all of it.
	late := y.server.NewLog("source", "late", true)
	t.Cleanup(func() { _ = late.Close() })
	var from []store.Position
	for p := range store.Partitions {
		from = append(from, store.Position{Partition: p})
	}
	storetest.Await(t, "200 messages", func() bool {
		all, err := late.Read(t.Context(), stream.Query{From: from, Max: 1000, Want: func(string) bool { return true }})
		return err == nil && len(all) == 200
	})
}

// The engine is changed under a subscription: it goes on where it was, both ways.
func TestFromJournalsToKafkaAndBack(t *testing.T) {
	y := newYard(t, onSQLite())
	for range 2 {
		stop := y.follow(y.journal)
		y.say(50)
		y.update(y.source, func(tx *store.Tx) error { return tx.Append("key1", hidden{}) }) // its last position is of no record
		y.wantAll()
		stop()
		end, forwarding := y.follow(nil), y.forward()
		y.say(50)
		y.wantAll()
		end()
		forwarding()
	}
}

type hidden struct{}

func (hidden) Kind() string         { return "hidden" }
func (hidden) Class() message.Class { return message.Internal }

// A reader of facts alone has a chain of its own.
func TestFactsAlone(t *testing.T) {
	y := newYard(t, onSQLite())
	y.forward()
	y.say(70)
	log := y.server.NewLog("source", "reader", false)
	t.Cleanup(func() { _ = log.Close() })
	storetest.Await(t, "35 facts", func() bool {
		all, err := log.Read(t.Context(), stream.Query{From: []store.Position{{Partition: store.Partition("key0")}, {Partition: store.Partition("key3")}}, Max: 1000, Want: func(string) bool { return true }})
		for _, e := range all {
			if e.Class != message.Public {
				t.Errorf("got %s, which is no fact", e.Kind)
			}
		}
		return err == nil && len(all) >= 10
	})
}

// A cutter is a net whose connections are cut after some bytes, or get no answer.
type cutter struct {
	cuts   atomic.Int64
	silent atomic.Bool
	on     atomic.Bool
}

func (c *cutter) dial(ctx context.Context, network, host string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, host)
	return &cut{Conn: conn, c: c, left: 2000 + rand.Int64N(20000)}, err
}

type cut struct {
	net.Conn
	c    *cutter
	mu   sync.Mutex
	left int64
}

func (c *cut) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.left -= int64(len(p))
	over := c.left < 0
	c.mu.Unlock()
	if over && c.c.on.Load() {
		c.c.cuts.Add(1)
		n, _ := c.Conn.Write(p[:rand.IntN(len(p))]) // in the middle of a request
		_ = c.Conn.Close()
		return n, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *cut) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for c.c.silent.Load() && err == nil {
		if n, err = c.Conn.Read(p); err != nil {
			return 0, err
		}
	}
	return n, err
}

// Connections that are cut in the middle of what they send lose and double nothing.
func TestCutWhilePublishing(t *testing.T) {
	y := newYard(t, onSQLite())
	if err := y.server.Prepare(t.Context(), "source"); err != nil {
		t.Fatal(err)
	}
	c := &cutter{}
	c.on.Store(true)
	y.server.Dialing(c.dial)
	y.forward()
	y.follow(nil)
	for range 15 {
		y.say(40)
		<-time.After(20 * time.Millisecond)
	}
	storetest.Await(t, "some cuts", func() bool { y.say(7); return c.cuts.Load() >= 3 })
	c.on.Store(false)
	y.wantAll()
}

// Nil from Send means that the server has said so: what nobody answers is not confirmed.
func TestNoAnswerIsNoConfirm(t *testing.T) {
	y := newYard(t, onSQLite())
	c := &cutter{}
	y.server.Dialing(c.dial)
	y.server.Patience(time.Second)
	sink := y.server.NewSink("source")
	t.Cleanup(func() { _ = sink.Close() })
	if _, err := sink.Ends(t.Context(), []store.Position{{}}); err != nil {
		t.Fatal(err)
	}
	if err := sink.Send(t.Context(), facts(1)); err != nil {
		t.Fatal(err)
	}
	c.silent.Store(true)
	done := make(chan error, 1)
	go func() { done <- sink.Send(context.Background(), facts(2)) }()
	if err := <-done; err == nil {
		t.Error("it is confirmed, and the server has said nothing")
	}
}

// facts are messages of partition 0 at places, each with the one before it in journal order.
func facts(seqs ...int64) (all []stream.Forwarded) {
	for _, seq := range seqs {
		f := stream.Forwarded{Identity: "journal", Before: stream.Chain{Fact: seq - 1}}
		f.Seq, f.Message = seq, message.Message{ID: uuid.NewString(), Kind: "fact", Class: message.Public, Key: "k", Time: time.Now(), Body: []byte(`{}`)}
		f.Position.ID = f.Message.ID
		all = append(all, f)
	}
	return all
}

// What a broker has lost is not passed by: what follows it waits until it comes again. And a
// relay that looks finds where it has to go on.
func TestGapIsWaitedFor(t *testing.T) {
	y := newYard(t, onSQLite())
	sink := y.server.NewSink("source")
	t.Cleanup(func() { _ = sink.Close() })
	log := y.server.NewLog("source", "reader", true)
	t.Cleanup(func() { _ = log.Close() })
	if _, err := sink.Ends(t.Context(), []store.Position{{}}); err != nil {
		t.Fatal(err)
	}
	read := func() (seqs []int64) {
		for _, follow := range []bool{false, true} {
			seqs = nil
			all, err := log.Read(t.Context(), stream.Query{From: []store.Position{{}}, Max: 100, Want: func(string) bool { return true }, Follow: follow})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				seqs = append(seqs, e.Seq)
			}
		}
		return seqs
	}
	for _, tt := range []struct {
		send []int64
		want int64 // the end
	}{
		{[]int64{1, 2, 3}, 3},
		{[]int64{6, 7}, 3}, // 4 and 5 are lost
		{[]int64{2, 3}, 3}, // what comes twice changes nothing
		{[]int64{4, 5, 6, 7, 8}, 8},
		{[]int64{5, 6}, 8},
	} {
		if err := sink.Send(t.Context(), facts(tt.send...)); err != nil {
			t.Fatal(err)
		}
		var got []int64
		storetest.Await(t, "the end", func() bool { got = read(); return int64(len(got)) == tt.want })
		for i, seq := range got {
			if seq != int64(i+1) {
				t.Errorf("after %v were sent: read %v", tt.send, got)
			}
		}
		other := y.server.NewSink("source")
		ends, err := other.Ends(t.Context(), []store.Position{{Seq: 8}})
		if err != nil || len(ends) != 1 || ends[0].Seq != tt.want {
			t.Errorf("after %v were sent it ends with %+v, %v; want %d", tt.send, ends, err, tt.want)
		}
	}
}
