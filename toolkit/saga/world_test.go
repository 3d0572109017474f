package saga_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// What the services ask and say. A trip's id tells how it is to go: see script.
type (
	bookRoom    struct{}
	freeRoom    struct{}
	printTicket struct{}
	holdMoney   struct{}
	takeMoney   struct{}
	voidMoney   struct{}

	roomBooked  struct{}
	roomRefused struct{}
	roomFree    struct{}
	printed     struct{}
	held        struct{}
	declined    struct{ At string }
	taken       struct{}
	voided      struct{}

	deadlineOver struct{ saga.Deadline }
)

func (bookRoom) Kind() string     { return "BookRoom" }
func (freeRoom) Kind() string     { return "FreeRoom" }
func (printTicket) Kind() string  { return "PrintTicket" }
func (holdMoney) Kind() string    { return "Hold" }
func (takeMoney) Kind() string    { return "TakeMoney" }
func (voidMoney) Kind() string    { return "Void" }
func (roomBooked) Kind() string   { return "RoomBooked" }
func (roomRefused) Kind() string  { return "RoomRefused" }
func (roomFree) Kind() string     { return "RoomFree" }
func (printed) Kind() string      { return "Printed" }
func (held) Kind() string         { return "Held" }
func (declined) Kind() string     { return "Declined" }
func (taken) Kind() string        { return "Taken" }
func (voided) Kind() string       { return "Voided" }
func (deadlineOver) Kind() string { return "deadline" }

func (bookRoom) Queue() string     { return "hotel_commands" }
func (freeRoom) Queue() string     { return "hotel_commands" }
func (printTicket) Queue() string  { return "hotel_commands" }
func (holdMoney) Queue() string    { return "bank_commands" }
func (takeMoney) Queue() string    { return "bank_commands" }
func (voidMoney) Queue() string    { return "bank_commands" }
func (deadlineOver) Queue() string { return "trip_deadlines" }

// script is how a trip goes: "refuse.take-1" is refused there, "away.hold-1" finds the
// service away there, "double-1" has every message doubled, and answers of later steps early.
func script(id, what string) bool { return strings.HasPrefix(id, what+"-") }

// A trips is the owner: it books trips in a table of its own.
type trips struct{ saga.Saga[voyage] }

type voyage struct{ status, why string }

func newTrips(within time.Duration) trips {
	ask := func(w message.Work) func(*voyage) message.Work { return func(*voyage) message.Work { return w } }
	become := func(status string) func(*store.Tx, *voyage) error {
		return func(_ *store.Tx, of *voyage) error { of.status = status; return nil }
	}
	return trips{saga.Saga[voyage]{Name: "trip", Within: within,
		Timer: func(d saga.Deadline) message.Work { return deadlineOver{d} },
		Note: func(of *voyage, m message.Kind) {
			switch m.(type) {
			case roomRefused, declined, saga.Overdue, saga.CalledOff:
				if of.why == "" {
					of.why = m.Kind()
				}
			}
		},
		Steps: []saga.Step[voyage]{
			{Name: "accept", Do: become("pending"), Back: become("failed")},
			{Name: "room", Who: "hotel", Send: ask(bookRoom{}), Answer: roomBooked{}, Refusal: roomRefused{}, Undo: ask(freeRoom{}), Undone: []message.Kind{roomFree{}}},
			{Name: "hold", Who: "bank", Send: ask(holdMoney{}), Answer: held{}, Refusal: declined{}, Undo: ask(voidMoney{}), Undone: []message.Kind{voided{}}},
			{Name: "take", Who: "bank", Send: ask(takeMoney{}), Answer: taken{}, Refusal: declined{}, Pivot: true},
			{Name: "ticket", Who: "hotel", Send: ask(printTicket{}), Answer: printed{}},
			{Name: "finish", Do: become("completed")},
		}}}
}

func (s trips) load(tx *store.Tx, id string) (v voyage, err error) {
	_, err = tx.Row([]any{&v.status, &v.why}, `SELECT status, why FROM trip WHERE id = $1`, id)
	return v, err
}

