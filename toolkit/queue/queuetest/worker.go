package queuetest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A fault is how one message among many misbehaves at its n-th call or record, and what
// is to become of it: nothing else may suffer.
type fault struct {
	name    string
	call    func(ctx context.Context, n int64) error
	record  func(tx *store.Tx, n int64) error
	calls   int64 // at the end; 0 where it depends
	dead    int
	history int // attempts in the history of a dead one
}

func faults() []fault {
	until := func(n int64, err error) func(context.Context, int64) error {
		return func(_ context.Context, run int64) error {
			if run < n {
				return err
			}
			return nil
		}
	}
	always := func(err error) func(context.Context, int64) error { return until(1<<60, err) }
	return []fault{
		{name: "fails twice", call: until(3, errBad), calls: 3},
		{name: "fails for ever", call: always(errBad), calls: 3, dead: 1, history: 3},
		{name: "is never to succeed", call: always(failure.Permanent(errBad)), calls: 1, dead: 1, history: 1},
		{name: "waits, which is no attempt", call: until(8, failure.Wait(time.Millisecond, errBad)), calls: 8},
		{name: "asks to be tried later", call: until(3, failure.RetryAfter(time.Millisecond, errBad)), calls: 3},
		{name: "panics for ever", call: func(context.Context, int64) error { panic("bad") }, calls: 3, dead: 1, history: 3},
		{name: "hangs past its timeout, twice", call: func(ctx context.Context, n int64) error {
			if n < 3 {
				<-ctx.Done()
			}
			return ctx.Err()
		}, calls: 3},
		{name: "hangs past its timeout and does not heed it", call: func(context.Context, int64) error {
			select {} // for ever: it is left behind
		}, calls: 3, dead: 1, history: 3},
		{name: "has a record that fails twice", record: func(_ *store.Tx, n int64) error {
			if n < 4 {
				return errBad
			}
			return nil
		}, calls: 1},
		{name: "has a record that fails for ever", record: func(*store.Tx, int64) error { return errBad }, calls: 1, dead: 1, history: 3},
		{name: "has a record that panics for ever", record: func(*store.Tx, int64) error { panic("bad") }, calls: 1, dead: 1, history: 3},
		{name: "has a record with a statement that fails", record: func(tx *store.Tx, _ int64) error {
			return tx.Exec(`INSERT INTO posted (n, outcome) VALUES (NULL, NULL)`)
		}, calls: 1, dead: 1, history: 3},
		{name: "has a record that hangs, once", record: func(tx *store.Tx, n int64) error {
			if n == 1 {
				return hang(tx)
			}
			return nil
		}, calls: 1},
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
		k.send(20)
		k.update(func(tx *store.Tx) error { return tx.Send("a", garbled{"x"}) })
		k.start(k.worker(queue.Do(deliver, post), long))
		k.wantPosted(20, 1)
	}}, test{"that nobody handles", func(k *desk) {
		k.send(20)
		k.update(func(tx *store.Tx) error { return tx.Send("a", letter{"x"}) })
		k.start(k.worker(queue.Do(deliver, post), long))
		k.wantPosted(20, 1)
	}}, test{"that needs a newer program", waits}, test{"that stays in the database and fails twice", func(k *desk) {
		k.send(20)
		var runs atomic.Int64
		k.start(k.worker(queue.On(func(ctx context.Context, tx *store.Tx, m message.Of[parcel]) error {
			if m.Data.N == 7 && runs.Add(1) < 4 {
				return errBad
			}
			return post(ctx, tx, m, "")
		}), long))
		k.wantPosted(20, 0)
	}})
}

// suffer hands out 40 messages, the 18th of which is bad.
func (k *desk) suffer(f fault) {
	const bad = 17
	var calls, records atomic.Int64
	k.send(40)
	k.start(k.worker(queue.Do(func(ctx context.Context, m message.Of[parcel]) (string, error) {
		if m.Data.N != bad {
			return "sent", nil
		}
		if n := calls.Add(1); f.call != nil {
			return "sent", f.call(ctx, n)
		}
		return "sent", nil
	}, func(ctx context.Context, tx *store.Tx, m message.Of[parcel], outcome string) error {
		if m.Data.N == bad && f.record != nil {
			if err := f.record(tx, records.Add(1)); err != nil {
				return err
			}
		}
		return post(ctx, tx, m, outcome)
	}), long))
	k.wantPosted(40-f.dead, f.dead)
	if got := calls.Load(); got != f.calls {
		k.Errorf("the bad one was called %d times, want %d", got, f.calls)
	}
	if f.dead == 0 {
		return
	}
	var past, key string
	k.must(k.db.View(k.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&past, &key}, `SELECT past, key FROM job WHERE dead = 1`)
		return err
	}))
	if h, err := failure.ParseHistory(past); err != nil || key != "17" || h.Attempts != f.history || h.Cause() == "" {
		k.Errorf("message %s is dead with history %+v, %v; want 17 with %d attempts and a cause", key, h, err, f.history)
	}
}

// operators redrive and discard dead messages as the operators' door does.
func operators() []test {
	dead := func(k *desk) (repair func()) {
		var repaired atomic.Bool
		k.send(5)
		k.start(k.worker(queue.Do(func(_ context.Context, m message.Of[parcel]) (string, error) {
			if m.Data.N == 3 && !repaired.Load() {
				return "", errBad
			}
			return "sent", nil
		}, post), long))
		k.wantPosted(4, 1)
		return func() { repaired.Store(true) }
	}
	redrive := func(k *desk) {
		k.update(func(tx *store.Tx) error {
			return tx.Exec(`UPDATE job SET dead = 0, due = $1, past = '', lease = '', strikes = 0 WHERE dead = 1`, tx.Now)
		})
	}
	return []test{
		// Pressing the button twice does it once.
		{"redrives what is repaired, and it comes home once", func(k *desk) {
			dead(k)()
			redrive(k)
			redrive(k)
			k.wantPosted(5, 0)
		}},
		// A redrive has all its attempts, and an end.
		{"redrives in vain, and it is dead again", func(k *desk) {
			dead(k)
			redrive(k)
			k.wantPosted(4, 1)
		}},
		// Nothing of it is done later.
		{"discards, and it is gone", func(k *desk) {
			dead(k)
			k.update(func(tx *store.Tx) error { return tx.Exec(`DELETE FROM job WHERE dead = 1`) })
			k.wantPosted(4, 0)
		}},
		// What was called off is not done, and what was replaced is done once.
		{"takes back what waits, and replaces it", func(k *desk) {
			k.update(func(tx *store.Tx) error {
				return errors.Join(tx.SendAs("keep", tx.Now.Add(time.Hour), "a", parcel{1}), tx.SendAs("drop", tx.Now.Add(time.Hour), "b", parcel{2}))
			})
			k.update(func(tx *store.Tx) error {
				return errors.Join(tx.Unsend("drop"), tx.SendAs("keep", tx.Now, "a", parcel{3}))
			})
			k.start(k.worker(queue.Do(deliver, post), long))
			k.wantPosted(1, 0)
			if n := k.one(`SELECT n FROM posted`); n != 3 {
				k.Errorf("did %d, want 3", n)
			}
		}},
	}
}
