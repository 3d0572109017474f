package streamtest

import (
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Harness makes databases and their logs.
type Harness struct {
	storetest.Harness
	// Log returns the log that the facts appended to db are read from; db is on d. One that
	// has a method Close is closed before db; one that is a copy has a method Journal.
	Log func(db *store.DB, d store.Driver) stream.Log
	// Anew makes a log anew that is a copy of the journal, when that has become another one,
	// and waits until it has everything; nil: the log is the journal.
	Anew func(t testing.TB, log stream.Log)
	// Few leaves out what is about the reader alone, whatever the log is.
	Few bool
}

//go:embed migrations/*.sql
var migrations embed.FS

// Run checks the log and the reader.
func Run(t *testing.T, h Harness) {
	if part, place, ok := storetest.Child(); ok {
		newDesk(t, h, place).play(part)
		return
	}
	for _, group := range []struct {
		name  string
		tests []test
		alone bool // it is about the reader alone
	}{
		{"Log", slices.Concat(logs(), places()), false},
		{"OneBadMessage", bad(), true},
		{"Parked", slices.Concat(parked(), parkedLater()), true},
		{"LaterVersion", later(), true},
		{"AnotherLog", others(), false},
		{"Follower", followers(), true},
		{"Rewound", rewound(), false},
		{"KillsTheProcess", killers(), false},
		{"TwoInstances", instances(), false},
	} {
		if h.Few && group.alone {
			continue
		}
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.run(newDesk(t, h, h.Place(t)))
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*desk)
}

type counted struct{ N int }

func (counted) Kind() string { return "counted" }

type ended struct{}

func (ended) Kind() string { return "ended" }

// garbled is a fact that cannot be decoded as the kind it says it is.
type garbled struct{ N string }

func (garbled) Kind() string { return "counted" }

// A desk is a service with a journal, and a service that reads it.
type desk struct {
	*testing.T
	h      Harness
	place  string
	source *store.DB
	log    stream.Log
	target *store.DB
	driver store.Driver // of target
	stops  []func()
}

func newDesk(t *testing.T, h Harness, place string) *desk {
	k := &desk{T: t, h: h, place: place}
	k.open()
	t.Cleanup(func() {
		k.stop()
		k.closeLog()
	})
	return k
}

func (k *desk) open() {
	d := k.h.Open(k, k.place, "source", nil)
	k.source = store.Open("source", d)
	k.log = k.h.Log(k.source, d)
	k.driver = k.h.Open(k, k.place, "target", migrations)
	k.target = store.Open("target", k.driver)
}

// close lets another process open the databases.
func (k *desk) close() {
	k.closeLog()
	k.must(k.source.Close())
	k.must(k.target.Close())
}

// closeLog ends a log that is open beside the journal.
func (k *desk) closeLog() {
	if c, ok := k.log.(io.Closer); ok {
		k.must(c.Close())
	}
}

// journal is what whoever asks about places looks at: a copy does not know them all.
func (k *desk) journal() stream.Log {
	if c, ok := k.log.(interface{ Journal() stream.Log }); ok {
		return c.Journal()
	}
	return k.log
}

// anew has the log show what the journal is now.
func (k *desk) anew() {
	k.Helper()
	if k.h.Anew != nil {
		k.h.Anew(k, k.log)
	}
}

// stop stops all readers.
func (k *desk) stop() {
	for _, stop := range k.stops {
		stop()
	}
	k.stops = nil
}

func (k *desk) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *desk) update(db *store.DB, change func(*store.Tx) error) {
	k.Helper()
	_, err := db.Update(k.Context(), nil, change)
	k.must(err)
}

