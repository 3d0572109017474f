package queuetest

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// The parts that other processes play.
const (
	partWork       = "work"        // all that there is
	partKillCall   = "kill call"   // is killed by the call of message 17
	partKillRecord = "kill record" // is killed by its record
)

const deadly = 17

// play is what another process does; it returns when all is done.
func (k *desk) play(part string) {
	call := func(_ context.Context, m message.Of[parcel]) (string, error) {
		if part == partKillCall && m.Data.N == deadly {
			storetest.Die()
		}
		return "sent", nil
	}
	record := func(ctx context.Context, tx *store.Tx, m message.Of[parcel], outcome string) error {
		if part == partKillRecord && m.Data.N == deadly {
			storetest.Die()
		}
		return post(ctx, tx, m, outcome)
	}
	k.start(k.worker(queue.Do(call, record), 2*soon))
	k.await("the part", func() bool { return k.one(`SELECT count(*) FROM job WHERE dead = 0`) == 0 })
}

func killers() []test {
	return []test{
		// Kills between any two steps of a worker.
		{"at random, and nothing is lost or done twice", func(k *desk) {
			const n = 3000
			k.send(n)
			k.must(k.db.Close())
			for range 6 {
				p := storetest.Start(k, partWork, k.place)
				<-time.After(time.Duration(20+rand.IntN(200)) * time.Millisecond)
				p.Kill()
				_ = p.Wait() // killed, or done
			}
			k.must(storetest.Start(k, partWork, k.place).Wait())
			k.open()
			k.wantPosted(n, 0)
		}},
		// Outside the database, where nothing is locked.
		{"by the call of one message, which dies alone", func(k *desk) { k.dies(partKillCall) }},
		// Inside the transaction of a whole batch.
		{"by the record of one message, which dies alone", func(k *desk) { k.dies(partKillRecord) }},
	}
}

// dies starts a process again and again, until the message that kills it is dead. All
// others are done.
func (k *desk) dies(part string) {
	k.send(40)
	k.must(k.db.Close())
	crashes := 0
	for storetest.Start(k, part, k.place).Wait() != nil {
		if crashes++; crashes == 12 {
			k.Fatalf("%d processes died, and the message that kills them still lives", crashes)
		}
	}
	k.open()
	k.wantPosted(39, 1)
	if crashes < 3 {
		k.Errorf("it was dead after %d crashes: it was blamed before it ran alone", crashes)
	}
	if n := k.one(`SELECT count(*) FROM job WHERE key = '17'`); n != 1 {
		k.Error("it is another one that is dead")
	}
}

func workers() []test {
	var tests []test
	for _, tt := range []test{
		// Two workers do not do the same message.
		{"share the messages, each done once", func(k *desk) {
			d := k.h.Open(k, k.place, "test", migrations)
			k.on(d, d, deliver)
			k.start(k.worker(queue.Do(deliver, post), long))
			for range 10 {
				k.send(50)
			}
			k.await("500 done", func() bool { return k.one(`SELECT count(*) FROM posted`) >= 500 })
			k.await("none left", func() bool { return k.one(`SELECT count(*) FROM job`) == 0 })
			if n := k.one(`SELECT count(*) FROM posted`); n != 500 {
				k.Errorf("%d effects, want 500", n)
			}
		}},
		// A process that was stopped goes on with what it remembers.
		{"of which one is stopped past its lease and goes on", zombie},
	} {
		tests = append(tests, test{tt.name, func(k *desk) {
			if k.db.Alone() {
				k.Skip("there can be no second worker on this database")
			}
			tt.run(k)
		}})
	}
	return tests
}

// on starts a worker on connections of its own, as another process has them: on d, which
// is real or wraps it.
func (k *desk) on(d, real store.Driver, c call) {
	db := store.Open("test", d)
	w := k.worker(queue.Do(c, post), 2*soon)
	w.DB, w.Driver = db, k.h.Queue(k, Service{k.place, db, real, 2 * soon})
	k.start(w)
}

// zombie: a worker is stopped with messages in hand, past their leases, and goes on.
// What it then wants to record is somebody else's, and done.
func zombie(k *desk) {
	real := k.h.Open(k, k.place, "test", migrations)
	frozen := &storetest.Freezer{Driver: real}
	var inHand atomic.Int64
	goOn := make(chan struct{})
	k.send(30)
	k.on(frozen, real, func(context.Context, message.Of[parcel]) (string, error) {
		inHand.Add(1)
		<-goOn
		return "late", nil
	})
	k.await("30 in hand", func() bool { return inHand.Load() == 30 })
	thaw := frozen.Freeze()
	close(goOn)
	k.start(k.worker(queue.Do(deliver, post), 2*soon))
	k.await("all done by the other", func() bool { return k.one(`SELECT count(*) FROM posted`) == 30 })
	thaw()
	k.send(1) // whoever does it has settled what it had before, or has nothing to settle
	k.await("none left", func() bool { return k.one(`SELECT count(*) FROM job`) == 0 })
	if n := k.one(`SELECT count(*) FROM posted WHERE outcome = 'late' AND n > 0`); n != 0 {
		k.Errorf("%d effects of a worker whose leases had ended", n)
	}
	if n := k.one(`SELECT count(*) FROM posted`); n != 31 {
		k.Errorf("%d effects, want 31", n)
	}
}
