package kafka_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/kafka"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
	"github.com/tidewire/tidewire/toolkit/stream/streamtest"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaURL is the server's, for topics that begin with prefix.
func kafkaURL(t testing.TB, prefix string, more ...string) string {
	t.Helper()
	url := os.Getenv("TIDEWIRE_TEST_KAFKA")
	if url == "" {
		t.Skip("TIDEWIRE_TEST_KAFKA is not set: Kafka was not tested")
	}
	return url + "?" + strings.Join(append(more, "prefix="+prefix), "&")
}

// prefixOf names the topics of a place.
func prefixOf(place string) string {
	sum := sha256.Sum256([]byte(place))
	return "t" + hex.EncodeToString(sum[:6]) + "-"
}

func connect(t testing.TB, url string) *kafka.Server {
	t.Helper()
	s, err := kafka.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// admin asks the server itself.
func admin(t testing.TB) *kadm.Client {
	t.Helper()
	url := os.Getenv("TIDEWIRE_TEST_KAFKA")
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.TrimPrefix(url, "kafka://")), kgo.MetadataMinAge(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// wipe deletes the topics that begin with a prefix.
func wipe(t testing.TB, prefix string) {
	t.Helper()
	a := admin(t)
	all, err := a.ListTopics(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(all.Names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
	if len(names) == 0 {
		return
	}
	if _, err := a.DeleteTopics(context.Background(), names...); err != nil {
		t.Error(err)
	}
	storetest.Await(t, "the topics to be gone", func() bool {
		left, err := a.ListTopics(context.Background(), names...)
		return err == nil && !slices.ContainsFunc(left.Sorted(), func(d kadm.TopicDetail) bool { return d.Err == nil })
	})
}

// A copied log is one whose journal is forwarded to it, as long as it is open.
type copied struct {
	*kafka.Log
	server *kafka.Server
	db     *store.DB
	prefix string
	source stream.Log
	start  func() (stop func())
	stop   func()
}

func (c *copied) Journal() stream.Log { return c.source }

func (c *copied) Close() error {
	c.stop()
	defer c.server.Close()
	return c.Log.Close()
}

// filled waits until the topics have everything of the journal.
func (c *copied) filled(t testing.TB) {
	t.Helper()
	a := admin(t)
	storetest.Await(t, "the topics to be filled", func() bool {
		want, have := int64(0), int64(0)
		if err := c.db.View(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{&want}, `SELECT count(*) FROM journal WHERE class IN ('public', 'command')`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		ends, err := a.ListEndOffsets(context.Background(), c.prefix+"source-events", c.prefix+"source-commands")
		ends.Each(func(o kadm.ListedOffset) { have += max(0, o.Offset) })
		return err == nil && ends.Error() == nil && have >= want
	})
}

// relay is a relay of the journal of db, with short times.
func relay(db *store.DB, journal stream.Log, s *kafka.Server) (*stream.Relay, *kafka.Sink) {
	sink := s.NewSink(db.Service())
	return &stream.Relay{DB: db, Log: journal, To: "kafka", Sink: sink, Process: &run.Process{Instance: uuid.NewString()}, Lease: 400 * time.Millisecond, Every: 200 * time.Millisecond}, sink
}

// running runs a relay until stop.
func running(t testing.TB, db *store.DB, journal stream.Log, s *kafka.Server) (stop func()) {
	r, sink := relay(db, journal, s)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return sync.OnceFunc(func() { cancel(); wg.Wait(); _ = sink.Close() })
}

// A rig is what the suites of a database run on.
type rig struct {
	open func(t testing.TB, place, service string, migrations fs.FS) (store.Driver, func(db *store.DB) stream.Log)
	make func(t testing.TB) (place string)
}

func onPostgres() rig {
	return rig{
		make: func(t testing.TB) string {
			if os.Getenv("TIDEWIRE_TEST_POSTGRES") == "" {
				t.Skip("TIDEWIRE_TEST_POSTGRES is not set: Kafka beside PostgreSQL was not tested")
			}
			place := "t_" + strings.ReplaceAll(uuid.NewString()[:18], "-", "")
			t.Cleanup(func() { drop(t, place+"_source", place+"_target") })
			return place
		},
		open: func(t testing.TB, place, service string, migrations fs.FS) (store.Driver, func(db *store.DB) stream.Log) {
			d, err := postgres.Open(context.Background(), os.Getenv("TIDEWIRE_TEST_POSTGRES")+"&pool_max_conns=6", place+"_"+service, migrations)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			return d, func(db *store.DB) stream.Log { return postgres.NewLog(db, d) }
		},
	}
}

func onSQLite() rig {
	return rig{
		make: func(t testing.TB) string { return t.TempDir() },
		open: func(t testing.TB, place, service string, migrations fs.FS) (store.Driver, func(db *store.DB) stream.Log) {
			d, err := sqlite.Open(context.Background(), filepath.Join(place, service+".db"), migrations)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			return d, func(db *store.DB) stream.Log { return sqlite.NewLog(db, d) }
		},
	}
}

func drop(t testing.TB, schemas ...string) {
	c, err := pgx.Connect(context.Background(), os.Getenv("TIDEWIRE_TEST_POSTGRES"))
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = c.Close(context.Background()) }()
	for _, schema := range schemas {
		if _, err := c.Exec(context.Background(), `DROP SCHEMA IF EXISTS `+pgx.Identifier{schema}.Sanitize()+` CASCADE`); err != nil {
			t.Error(err)
		}
	}
}

// harness: the log of a place is its topics.
func harness(t *testing.T, r rig) streamtest.Harness {
	kafkaURL(t, "")
	var mu sync.Mutex
	places, journals := map[store.Driver]string{}, map[store.Driver]func(*store.DB) stream.Log{}
	return streamtest.Harness{
		Few: os.Getenv("TIDEWIRE_STOPS") == "", // make soak runs all: each test makes topics, which takes its time
		Harness: storetest.Harness{
			Place: func(t testing.TB) string {
				place := r.make(t)
				t.Cleanup(func() { wipe(t, prefixOf(place)) })
				return place
			},
			Open: func(t testing.TB, place, service string, migrations fs.FS) store.Driver {
				d, journal := r.open(t, place, service, migrations)
				mu.Lock()
				defer mu.Unlock()
				places[d], journals[d] = place, journal
				return d
			},
		},
		Log: func(db *store.DB, d store.Driver) stream.Log {
			mu.Lock()
			defer mu.Unlock()
			prefix := prefixOf(places[d])
			server, err := kafka.Open(kafkaURL(t, prefix))
			if err != nil {
				t.Fatal(err)
			}
			log := server.NewLog("source", "target", true)
			journal := journals[d](db)
			c := &copied{Log: log, server: server, db: db, prefix: prefix, source: journal, start: func() func() { return running(t, db, journal, server) }}
			c.stop = c.start()
			c.filled(t)
			return c
		},
		Anew: func(t testing.TB, log stream.Log) {
			c := log.(*copied)
			c.stop()
			if err := c.Log.Close(); err != nil {
				t.Error(err)
			}
			wipe(t, c.prefix)
			c.stop = c.start()
			c.Log = c.server.NewLog("source", "target", true) // who comes next has seen nothing of the former topics
			c.filled(t)
		},
	}
}

func TestStream(t *testing.T) { streamtest.Run(t, harness(t, onPostgres())) }

func TestStreamOnSQLite(t *testing.T) {
	if os.Getenv("TIDEWIRE_STOPS") == "" {
		t.Skip("the same on another database takes a minute: make soak runs it")
	}
	streamtest.Run(t, harness(t, onSQLite()))
}