func (s trips) store(tx *store.Tx, id string, v voyage) error {
	return tx.Exec(`INSERT INTO trip (id, status, why) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET status = excluded.status, why = excluded.why`, id, v.status, v.why)
}

// change loads, lets the saga work, and stores.
func (s trips) change(tx *store.Tx, id string, do func(of *voyage) (saga.Outcome, error)) error {
	v, err := s.load(tx, id)
	if err != nil {
		return err
	}
	if _, err := do(&v); err != nil {
		return err
	}
	return s.store(tx, id, v)
}

func hear[T message.Kind](s trips, log string) stream.Handler {
	return stream.On(log, func(_ context.Context, tx *store.Tx, m message.Of[T]) error {
		return s.change(tx, m.Key, func(of *voyage) (saga.Outcome, error) { return s.Take(tx, m.Key, of, m.Data) })
	})
}

func (s trips) streams() []stream.Handler {
	return []stream.Handler{hear[roomBooked](s, "hotel"), hear[roomRefused](s, "hotel"), hear[roomFree](s, "hotel"), hear[printed](s, "hotel"),
		hear[held](s, "bank"), hear[declined](s, "bank"), hear[taken](s, "bank"), hear[voided](s, "bank")}
}

func (s trips) queues() []queue.Handler {
	return []queue.Handler{queue.On(func(_ context.Context, tx *store.Tx, m message.Of[deadlineOver]) error {
		return s.change(tx, m.Key, func(of *voyage) (saga.Outcome, error) { return s.Expire(tx, m.Key, of, m.Data.Deadline) })
	})}
}

// A helper is a participant: what it did is a row for each step, and so is what it refused,
// and what it was asked to undo, also before it was asked to do it.
type helper struct{ w *world }

var errAway = errors.New("away")

// do does a step, and answers as before if it did.
func do[T message.Work](h helper, step string, answer, refusal message.Kind, early ...message.Kind) stream.Handler {
	return stream.On("trip", func(_ context.Context, tx *store.Tx, m message.Of[T]) error {
		if script(m.Key, "away."+step) && h.w.away.Load() {
			return failure.Wait(20*time.Millisecond, errAway)
		}
		var state string
		there, err := tx.Row([]any{&state}, `SELECT state FROM work WHERE id = $1 AND step = $2`, m.Key, step)
		if err != nil {
			return err
		}
		if !there {
			state = "done"
			if refusal != nil && script(m.Key, "refuse."+step) {
				state = "refused"
			}
			if err := tx.Exec(`INSERT INTO work (id, step, state) VALUES ($1, $2, $3)`, m.Key, step, state); err != nil {
				return err
			}
		}
		says := answer
		if state != "done" {
			says = refusal
		}
		return h.say(tx, m.Key, append([]message.Kind{says}, early...)...)
	})
}

// undo undoes steps, and leaves a tombstone for those that have not come.
func undo[T message.Work](h helper, answer message.Kind, steps ...string) stream.Handler {
	return stream.On("trip", func(_ context.Context, tx *store.Tx, m message.Of[T]) error {
		for _, step := range steps {
			if err := tx.Exec(`INSERT INTO work (id, step, state) VALUES ($1, $2, 'undone') ON CONFLICT (id, step) DO UPDATE SET state = CASE work.state WHEN 'refused' THEN 'refused' ELSE 'undone' END`, m.Key, step); err != nil {
				return err
			}
		}
		return h.say(tx, m.Key, answer)
	})
}

func (h helper) say(tx *store.Tx, id string, facts ...message.Kind) error {
	if script(id, "double") {
		facts = slices.Concat(facts[1:], facts[:1], facts[:1])
	} else {
		facts = facts[:1]
	}
	for _, f := range facts {
		if err := tx.Append(id, f); err != nil {
			return err
		}
	}
	return nil
}

// A world is the three services on databases of their own, as long as it runs.
type world struct {
	t      *testing.T
	sagas  trips
	away   atomic.Bool
	passes bool // an undo passes what is parked
	wrap   func(store.Driver) store.Driver
	place  func(service string) func() (store.Driver, func(*store.DB) stream.Log)
}