func (k *desk) append(key string, facts ...message.Kind) {
	k.Helper()
	k.update(k.source, func(tx *store.Tx) error {
		for _, f := range facts {
			if err := tx.Append(key, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// numbers says 0 to n-1, in turn about as many keys: 7 of 3 is the third of key 1.
func (k *desk) numbers(n, keys int) {
	k.Helper()
	const together = 100 // more would take over a second on a slow machine
	for first := 0; first < n; first += together {
		k.update(k.source, func(tx *store.Tx) error {
			for i := first; i < min(n, first+together); i++ {
				if err := tx.Append(fmt.Sprint("key", i%keys), counted{i}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

type handle = func(context.Context, *store.Tx, message.Of[counted]) error

// do is a handler's effect; a second one of the same message shows.
func do(_ context.Context, tx *store.Tx, m message.Of[counted]) error {
	return effect(tx, m.Key, m.Data.N)
}

func effect(tx *store.Tx, key string, value int) error {
	n, err := tx.Next()
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO effect (n, key, value) VALUES ($1, $2, $3)`, n, key, value)
}

// lease is what the readers of the suite have.
const lease = 400 * time.Millisecond

// reader is a reader whose ends have the effect -1.
func (k *desk) reader(h handle) *stream.Reader {
	return &stream.Reader{DB: k.target, Log: k.log, Name: "source", Lease: lease,
		Process: &run.Process{Instance: fmt.Sprint("instance ", time.Now().UnixNano())},
		Policy:  failure.Policy{Attempts: 3, First: time.Millisecond, Max: 2 * time.Millisecond},
		Handlers: []stream.Handler{stream.On("source", h), stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[ended]) error {
			return effect(tx, m.Key, -1)
		}).Passing()}}
}

// start runs a reader until stop, or the end of the test.
func (k *desk) start(r *stream.Reader) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(k.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			k.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	k.stops = append(k.stops, stop)
	return stop
}

// effects returns the values of a key's effects in the order in which they happened.
func (k *desk) effects(key string) (values []int) {
	k.Helper()
	k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
		values = nil
		return tx.Rows(`SELECT value FROM effect WHERE key = $1 ORDER BY n`, []any{key}, func(scan func(...any) error) error {
			var v int
			err := scan(&v)
			values = append(values, v)
			return err
		})
	}))
	return values
}

// one reads a number.
func (k *desk) one(query string, args ...any) (n int) {
	k.Helper()
	k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query, args...)
		return err
	}))
	return n
}

// states says how many messages are parked in each state, as "dead 1 waiting 2".
func (k *desk) states() (s string) {
	k.Helper()
	k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
		s = ""
		return tx.Rows(`SELECT state, count(*) FROM parked GROUP BY state ORDER BY state`, nil, func(scan func(...any) error) error {
			var state string
			var n int
			err := scan(&state, &n)
			if s != "" {
				s += " "
			}
			s += fmt.Sprint(state, " ", n)
			return err
		})
	}))
	return s
}

func (k *desk) await(what string, ok func() bool) {
	k.Helper()
	storetest.Await(k, what, ok)
}

func (k *desk) awaitStates(want string) {
	k.Helper()
	k.await("parked: "+want, func() bool { return k.states() == want })
}

// awaitEffects waits until a key has had these effects, and no others.
func (k *desk) awaitEffects(key string, want ...int) {
	k.Helper()
	k.await(fmt.Sprint("effects of ", key, ": ", want), func() bool { return len(k.effects(key)) >= len(want) })
	if got := k.effects(key); !slices.Equal(got, want) {
		k.Errorf("effects of %s are %v, want %v", key, got, want)
	}
}

// wantAll waits for all of numbers(n, keys), each once and in its key's order.
func (k *desk) wantAll(n, keys int) {
	k.Helper()
	k.await(fmt.Sprint(n, " effects"), func() bool { return k.one(`SELECT count(*) FROM effect`) >= n })
	for key := range keys {
		var want []int
		for i := key; i < n; i += keys {
			want = append(want, i)
		}
		if got := k.effects(fmt.Sprint("key", key)); !slices.Equal(got, want) {
			k.Errorf("effects of key%d are %v, want %v", key, got, want)
		}
	}
}

// mark does what an operator does with dead messages.
func (k *desk) mark(state string) {
	k.Helper()
	k.update(k.target, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE parked SET state = $1, due = $2, past = '' WHERE state IN ('dead', 'released')`, state, tx.Now)
	})
}
