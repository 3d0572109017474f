package kafka_test

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/driver/kafka"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// counted is a fact, and asked a command of another service.
type counted struct{ N int }

func (counted) Kind() string { return "counted" }

type asked struct{ N int }

func (asked) Kind() string  { return "asked" }
func (asked) Queue() string { return "target_asked" }

// A yard is a service, source, whose journal is forwarded, and one that reads it, target.
type yard struct {
	testing.TB
	rig            rig
	place          string
	source, target *store.DB
	journal        stream.Log
	server         *kafka.Server
	n              int // messages said
}

func newYard(t testing.TB, r rig, more ...string) *yard {
	kafkaURL(t, "") // or it is not tested
	return openYard(t, r, r.make(t), more...)
}

// openYard opens a yard at a place.
func openYard(t testing.TB, r rig, place string, more ...string) *yard {
	y := &yard{TB: t, rig: r, place: place}
	open := func(service string, migrations fs.FS) (*store.DB, stream.Log) {
		d, journal := r.open(t, place, service, migrations)
		db := store.Open(service, d)
		return db, journal(db)
	}
	y.source, y.journal = open("source", nil)
	y.target, _ = open("target", nil)
	y.server = connect(t, kafkaURL(t, prefixOf(place), more...))
	if _, _, child := storetest.Child(); !child {
		t.Cleanup(func() { wipe(t, prefixOf(place)) })
		y.update(y.target, func(tx *store.Tx) error {
			return tx.Exec(`CREATE TABLE effect (key TEXT NOT NULL, value BIGINT NOT NULL, turn BIGINT NOT NULL)`)
		})
	}
	return y
}

func (y *yard) update(db *store.DB, change func(*store.Tx) error) {
	y.Helper()
	if _, err := db.Update(context.Background(), nil, change); err != nil {
		y.Fatal(err)
	}
}

// say appends n messages, facts and commands in turn, of seven keys.
func (y *yard) say(n int) {
	y.Helper()
	y.update(y.source, func(tx *store.Tx) error {
		for i := y.n; i < y.n+n; i++ {
			key := fmt.Sprint("key", i%7)
			if i/7%2 == 1 {
				if err := tx.Send(key, asked{i}); err != nil {
					return err
				}
			} else if err := tx.Append(key, counted{i}); err != nil {
				return err
			}
		}
		return nil
	})
	y.n += n
}

// forward forwards the journal until stop.
func (y *yard) forward() (stop func()) {
	stop = running(y, y.source, y.journal, y.server)
	y.Cleanup(stop)
	return stop
}

// follow reads a log until stop; nil: the topics.
func (y *yard) follow(log stream.Log) (stop func()) {
	end := func() {}
	if log == nil {
		l := y.server.NewLog("source", "target", true)
		log, end = l, func() { _ = l.Close() }
	}
	r := &stream.Reader{DB: y.target, Log: log, Name: "source", Lease: lease, Process: &run.Process{Instance: fmt.Sprint(y.Name(), " ", storetestID())},
		Policy: failure.Policy{Attempts: 3},
		Handlers: []stream.Handler{
			stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[counted]) error { return effect(tx, m.Key, m.Data.N) }),
			stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[asked]) error { return effect(tx, m.Key, m.Data.N) }),
		}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			y.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait(); end() })
	y.Cleanup(stop)
	return stop
}

func effect(tx *store.Tx, key string, n int) error {
	turn, err := tx.Next()
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO effect (key, value, turn) VALUES ($1, $2, $3)`, key, n, turn)
}

// wantAll waits until everything that was said has its effect, once and in the order of its
// key, facts among commands.
func (y *yard) wantAll() {
	y.Helper()
	var got map[string][]int
	n := 0
	storetest.Await(y, fmt.Sprint(y.n, " effects"), func() bool {
		if err := y.target.View(context.Background(), func(tx *store.Tx) error {
			got, n = map[string][]int{}, 0
			return tx.Rows(`SELECT key, value FROM effect ORDER BY turn`, nil, func(scan func(...any) error) error {
				var key string
				var value int
				err := scan(&key, &value)
				got[key], n = append(got[key], value), n+1
				return err
			})
		}); err != nil {
			y.Fatal(err)
		}
		return n >= y.n
	})
	for k := range 7 {
		var want []int
		for i := k; i < y.n; i += 7 {
			want = append(want, i)
		}
		if key := fmt.Sprint("key", k); fmt.Sprint(got[key]) != fmt.Sprint(want) {
			y.Errorf("effects of %s are %v, want %v", key, got[key], want)
		}
	}
}