// newWorld returns a world on new databases, of PostgreSQL in a test that is run again.
func newWorld(t *testing.T, within time.Duration) *world {
	t.Helper()
	w := &world{t: t, sagas: newTrips(within), wrap: func(d store.Driver) store.Driver { return d }}
	dir, run := t.TempDir(), strings.ReplaceAll(uuid.NewString()[:8], "-", "")
	w.place = func(service string) func() (store.Driver, func(*store.DB) stream.Log) {
		if strings.HasPrefix(t.Name(), "TestOnPostgres") {
			if os.Getenv("TIDEWIRE_TEST_POSTGRES") == "" {
				t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
			}
			return func() (store.Driver, func(*store.DB) stream.Log) {
				d, err := postgres.Open(context.Background(), os.Getenv("TIDEWIRE_TEST_POSTGRES"), "t_"+run+"_"+service, tables(service))
				if err != nil {
					t.Fatal(err)
				}
				return d, func(db *store.DB) stream.Log { return postgres.NewLog(db, d) }
			}
		}
		return func() (store.Driver, func(*store.DB) stream.Log) {
			d, err := sqlite.Open(context.Background(), filepath.Join(dir, service+".db"), tables(service))
			if err != nil {
				t.Fatal(err)
			}
			return d, func(db *store.DB) stream.Log { return sqlite.NewLog(db, d) }
		}
	}
	if strings.HasPrefix(t.Name(), "TestOnPostgres") {
		t.Cleanup(func() {
			for _, service := range []string{"trip", "hotel", "bank"} {
				d, _ := w.place(service)()
				db := store.Open(service, d)
				_, err := db.Update(context.Background(), nil, func(tx *store.Tx) error { return tx.Exec(`DROP SCHEMA t_` + run + `_` + service + ` CASCADE`) })
				if err := errors.Join(err, db.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	return w
}

func tables(service string) fs.FS {
	table := "CREATE TABLE work (id TEXT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (id, step));"
	if service == "trip" {
		table = "CREATE TABLE trip (id TEXT NOT NULL PRIMARY KEY, status TEXT NOT NULL, why TEXT NOT NULL);"
	}
	return fstest.MapFS{"00001_" + service + ".sql": {Data: []byte("-- +goose Up\n" + table + "\n")}}
}

// A running world has one instance of each of its services.
type running struct {
	*world
	dbs  map[string]*store.DB
	stop func()
}

// run starts an instance of each service, without those named.
func (w *world) run(without ...string) *running {
	w.t.Helper()
	r := &running{world: w, dbs: map[string]*store.DB{}}
	logs := map[string]stream.Log{}
	for _, service := range []string{"trip", "hotel", "bank"} {
		d, log := w.place(service)()
		r.dbs[service] = store.Open(service, w.wrap(d))
		logs[service] = log(r.dbs[service])
	}
	hotel, bank := helper{w}, helper{w}
	free, void := undo[freeRoom](hotel, roomFree{}, "room"), undo[voidMoney](bank, voided{}, "hold", "take")
	if w.passes {
		free, void = free.Passing(), void.Passing()
	}
	handlers := map[string][]stream.Handler{
		"trip":  w.sagas.streams(),
		"hotel": {do[bookRoom](hotel, "room", roomBooked{}, roomRefused{}, printed{}), free, do[printTicket](hotel, "ticket", printed{}, nil)},
		"bank":  {do[holdMoney](bank, "hold", held{}, declined{At: "hold"}, taken{}), do[takeMoney](bank, "take", taken{}, declined{At: "take"}), void},
	}
	process := &run.Process{Instance: uuid.NewString()}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for service, hs := range handlers {
		if slices.Contains(without, service) {
			continue
		}
		for _, name := range []string{"trip", "hotel", "bank"} {
			of := slices.DeleteFunc(slices.Clone(hs), func(h stream.Handler) bool { return h.Log != name })
			if len(of) > 0 {
				reader := &stream.Reader{DB: r.dbs[service], Log: logs[name], Name: name, Handlers: of, Process: process, Lease: time.Second}
				parts.Go(func() { w.ok(reader.Run(ctx)) })
			}
		}
	}
	worker := &queue.Worker{DB: r.dbs["trip"], Driver: queue.Table{DB: r.dbs["trip"], Lease: time.Second}, Handlers: w.sagas.queues(), Process: process, Lease: time.Second}
	parts.Go(func() { w.ok(worker.Run(ctx)) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		parts.Wait()
		for _, db := range r.dbs {
			w.ok(db.Close())
		}
	})
	w.t.Cleanup(r.stop)
	return r
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// begin starts trips; what is there already is not started again.
func (r *running) begin(ids ...string) error {
	for _, id := range ids {
		_, err := r.dbs["trip"].Update(context.Background(), []string{id}, func(tx *store.Tx) error {
			return r.sagas.change(tx, id, func(of *voyage) (saga.Outcome, error) { return r.sagas.Start(tx, id, of) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ended waits until no saga goes on, and nothing is left to be read or done.
func (r *running) ended(n int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d trips end", n), func() bool {
		return r.count("trip", `SELECT count(*) FROM saga WHERE state IN ('completed', 'undone', 'closed')`) == int64(n)
	})
}

func (r *running) count(service, query string, args ...any) (n int64) {
	err := r.dbs[service].View(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, query, args...)
		return err
	})
	if err != nil {
		return -1
	}
	return n
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 60 s", what)
		case <-tick.C:
		}
	}
}

// stands says what became of a trip: its status, why, and what its helpers have done for it.
func (r *running) stands(id string) string {
	r.t.Helper()
	var v voyage
	err := r.dbs["trip"].View(r.t.Context(), func(tx *store.Tx) (err error) { v, err = r.sagas.load(tx, id); return err })
	done := []string{}
	for _, service := range []string{"hotel", "bank"} {
		failed := r.dbs[service].View(r.t.Context(), func(tx *store.Tx) error {
			return tx.Rows(`SELECT step FROM work WHERE id = $1 AND state = 'done' ORDER BY step`, []any{id}, func(scan func(...any) error) error {
				var step string
				err := scan(&step)
				done = append(done, step)
				return err
			})
		})
		err = errors.Join(err, failed)
	}
	if err != nil {
		r.t.Error(err)
	}
	return strings.TrimSpace(v.status + " " + v.why + " " + strings.Join(done, ","))
}

// settled checks that trips stand as they should once all has come to rest: no dead
// message, no deadline, nothing parked.
func (r *running) settled(want map[string]string) {
	r.t.Helper()
	r.ended(len(want))
	eventually(r.t, "all comes to rest", func() bool {
		return !slices.ContainsFunc([]string{"trip", "hotel", "bank"}, func(s string) bool { return r.count(s, `SELECT count(*) FROM parked`) != 0 }) &&
			r.behind() == 0
	})
	for id, stands := range want {
		if got := r.stands(id); got != stands {
			r.t.Errorf("%s is %q, want %q", id, got, stands)
		}
	}
	if n := r.count("trip", `SELECT count(*) FROM job`); n != 0 {
		r.t.Errorf("%d deadlines are left", n)
	}
}

// behind is how many commands have no row of what came of them.
func (r *running) behind() (n int) {
	asked := map[string]bool{}
	err := r.dbs["trip"].View(context.Background(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT key, kind FROM journal WHERE class = 'command' AND kind IN ('FreeRoom', 'Void')`, nil, func(scan func(...any) error) error {
			var key, kind string
			err := scan(&key, &kind)
			asked[key+" "+kind] = true
			return err
		})
	})
	if err != nil {
		return -1
	}
	for a := range asked {
		id, kind, _ := strings.Cut(a, " ")
		service, answer := "hotel", "RoomFree"
		if kind == "Void" {
			service, answer = "bank", "Voided"
		}
		if r.count(service, `SELECT count(*) FROM journal WHERE key = $1 AND kind = $2`, id, answer) == 0 {
			n++
		}
	}
	return n
}
