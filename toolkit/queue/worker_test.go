package queue_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
)

type parcel struct{ N int }

func (parcel) Kind() string  { return "parcel" }
func (parcel) Queue() string { return "test_parcels" }

func open(t testing.TB) *store.DB {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("test", d)
	t.Cleanup(func() { db.Close() })
	update(t, db, func(tx *store.Tx) error { return tx.Exec(`CREATE TABLE posted (n BIGINT, outcome TEXT)`) })
	return db
}

func update(t testing.TB, db *store.DB, change func(*store.Tx) error) {
	t.Helper()
	if _, err := db.Update(t.Context(), nil, change); err != nil {
		t.Fatal(err)
	}
}

func send(t testing.TB, db *store.DB, n int) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		for i := range n {
			if err := tx.Send(fmt.Sprint(i), parcel{i}); err != nil {
				return err
			}
		}
		return nil
	})
}

// count runs a query that returns one number.
func count(t testing.TB, db *store.DB, query string) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func start(t testing.TB, w *queue.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func worker(db *store.DB, h queue.Handler) *queue.Worker {
	return &queue.Worker{DB: db, Driver: queue.Table{DB: db}, Handlers: []queue.Handler{h}, Process: &run.Process{Instance: "test"},
		Policy: failure.Policy{Attempts: 3, First: time.Millisecond, Max: 2 * time.Millisecond, Timeout: 50 * time.Millisecond}}
}

func posted(_ context.Context, tx *store.Tx, m message.Of[parcel], outcome string) error {
	return tx.Exec(`INSERT INTO posted (n, outcome) VALUES ($1, $2)`, m.Data.N, outcome)
}

// One of 40 messages misbehaves in each way; it ends as the policy says, and the other
// 39 are done once.
func TestOneBadMessageAmongMany(t *testing.T) {
	const bad = 17
	for _, tt := range []struct {
		name   string
		call   func(ctx context.Context, attempt int64) error
		record func(tx *store.Tx, attempt int64) error
		calls  int64 // of the bad one
		dead   int
	}{
		{"fails twice", func(_ context.Context, n int64) error {
			if n < 3 {
				return errors.New("away")
			}
			return nil
		}, nil, 3, 0},
		{"fails for ever", func(context.Context, int64) error { return errors.New("away") }, nil, 3, 1},
		{"permanent", func(context.Context, int64) error { return failure.Permanent(errors.New("never")) }, nil, 1, 1},
		{"panics", func(context.Context, int64) error { panic("oh") }, nil, 3, 1},
		{"hangs", func(ctx context.Context, n int64) error {
			if n > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}, nil, 2, 0},
		{"its record fails twice", nil, func(_ *store.Tx, n int64) error {
			if n < 3 {
				return errors.New("conflict")
			}
			return nil
		}, 1, 0},
		{"its record panics for ever", nil, func(*store.Tx, int64) error { panic("oh") }, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			var calls, records atomic.Int64
			send(t, db, 40)
			start(t, worker(db, queue.Do(func(ctx context.Context, m message.Of[parcel]) (string, error) {
				if m.Data.N != bad {
					return "sent", nil
				}
				n := calls.Add(1)
				if tt.call != nil {
					return "sent", tt.call(ctx, n)
				}
				return "sent", nil
			}, func(ctx context.Context, tx *store.Tx, m message.Of[parcel], outcome string) error {
				if m.Data.N == bad && tt.record != nil {
					if err := tt.record(tx, records.Add(1)); err != nil {
						return err
					}
				}
				return posted(ctx, tx, m, outcome)
			})))
			await(t, "all settled", func() bool {
				return count(t, db, `SELECT count(*) FROM posted`) == 40-tt.dead && count(t, db, `SELECT count(*) FROM job WHERE dead = 1`) == tt.dead
			})
			if n := count(t, db, `SELECT count(DISTINCT n) FROM posted`); n != 40-tt.dead {
				t.Errorf("%d different messages posted; want %d", n, 40-tt.dead)
			}
			if got := calls.Load(); got != tt.calls {
				t.Errorf("the bad one was called %d times; want %d", got, tt.calls)
			}
		})
	}
}

// A lease that ended is somebody else's: what its old worker did is not stored.
func TestLostLeaseStoresNothing(t *testing.T) {
	db := open(t)
	send(t, db, 1)
	called := make(chan struct{})
	goOn := make(chan struct{})
	stop := start(t, worker(db, queue.Do(func(context.Context, message.Of[parcel]) (string, error) {
		close(called)
		<-goOn
		return "late", nil
	}, posted)))
	<-called
	update(t, db, func(tx *store.Tx) error {
		return tx.Exec(`UPDATE job SET lease = 'another', due = $1`, tx.Now.Add(time.Hour))
	})
	close(goOn)
	stop()
	if n := count(t, db, `SELECT count(*) FROM posted`); n != 0 {
		t.Errorf("%d effects of a worker that lost its lease; want 0", n)
	}
}

