package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

var errBad = errors.New("bad")

// A fault is how one message among many misbehaves at its n-th run, and what is to
// become of it: nothing else may suffer.
type fault struct {
	name   string
	run    func(tx *store.Tx, n int) error
	states string // at the end
	past   int    // attempts in the history of a dead one
}

func faults() []fault {
	const dead = "dead 1 waiting 8"
	return []fault{
		// It succeeds in the end, once, and in order.
		{"fails twice", until(4, errBad), "", 0},
		// It is dead after its attempts, and blocks its key only.
		{"fails for ever", func(*store.Tx, int) error { return errBad }, dead, 3},
		// A panic is a failure like another.
		{"panics for ever", func(*store.Tx, int) error { panic("bad") }, dead, 3},
		// The transaction is spoilt, the batch is not.
		{"has a statement that fails", func(tx *store.Tx, _ int) error { return tx.Exec(`INSERT INTO nowhere VALUES (1)`) }, dead, 3},
		// Its error may come with the commit of a whole batch.
		{"has a statement that breaks a constraint", func(tx *store.Tx, _ int) error {
			return tx.Exec(`INSERT INTO effect (n, key, value) VALUES (1, NULL, NULL)`)
		}, dead, 3},
		// No attempt is wasted on it.
		{"is never to succeed", func(*store.Tx, int) error { return failure.Permanent(errBad) }, dead, 1},
		// What is not its fault does not kill it.
		{"waits, which is no attempt", until(12, failure.Wait(time.Millisecond, errBad)), "", 0},
		// The handler knows better than the policy when.
		{"asks to be tried later", until(4, failure.RetryAfter(time.Millisecond, errBad)), "", 0},
		// A second lost is not the end of a message.
		{"hangs, once", func(tx *store.Tx, n int) error {
			if n == 1 {
				return hang(tx)
			}
			return nil
		}, "", 0},
		// It is found among those it takes along.
		{"hangs for ever", func(tx *store.Tx, _ int) error { return hang(tx) }, dead, 3},
	}
}

// until fails with err until the n-th run.
func until(n int, err error) func(*store.Tx, int) error {
	return func(_ *store.Tx, run int) error {
		if run < n {
			return err
		}
		return nil
	}
}

// hang waits until the transaction is taken away, and says that all is well.
func hang(tx *store.Tx) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		<-tick.C
		if _, err := tx.Row([]any{nil}, `SELECT 1`); err != nil {
			return nil
		}
	}
}

func bad() []test {
	var tests []test
	for _, f := range faults() {
		tests = append(tests, test{"that " + f.name, func(k *desk) { k.suffer(f) }})
	}
	return append(tests, test{"that cannot be decoded", func(k *desk) {
		k.append("key0", garbled{"x"})
		k.numbers(20, 2)
		k.start(k.reader(do))
		k.awaitStates("dead 1 waiting 10")
		k.await("the other key", func() bool { return len(k.effects("key1")) == 10 })
	}}, test{"that nobody handles, of a kind between others", func(k *desk) {
		k.numbers(10, 2)
		k.append("key0", other{})
		k.append("key0", counted{10})
		k.append("key1", counted{11})
		k.start(k.reader(do))
		k.wantAll(12, 2)
		k.awaitStates("")
	}})
}

type other struct{}

func (other) Kind() string { return "other" }

// suffer reads 60 messages of 5 keys, the 18th of which is bad.
func (k *desk) suffer(f fault) {
	const bad, badKey = 18, "key3"
	runs := 0
	r := k.reader(func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
		if m.Data.N == bad {
			runs++
			if err := f.run(tx, runs); err != nil {
				return err
			}
		}
		return do(ctx, tx, m)
	})
	k.numbers(60, 5)
	k.start(r)
	want := 60
	if f.states != "" {
		want -= 9
	}
	k.await(fmt.Sprint(want, " effects"), func() bool {
		if n := k.one(`SELECT count(*) FROM parked WHERE key <> $1`, badKey); n > 0 {
			k.Fatalf("%d messages of other keys are parked", n)
		}
		return k.one(`SELECT count(*) FROM effect`) >= want
	})
	k.awaitStates(f.states)
	if f.states == "" {
		k.wantAll(60, 5)
		return
	}
	k.awaitEffects(badKey, 3, 8, 13)
	k.awaitEffects("key2", 2, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57)
	var past, id, problem string
	var died time.Time
	k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&past, &id, &problem, &died}, `SELECT past, id, problem, died FROM parked WHERE state = 'dead'`)
		return err
	}))
	if h, err := failure.ParseHistory(past); err != nil || h.Attempts != f.past || h.Cause() == "" {
		k.Errorf("its history is %+v, %v; want %d attempts with a cause", h, err, f.past)
	} else if problem != failure.Problem(h.Cause()) || !died.Equal(h.Last()) {
		k.Errorf("its problem is %q since %v, want that of its last cause, %+v", problem, died, h)
	}
	k.wantMourned(id, problem)
}

// wantMourned: the target has said that a message is dead, once for each problem it died of.
func (k *desk) wantMourned(id string, problems ...string) {
	k.Helper()
	var got []string
	k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
		got = nil
		return tx.Rows(`SELECT body, cause, class FROM journal WHERE kind = 'DeadLettered' AND key = $1 ORDER BY seq`, []any{message.DeadKey(id)}, func(scan func(...any) error) error {
			m := message.Message{Kind: "DeadLettered"}
			var class string
			if err := scan(&m.Body, &m.Cause, &class); err != nil {
				return err
			}
			said, err := message.Decode[message.DeadLettered](m)
			if d := said.Data; d.Letter != "target/"+id || d.Place != "source (target)" || d.Type != "counted" || d.Key == "" || d.Redrives != len(got) || m.Cause != id || class != "audit" {
				k.Errorf("it is said that %+v by %s (%s), want all of it", d, m.Cause, class)
			}
			got = append(got, said.Data.Problem)
			return err
		})
	}))
	if !slices.Equal(got, problems) {
		k.Errorf("it was said to be dead of %q, want %q", got, problems)
	}
}
