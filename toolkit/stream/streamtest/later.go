package streamtest

import (
	"context"
	"fmt"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// recounted is what a newer program says instead of counted.
type recounted struct{ Number int }

func (recounted) Kind() string { return "counted.2" }

// upgraded is a reader of a newer program: it knows both.
func (k *desk) upgraded() *stream.Reader {
	r := k.reader(do)
	r.Handlers = append(r.Handlers, stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[recounted]) error {
		return effect(tx, m.Key, m.Data.Number)
	}))
	return r
}

// dueNow makes everything due that waits for a time.
func (k *desk) dueNow() {
	k.Helper()
	k.update(k.target, func(tx *store.Tx) error { return tx.Exec(`UPDATE parked SET due = $1 WHERE state = 'retry'`, tx.Now) })
}

func later() []test {
	return []test{
		// What an old program cannot read is not passed by, and what follows it waits.
		{"waits for a newer program, and its key in order", func(k *desk) {
			k.append("a", counted{0}, recounted{1}, counted{2}, recounted{3}, counted{4})
			k.append("b", counted{5}, counted{6})
			stop := k.start(k.reader(do))
			k.awaitEffects("b", 5, 6)
			k.awaitEffects("a", 0)
			k.awaitStates("retry 1 waiting 3")
			k.dueNow()
			k.await("put off again", func() bool {
				return k.one(`SELECT count(*) FROM parked WHERE state = 'retry' AND due > time + 30000000`) == 1
			})
			if n := k.one(`SELECT count(*) FROM parked WHERE state = 'retry' AND past LIKE '%later version%' AND past LIKE '%"attempts":0%'`); n != 1 {
				k.Error("what waits for a newer program does not say so, or has been charged with an attempt")
			}
			stop()
			k.start(k.upgraded())
			k.dueNow()
			k.awaitEffects("a", 0, 1, 2, 3, 4)
			k.awaitStates("")
		}},
		// They are put off together, however many there are, and hold up no retry.
		{"is put off with hundreds of others", func(k *desk) {
			for i := range 300 {
				k.append(fmt.Sprint("key", i), recounted{i})
			}
			stop := k.start(k.reader(do))
			k.awaitStates("retry 300")
			k.dueNow()
			k.append("a", counted{0})
			k.awaitEffects("a", 0)
			k.await("put off", func() bool { return k.one(`SELECT count(*) FROM parked WHERE due > time + 30000000`) == 300 })
			stop()
			k.dueNow()
			k.start(k.upgraded())
			k.await("all", func() bool { return k.one(`SELECT count(*) FROM effect`) == 301 })
			k.awaitStates("")
		}},
		// An operator may give it up all the same.
		{"can be discarded by who does not know it", func(k *desk) {
			k.append("a", recounted{0}, counted{1})
			k.start(k.reader(do))
			k.awaitStates("retry 1 waiting 1")
			k.update(k.target, func(tx *store.Tx) error {
				return tx.Exec(`UPDATE parked SET state = 'discarded', due = $1 WHERE state = 'retry'`, tx.Now)
			})
			k.awaitEffects("a", 1)
			k.awaitStates("")
		}},
		// An older version that is not handled any more is nobody's.
		{"is not what is older than what is handled", func(k *desk) {
			r := k.upgraded()
			r.Handlers = r.Handlers[1:]
			k.append("a", counted{0}, recounted{1}, counted{2})
			k.start(r)
			k.awaitEffects("a", 1)
			k.awaitStates("")
		}},
	}
}
