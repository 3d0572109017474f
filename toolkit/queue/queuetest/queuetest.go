package queuetest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// A Harness makes databases and queues.
type Harness struct {
	storetest.Harness
	// Queue returns the driver of the queues of a service. It lasts until the end of the test.
	Queue func(t testing.TB, s Service) queue.Driver
}

// A Service is a database whose queues a test works on.
type Service struct {
	Place  string // where it is: others there see the same messages
	DB     *store.DB
	Driver store.Driver // below DB
	Lease  time.Duration
}

//go:embed migrations/*.sql
var migrations embed.FS

// Run checks the driver and the worker.
func Run(t *testing.T, h Harness) {
	if part, place, ok := storetest.Child(); ok {
		newDesk(t, h, place).play(part)
		return
	}
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Driver", slices.Concat(drivers(), leases())},
		{"Verdict", verdicts()},
		{"Suspect", suspects()},
		{"OneBadMessage", bad()},
		{"Operator", operators()},
		{"KillsTheProcess", killers()},
		{"TwoWorkers", workers()},
	} {
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

// parcel is the work of these tests.
type parcel struct{ N int }

func (parcel) Kind() string  { return "parcel" }
func (parcel) Queue() string { return name }

// letter is work of the same queue that nobody handles.
type letter struct{ N string }

func (letter) Kind() string  { return "letter" }
func (letter) Queue() string { return name }

// garbled cannot be decoded as the kind it says it is.
type garbled struct{ N string }

func (garbled) Kind() string  { return "parcel" }
func (garbled) Queue() string { return name }

const (
	name = "test_parcels"
	long = time.Minute            // a lease that does not end within a test
	soon = 100 * time.Millisecond // one that does
)

var errBad = errors.New("bad")

// A desk is a service with a queue.
type desk struct {
	*testing.T
	h      Harness
	place  string
	driver store.Driver
	db     *store.DB
	stops  []func()
}

func newDesk(t *testing.T, h Harness, place string) *desk {
	k := &desk{T: t, h: h, place: place}
	k.open()
	t.Cleanup(func() {
		for _, stop := range k.stops {
			stop()
		}
	})
	return k
}

func (k *desk) open() {
	k.driver = k.h.Open(k, k.place, "test", migrations)
	k.db = store.Open("test", k.driver)
}

func (k *desk) queue(lease time.Duration) queue.Driver {
	return k.h.Queue(k, Service{k.place, k.db, k.driver, lease})
}

func (k *desk) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *desk) update(change func(*store.Tx) error) {
	k.Helper()
	_, err := k.db.Update(k.Context(), nil, change)
	k.must(err)
}

// send sends parcels 0 to n-1.
func (k *desk) send(n int) {
	k.Helper()
	const together = 100 // more would take over a second on a slow machine
	for first := 0; first < n; first += together {
		k.update(func(tx *store.Tx) error {
			for i := first; i < min(n, first+together); i++ {
				if err := tx.Send(fmt.Sprint(i), parcel{i}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (k *desk) receive(q queue.Driver, most int) []queue.Delivery {
	k.Helper()
	got, err := q.Receive(k.Context(), name, most)
	k.must(err)
	return got
}

// collect receives, at most most at a time, until there are n, and fails if there are more. What
// was sent is on its way to whoever receives: some drivers' first answer is none. One whose
// lease has ended meanwhile comes again.
func (k *desk) collect(q queue.Driver, most, n int) (got []queue.Delivery) {
	k.Helper()
	k.await(fmt.Sprint(n, " messages"), func() bool {
		more := k.receive(q, most)
		if len(more) > most {
			k.Fatalf("received %d messages, want at most %d", len(more), most)
		}
		for _, d := range more {
			got = append(slices.DeleteFunc(got, func(old queue.Delivery) bool { return old.ID == d.ID }), d)
		}
		if len(got) > n {
			k.Fatalf("received %d messages, want %d", len(got), n)
		}
		return len(got) == n
	})
	return got
}

// settle gives all of got the same verdict.
func (k *desk) settle(q queue.Driver, got []queue.Delivery, next failure.Next) error {
	var verdicts []queue.Verdict
	for _, d := range got {
		verdicts = append(verdicts, queue.Verdict{Delivery: d, Next: next})
	}
	_, err := k.db.Update(k.Context(), nil, func(tx *store.Tx) error { return q.Settle(tx, verdicts) })
	if err == nil {
		err = q.Confirm(k.Context(), verdicts)
	}
	return err
}

func (k *desk) wantDepth(waiting, out, dead int64) {
	k.Helper()
	w, o, d, err := k.queue(long).Depth(k.Context(), name)
	if err != nil || w != waiting || o != out || d != dead {
		k.Errorf("depth is %d waiting, %d out, %d dead, %v; want %d, %d, %d", w, o, d, err, waiting, out, dead)
	}
}

func (k *desk) await(what string, ok func() bool) {
	k.Helper()
	storetest.Await(k, what, ok)
}

// one reads a number.
func (k *desk) one(query string) (n int) {
	k.Helper()
	k.must(k.db.View(k.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query)
		return err
	}))
	return n
}

type (
	call = func(context.Context, message.Of[parcel]) (string, error)
)

func deliver(context.Context, message.Of[parcel]) (string, error) { return "sent", nil }

func post(_ context.Context, tx *store.Tx, m message.Of[parcel], outcome string) error {
	return tx.Exec(`INSERT INTO posted (n, outcome) VALUES ($1, $2)`, m.Data.N, outcome)
}

func (k *desk) worker(h queue.Handler, lease time.Duration) *queue.Worker {
	return &queue.Worker{DB: k.db, Driver: k.queue(lease), Lease: lease, Handlers: []queue.Handler{h}, Process: &run.Process{Instance: "test"},
		Policy: failure.Policy{Attempts: 3, First: time.Millisecond, Max: 2 * time.Millisecond, Timeout: 100 * time.Millisecond}}
}

// start runs a worker until stop, or the end of the test.
func (k *desk) start(w *queue.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(k.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.Run(ctx); err != nil {
			k.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	k.stops = append(k.stops, stop)
	return stop
}

// wantPosted waits until n messages are done, and checks that each was done once and
// so many are dead.
func (k *desk) wantPosted(n, dead int) {
	k.Helper()
	k.await(fmt.Sprint(n, " done and ", dead, " dead"), func() bool {
		return k.one(`SELECT count(*) FROM posted`) >= n && k.one(`SELECT count(*) FROM job WHERE dead = 1`) >= dead &&
			k.one(`SELECT count(*) FROM job WHERE dead = 0`) == 0
	})
	if got := k.one(`SELECT count(*) FROM posted`); got != n {
		k.Errorf("%d effects, want %d", got, n)
	}
	if got := k.one(`SELECT count(DISTINCT n) FROM posted`); got != n {
		k.Errorf("%d different messages done, want %d", got, n)
	}
	k.wantDepth(0, 0, int64(dead))
	k.wantMourned()
}
