package streamtest

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// The parts that other processes play.
const (
	partRead       = "read"           // all that there is
	partKill       = "kill"           // is killed by message 18
	partKillParked = "kill if parked" // is killed by message 18 when it comes again
)

const deadly = 18

// play is what another process does; it returns when all is done.
func (k *desk) play(part string) {
	done := func() bool { return k.one(`SELECT count(*) FROM effect`) >= 60 }
	h := do
	switch part {
	case partKill:
		h = func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
			if m.Data.N == deadly {
				storetest.Die()
			}
			return do(ctx, tx, m)
		}
	case partKillParked:
		h = func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
			if m.Data.N != deadly {
				return do(ctx, tx, m)
			}
			again, err := tx.Row([]any{nil}, `SELECT 1 FROM parked WHERE key = $1`, m.Key)
			if again {
				storetest.Die()
			}
			if err != nil {
				return err
			}
			return failure.RetryAfter(time.Millisecond, errBad)
		}
	case partRead:
		done = func() bool { return k.one(`SELECT count(*) FROM effect`) >= 3000 }
	}
	if part != partRead {
		done = func() bool { return k.states() == "dead 1 waiting 8" && k.one(`SELECT count(*) FROM effect`) >= 51 }
	}
	k.start(k.reader(h))
	k.await("the part", done)
}

func killers() []test {
	return []test{
		// Kills between any two steps of a reader.
		{"at random, and nothing is lost or done twice", func(k *desk) {
			k.numbers(3000, 7)
			k.close()
			for range 6 {
				p := storetest.Start(k, partRead, k.place)
				<-time.After(time.Duration(20+rand.IntN(200)) * time.Millisecond)
				p.Kill()
				_ = p.Wait() // killed, or done
			}
			k.must(storetest.Start(k, partRead, k.place).Wait())
			k.open()
			k.wantAll(3000, 7)
		}},
		// A batch that dies is taken apart until one is to blame.
		{"by one message, which dies alone", func(k *desk) { k.dies(partKill) }},
		// What killed the owners before is among what cannot be read yet.
		{"and the log gives nothing at first: its owners are still lost", patient},
		// Parked messages are counted before they run, too.
		{"by one message when it comes again, which dies alone", func(k *desk) { k.dies(partKillParked) }},
	}
}

// patient: owners were lost, and the next one reads a log that gives nothing as long as
// a transaction of somebody else runs. They count until what follows has been read.
func patient(k *desk) {
	k.update(k.target, func(tx *store.Tx) error {
		for p := range store.Partitions {
			if err := tx.Exec(`INSERT INTO position (subscription, log, partition, owner, strikes) VALUES ('target', 'source', $1, 'lost', 2)`, p); err != nil {
				return err
			}
		}
		return nil
	})
	k.append("a", counted{0})
	r, log := k.reader(do), &absent{Log: k.log, silent: true}
	log.away.Store(true)
	r.Log = log
	k.start(r)
	k.await("ten looks", func() bool { return log.missed.Load() >= 10 })
	if n := k.one(`SELECT strikes FROM position WHERE partition = $1`, store.Partition("a")); n < 2 {
		k.Errorf("%d owners are counted, want 2 or more", n)
	}
	log.away.Store(false)
	k.awaitEffects("a", 0)
	k.await("a new beginning", func() bool { return k.one(`SELECT count(*) FROM position WHERE strikes > 0`) == 0 })
}

// dies starts a process again and again, until the message that kills it is dead. All
// others are done or wait behind it.
func (k *desk) dies(part string) {
	k.numbers(60, 5)
	k.close()
	crashes := 0
	for storetest.Start(k, part, k.place).Wait() != nil {
		if crashes++; crashes == 12 {
			k.Fatalf("%d processes died, and the message that kills them still lives", crashes)
		}
	}
	k.open()
	if got := k.states(); got != "dead 1 waiting 8" || k.one(`SELECT count(*) FROM parked WHERE key <> 'key3'`) != 0 {
		k.Errorf("parked are %s", got)
	}
	k.awaitEffects("key3", 3, 8, 13)
	k.awaitEffects("key4", 4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54, 59)
	if crashes < 3 {
		k.Errorf("it was dead after %d crashes: it was blamed before it ran alone", crashes)
	}
}