// A message that ends its process takes its batch with it twice; from then on it is
// handled alone, and it dies alone.
func TestSuspectDiesAlone(t *testing.T) {
	db := open(t)
	send(t, db, 3)
	table := queue.Table{DB: db, Lease: time.Microsecond} // whoever has a message is lost at once
	for alone := false; ; {
		got, err := table.Receive(t.Context(), "test_parcels", 10)
		if err != nil {
			t.Fatal(err)
		}
		alone = alone || got[0].Strikes >= 2
		if alone && len(got) != 1 {
			t.Fatalf("%d messages came beside a suspect; want it alone", len(got))
		}
		if d := got[0]; alone && d.Key != "1" {
			update(t, db, func(tx *store.Tx) error { return table.Settle(tx, []queue.Verdict{{Delivery: d}}) })
		}
		if alone && got[0].Strikes > 6 {
			break
		}
	}
	start(t, worker(db, queue.Do(func(context.Context, message.Of[parcel]) (string, error) { return "sent", nil }, posted)))
	await(t, "the suspect is dead", func() bool { return count(t, db, `SELECT count(*) FROM job WHERE dead = 1`) == 1 })
	if n := count(t, db, `SELECT count(*) FROM job`); n != 1 {
		t.Errorf("%d messages left; want the dead one only", n)
	}
}

func TestShutdownWaitsForCalls(t *testing.T) {
	db := open(t)
	send(t, db, 1)
	called := make(chan struct{})
	stop := start(t, worker(db, queue.Do(func(ctx context.Context, _ message.Of[parcel]) (string, error) {
		close(called)
		<-ctx.Done() // until the timeout: a stop does not reach a call
		return "sent", nil
	}, posted)))
	<-called
	stop()
	if n := count(t, db, `SELECT count(*) FROM posted`); n != 1 {
		t.Errorf("%d effects after the stop; want 1", n)
	}
}

func TestWorkerTellsHowFarBehindItIs(t *testing.T) {
	db := open(t)
	w := worker(db, queue.On(func(context.Context, *store.Tx, message.Of[parcel]) error { return nil }))
	w.Strain = run.NewStrain()
	send(t, db, 2)
	start(t, w)
	await(t, "the wait of the message", func() bool { return w.Strain.Wait() > 0 })
}

// What was put off tells nothing of how far behind the work is: not after an outage of what
// it calls, and not because somebody wanted it later.
func TestWhatWasPutOffIsNoOverload(t *testing.T) {
	for name, set := range map[string]string{
		"sent for later":      `due = due + 20000`,
		"put off uncounted":   `past = '{"attempts":0,"causes":[{"at":"2026-01-02T03:04:05Z","cause":"away"}]}'`,
		"tried before":        `past = '{"attempts":1}'`,
		"redriven":            `past = '{"attempts":0,"redrives":1}'`,
		"its worker was lost": `strikes = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			w := worker(db, queue.On(func(context.Context, *store.Tx, message.Of[parcel]) error { return nil }))
			w.Strain = run.NewStrain()
			send(t, db, 3)
			update(t, db, func(tx *store.Tx) error { return tx.Exec(`UPDATE job SET ` + set) })
			start(t, w)
			await(t, "done", func() bool { return count(t, db, `SELECT count(*) FROM job`) == 0 })
			if wait := w.Strain.Wait(); wait != 0 {
				t.Errorf("it is said to be %v behind", wait)
			}
		})
	}
}

// In a batch, those that were not put off tell it.
func TestSomeOfABatchTellTheWait(t *testing.T) {
	db := open(t)
	w := worker(db, queue.On(func(context.Context, *store.Tx, message.Of[parcel]) error { return nil }))
	w.Strain = run.NewStrain()
	send(t, db, 3)
	update(t, db, func(tx *store.Tx) error { return tx.Exec(`UPDATE job SET strikes = 1 WHERE key = '3'`) })
	start(t, w)
	await(t, "the wait of the message", func() bool { return w.Strain.Wait() > 0 })
}

func BenchmarkDo(b *testing.B) {
	db := open(b)
	send(b, db, b.N)
	w := worker(db, queue.Do(func(context.Context, message.Of[parcel]) (string, error) { return "sent", nil }, posted))
	w.Concurrency = 512
	b.ResetTimer()
	stop := start(b, w)
	await(b, "done", func() bool { return count(b, db, `SELECT count(*) FROM job`) == 0 })
	stop()
}
