package saga_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// ways are what becomes of trips by their scripts, when nobody is away.
func ways() map[string]string {
	return map[string]string{
		"ok-1":          "completed  room,ticket,hold,take",
		"double-1":      "completed  room,ticket,hold,take",
		"refuse.room-1": "failed RoomRefused",
		"refuse.hold-1": "failed Declined",
		"refuse.take-1": "failed Declined",
	}
}

// Over two services, with databases of their own and handlers that may run twice, every
// trip ends as it should: all is done, or nothing.
func TestServices(t *testing.T) {
	w := newWorld(t, time.Minute)
	if !strings.HasPrefix(t.Name(), "TestOnPostgres") {
		w.wrap = storetest.Twice
	}
	r := w.run()
	want := ways()
	w.ok(r.begin(slices.Sorted(maps.Keys(want))...))
	r.settled(want)
	w.ok(r.begin("ok-1")) // what has ended is not begun again
	r.settled(want)
}

// Whichever service is away, at whichever step: the trip ends undone without it, and when it
// is back, it undoes what it was asked to do, or does not do it.
func TestServiceIsAway(t *testing.T) {
	for _, passes := range []bool{false, true} {
		t.Run(fmt.Sprint("the undo overtakes its original: ", passes), func(t *testing.T) {
			w := newWorld(t, 500*time.Millisecond)
			w.passes = passes
			w.away.Store(true)
			r := w.run()
			w.ok(r.begin("away.room-1", "away.hold-1", "away.take-1"))
			r.ended(3)
			for _, id := range []string{"away.room-1", "away.hold-1", "away.take-1"} {
				if got := r.stands(id); !strings.HasPrefix(got, "failed Overdue") || strings.Contains(got, "room") {
					t.Errorf("while the service is away, %s is %q, want it failed and its room free", id, got)
				}
			}
			w.away.Store(false)
			r.settled(map[string]string{"away.room-1": "failed Overdue", "away.hold-1": "failed Overdue", "away.take-1": "failed Overdue"})
		})
	}
}

// A whole service that does not run holds up no trip for longer than its deadline.
func TestServiceIsStopped(t *testing.T) {
	for _, service := range []string{"hotel", "bank"} {
		t.Run(service, func(t *testing.T) {
			w := newWorld(t, 300*time.Millisecond)
			r := w.run(service)
			w.ok(r.begin("ok-1", "ok-2"))
			r.ended(2)
			r.stop()
			r = w.run()
			r.settled(map[string]string{"ok-1": "failed Overdue", "ok-2": "failed Overdue"})
		})
	}
}

// Past the pivot a trip is finished, however late.
func TestPastThePivotNothingIsUndone(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.away.Store(true)
	r := w.run()
	w.ok(r.begin("away.ticket-1"))
	eventually(t, "it passes the pivot", func() bool { return r.count("trip", `SELECT count(*) FROM saga WHERE step = 'ticket'`) == 1 })
	over := func(tx *store.Tx) error {
		return w.sagas.change(tx, "away.ticket-1", func(of *voyage) (saga.Outcome, error) {
			return w.sagas.Expire(tx, "away.ticket-1", of, saga.Deadline{ID: "away.ticket-1", Step: "ticket"})
		})
	}
	if _, err := r.dbs["trip"].Update(t.Context(), []string{"away.ticket-1"}, over); err != nil {
		t.Fatal(err)
	}
	w.away.Store(false)
	r.settled(map[string]string{"away.ticket-1": "completed  room,ticket,hold,take"})
	if n := r.count("trip", `SELECT count(*) FROM journal WHERE kind = 'PrintTicket'`); n != 2 {
		t.Errorf("asked %d times, want twice", n)
	}
}

// A mortal driver dies before its kth write, with all that is open.
type mortal struct {
	store.Driver
	left *atomic.Int64
}

func (m mortal) Alone() bool {
	a, ok := m.Driver.(store.Alone)
	return ok && a.Alone()
}

func (m mortal) Update(ctx context.Context, c store.Change) error {
	run := c.Run
	c.Run = func(conn store.Conn, now time.Time) error {
		if m.left.Load() < 0 {
			return store.ErrUnavailable
		}
		return run(mortalConn{conn, m}, now)
	}
	return m.Driver.Update(ctx, c)
}

func (m mortal) lives() error {
	if m.left.Add(-1) < 0 {
		return store.ErrUnavailable
	}
	return nil
}

type mortalConn struct {
	store.Conn
	m mortal
}

func (c mortalConn) Exec(query string, args ...any) error {
	if err := c.m.lives(); err != nil {
		return err
	}
	return c.Conn.Exec(query, args...)
}

func (c mortalConn) Query(query string, args []any, row func(scan func(dest ...any) error) error) error {
	if !strings.HasPrefix(query, "SELECT") {
		if err := c.m.lives(); err != nil {
			return err
		}
	}
	return c.Conn.Query(query, args, row)
}

func (c mortalConn) Append(msgs []message.Message) ([]int64, error) {
	if err := c.m.lives(); err != nil {
		return nil, err
	}
	return c.Conn.Append(msgs)
}

// Wherever everything dies, and begins again: all is done, or nothing, and no saga stands
// still.
func TestKilledBetweenAnyTwoWrites(t *testing.T) {
	for id, step := range map[string]int64{"refuse.take-1": 1, "ok-1": 5} { // they have most of their way in common
		for k := int64(0); ; k += step {
			w := newWorld(t, time.Minute)
			var left atomic.Int64
			left.Store(k)
			w.wrap = func(d store.Driver) store.Driver { return mortal{d, &left} }
			r := w.run()
			_ = r.begin(id) // it may be what dies
			eventually(t, "it dies or ends", func() bool {
				return left.Load() < 0 || r.count("trip", `SELECT count(*) FROM saga WHERE state IN ('completed', 'undone')`) == 1
			})
			survived := left.Load() >= 0
			r.stop()
			w.wrap = func(d store.Driver) store.Driver { return d }
			r = w.run()
			w.ok(r.begin(id))
			r.settled(map[string]string{id: ways()[id]})
			r.stop()
			if t.Failed() {
				t.Fatalf("%s died before write %d", id, k)
			}
			if survived {
				break
			}
		}
	}
}

// Two instances of every service share the work, and no trip is done twice.
func TestTwoInstances(t *testing.T) {
	if !strings.HasPrefix(t.Name(), "TestOnPostgres") {
		t.Skip("a SQLite file has one process")
	}
	w := newWorld(t, time.Minute)
	one, two := w.run(), w.run()
	want := map[string]string{}
	for id, stands := range ways() {
		for n := range 12 {
			want[fmt.Sprintf("%s%d", id, n)] = stands
		}
	}
	w.ok(one.begin(slices.Sorted(maps.Keys(want))[:30]...))
	w.ok(two.begin(slices.Sorted(maps.Keys(want))[20:]...))
	two.stop() // in the middle of it, perhaps
	one.settled(want)
	for _, kind := range []string{"BookRoom", "TakeMoney"} {
		if n := one.count("trip", `SELECT count(*) - count(DISTINCT key) FROM journal WHERE kind = $1`, kind); n != 0 {
			t.Errorf("%s was asked %d times too often", kind, n)
		}
	}
}
