package streamtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// broken is a handler that fails for message 0 until it is repaired.
func (k *desk) broken(err error) (h handle, repair func()) {
	var repaired atomic.Bool
	return func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
		if m.Data.N == 0 && !repaired.Load() {
			return err
		}
		return do(ctx, tx, m)
	}, func() { repaired.Store(true) }
}

func parked() []test {
	return []test{
		// What was taken for parked, and was not, is not left behind.
		{"that wait behind nothing go on with the next owner", func(k *desk) {
			h, _ := k.broken(errBad)
			k.append("a", counted{0}, counted{1}, counted{2})
			stop := k.start(k.reader(h))
			k.awaitStates("dead 1 waiting 2")
			stop()
			k.update(k.target, func(tx *store.Tx) error { return tx.Exec(`DELETE FROM parked WHERE state = 'dead'`) })
			k.start(k.reader(do))
			k.awaitEffects("a", 1, 2)
			k.awaitStates("")
		}},
		// One that is not read any more does not hold up the rest.
		{"of a stopped partition delay no retry elsewhere", starved},
		// A bad message costs its own key, and in order.
		{"delays no other key, and keeps its order", func(k *desk) {
			h, repair := k.broken(failure.RetryAfter(time.Hour, errBad))
			k.append("a", counted{0}, counted{1}, counted{2})
			k.append("b", counted{3}, counted{4})
			k.start(k.reader(h))
			k.awaitEffects("b", 3, 4)
			k.awaitStates("retry 1 waiting 2")
			k.append("a", counted{5})
			k.awaitStates("retry 1 waiting 3")
			repair()
			k.update(k.target, func(tx *store.Tx) error { return tx.Exec(`UPDATE parked SET due = $1 WHERE state = 'retry'`, tx.Now) })
			k.awaitEffects("a", 0, 1, 2, 5)
			k.awaitStates("")
		}},
		// A restart does not forget, skip or revive it.
		{"stays parked when its reader stops and starts", func(k *desk) {
			h, repair := k.broken(errBad)
			k.append("a", counted{0}, counted{1})
			stop := k.start(k.reader(h))
			k.awaitStates("dead 1 waiting 1")
			stop()
			k.append("a", counted{2})
			k.start(k.reader(h))
			k.awaitStates("dead 1 waiting 2")
			repair()
			k.mark("retry")
			k.awaitEffects("a", 0, 1, 2)
		}},
		// Pressing the button twice does it once.
		{"redriven, comes home once, and all that waits behind it", func(k *desk) {
			h, repair := k.broken(errBad)
			k.append("a", counted{0}, counted{1}, counted{2})
			k.start(k.reader(h))
			k.awaitStates("dead 1 waiting 2")
			repair()
			k.mark("retry")
			k.mark("retry")
			k.append("a", counted{3})
			k.awaitEffects("a", 0, 1, 2, 3)
			k.awaitStates("")
		}},
		// A redrive in vain lets nothing slip past.
		{"redriven in vain, is dead again and blocks as before", func(k *desk) {
			h, _ := k.broken(errBad)
			k.append("a", counted{0}, counted{1})
			k.start(k.reader(h))
			for range 3 {
				k.awaitStates("dead 1 waiting 1")
				k.mark("retry")
			}
			k.awaitStates("dead 1 waiting 1")
			k.awaitEffects("a")
		}},
		// Its key is not blocked for ever.
		{"discarded, lets go what waits behind it", func(k *desk) {
			h, _ := k.broken(errBad)
			k.append("a", counted{0}, counted{1}, counted{2})
			k.start(k.reader(h))
			k.awaitStates("dead 1 waiting 2")
			k.mark("discarded")
			k.awaitEffects("a", 1, 2)
			k.awaitStates("")
		}},
	}
}

// parkedLater are tests of a parked key while more comes for it.
// starved: more is due in a partition that is stopped than is looked at together, and a
// message of another one is to be tried again.
func starved(k *desk) {
	stopped := (store.Partition("a") + 1) % store.Partitions
	k.update(k.target, func(tx *store.Tx) error {
		err := tx.Exec(`INSERT INTO position (subscription, log, partition, stopped) VALUES ('target', 'source', $1, 'another log')`, stopped)
		for i := range 300 {
			err = errors.Join(err, tx.Exec(`INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due, past)
				VALUES ('target', 'source', $1, $2, $3, 'counted', 'public', $3, 0, 0, '', '', $4, 'retry', 0, '')`, stopped, i+1, fmt.Sprint("key", i), []byte("{}")))
		}
		for p := range store.Partitions {
			err = errors.Join(err, tx.Exec(`INSERT INTO position (subscription, log, partition) VALUES ('target', 'source', $1) ON CONFLICT DO NOTHING`, p))
		}
		return err
	})
	h, repair := k.broken(failure.RetryAfter(100*time.Millisecond, errBad))
	k.append("a", counted{0})
	k.start(k.reader(h))
	k.awaitStates("retry 301")
	repair()
	k.awaitEffects("a", 0)
}

func parkedLater() []test {
	return []test{
		// Each of a key can fail in its turn.
		{"behind another one that fails, waits again", func(k *desk) {
			var first, second atomic.Bool
			k.append("a", counted{0}, counted{1}, counted{2})
			k.start(k.reader(func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
				if m.Data.N == 0 && !first.Load() || m.Data.N == 1 && !second.Load() {
					return failure.Permanent(errBad)
				}
				return do(ctx, tx, m)
			}))
			k.awaitStates("dead 1 waiting 2")
			first.Store(true)
			k.mark("retry")
			k.awaitEffects("a", 0)
			k.awaitStates("dead 1 waiting 1")
			second.Store(true)
			k.mark("retry")
			k.awaitEffects("a", 0, 1, 2)
		}},
		// Where order does not matter nothing waits.
		{"is released where the policy says so, and its key goes on", func(k *desk) {
			h, repair := k.broken(errBad)
			r := k.reader(h)
			r.Policy.Release = true
			k.append("a", counted{0}, counted{1}, counted{2})
			k.start(r)
			k.awaitEffects("a", 1, 2)
			k.awaitStates("released 1")
			repair()
			k.mark("retry")
			k.append("a", counted{3})
			k.await("all four", func() bool { return len(k.effects("a")) == 4 })
			k.awaitStates("")
		}},
		// An order that was called off must not hang in a dead message.
		{"is passed by an end, which it finds when it comes home", func(k *desk) {
			h, repair := k.broken(errBad)
			k.append("a", counted{0}, counted{1})
			k.append("a", ended{})
			k.start(k.reader(h))
			k.awaitEffects("a", -1)
			k.awaitStates("dead 1 waiting 1")
			repair()
			k.mark("retry")
			k.awaitEffects("a", -1, 0, 1)
		}},
		// Also when the end had to be parked itself.
		{"is passed by an end that fails at first", passedLater},
	}
}

// passedLater: the end of a thing is not held up by what is dead, also when it has been
// parked itself.
func passedLater(k *desk) {
	h, _ := k.broken(failure.Permanent(errBad))
	var ends atomic.Int64
	r := k.reader(h)
	r.Handlers[1] = stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[ended]) error {
		if ends.Add(1) < 4 {
			return failure.RetryAfter(time.Millisecond, errBad)
		}
		return effect(tx, m.Key, -1)
	}).Passing()
	r.Policy.Attempts = 6
	k.append("a", counted{0}, counted{1})
	k.append("a", ended{})
	k.start(r)
	k.awaitEffects("a", -1)
	k.awaitStates("dead 1 waiting 1")
}
