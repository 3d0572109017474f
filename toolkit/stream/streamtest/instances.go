package streamtest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
)

func instances() []test {
	var tests []test
	for _, tt := range []test{
		// Neither idles, and whoever stays takes all.
		{"share the partitions", func(k *desk) {
			stop := k.second(do)
			k.start(k.reader(do))
			k.await("eight partitions each", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
			k.numbers(200, 20)
			k.wantAll(200, 20)
			stop()
			k.await("one with all", func() bool { return slices.Equal(k.shares(), []int{16}) })
		}},
		// What it had is not stuck with it.
		{"and one crashes: the other takes over within the lease", func(k *desk) {
			frozen := &storetest.Freezer{Driver: k.h.Open(k, k.place, "target", migrations)}
			k.on(frozen, do)
			k.start(k.reader(do))
			k.await("eight partitions each", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
			thaw := frozen.Freeze()
			defer thaw()
			k.numbers(100, 20)
			began := time.Now()
			k.wantAll(100, 20)
			if took := time.Since(began); took > 5*lease {
				k.Errorf("took over after %v, want it soon after %v", took, lease)
			}
		}},
		// Only the fence keeps it from doing things again.
		{"of which one is stopped past its lease and goes on", zombie},
		// It has forgotten what is its own by the time it has to share it.
		{"of which one has lost its log when the other joins", forgetful},
		// What it knew of the parked keys is not true any more.
		{"and a partition goes and comes back", back},
		// Keys of the messages differ, and the row is the same.
		{"decide on rows of other keys", deciding},
	} {
		tests = append(tests, test{tt.name, func(k *desk) {
			if k.target.Alone() {
				k.Skip("there can be no second instance on this database")
			}
			tt.run(k)
		}})
	}
	return tests
}

// second starts a reader on connections of its own, as another process has them.
func (k *desk) second(h handle) (stop func()) {
	return k.on(k.h.Open(k, k.place, "target", migrations), h)
}

// on starts a reader of the target on d.
func (k *desk) on(d store.Driver, h handle) (stop func()) {
	r := k.reader(h)
	r.DB = store.Open("target", d)
	r.Process.Instance += " b"
	return k.start(r)
}

// shares returns how many partitions each owner has.
func (k *desk) shares() (n []int) {
	k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
		n = nil
		return tx.Rows(`SELECT count(*) FROM position WHERE owner <> '' GROUP BY owner`, nil, func(scan func(...any) error) error {
			var c int
			err := scan(&c)
			n = append(n, c)
			return err
		})
	}))
	return n
}

// zombie: an instance is stopped past its lease again and again, with messages in hand,
// and goes on with what it remembers. Only the fence keeps what it then does from
// happening twice.
func zombie(k *desk) {
	const rounds, each, keys = 4, 150, 20
	frozen := &storetest.Freezer{Driver: k.h.Open(k, k.place, "target", migrations)}
	k.on(frozen, do)
	k.start(k.reader(do))
	k.await("eight partitions each", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
	for round := range rounds {
		k.update(k.source, func(tx *store.Tx) error {
			for i := range each {
				n := round*each + i
				if err := tx.Append(fmt.Sprint("key", n%keys), counted{n}); err != nil {
					return err
				}
			}
			return nil
		})
		thaw := frozen.Freeze()
		k.await("the work of both", func() bool { return k.one(`SELECT count(*) FROM effect`) >= (round+1)*each })
		thaw()
		k.await("both again", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
	}
	k.wantAll(rounds*each, keys)
	k.awaitStates("")
}

// forgetful: an instance that owns all cannot read its log, and so forgets what it owns,
// when another one joins. Each partition ends with one of the two that reads it.
func forgetful(k *desk) {
	r, log := k.reader(do), &absent{Log: k.log}
	r.Log, r.Lease = log, 10*lease // it is back long before the lease ends
	k.append("a", unheard{})       // a copy that has nothing is not read
	k.start(r)
	k.await("one with all", func() bool { return slices.Equal(k.shares(), []int{16}) })
	log.away.Store(true)
	k.second(do)
	k.await("both to have joined", func() bool { return k.one(`SELECT count(*) FROM member`) == 2 })
	seen := log.missed.Load()
	k.await("the first to know of it", func() bool { return log.missed.Load() >= seen+2 })
	log.away.Store(false)
	k.await("eight partitions each", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
	k.numbers(200, 20)
	k.wantAll(200, 20)
}

// An absent log cannot be read while it is away, and says so or gives nothing.
type absent struct {
	stream.Log
	silent bool
	away   atomic.Bool
	missed atomic.Int64 // how often
}

func (l *absent) Read(ctx context.Context, q stream.Query) ([]stream.Entry, error) {
	if l.away.Load() {
		if l.missed.Add(1); l.silent {
			return nil, nil
		}
		return nil, store.ErrUnavailable
	}
	return l.Log.Read(ctx, q)
}

// back: keys are parked, their partitions go to another instance, which drains them, and
// come back. What follows on these keys waits behind nothing.
func back(k *desk) {
	const keys = 64
	h, repair := k.broken(errBad)
	for i := range keys {
		k.append(fmt.Sprint("key", i), counted{0})
	}
	k.start(k.reader(h))
	k.awaitStates(fmt.Sprint("dead ", keys))
	stop := k.second(h)
	k.await("eight partitions each", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
	repair()
	k.mark("retry")
	k.awaitStates("")
	stop()
	k.await("one with all", func() bool { return slices.Equal(k.shares(), []int{16}) })
	for i := range keys {
		k.append(fmt.Sprint("key", i), counted{1})
	}
	for i := range keys {
		k.awaitEffects(fmt.Sprint("key", i), 0, 1)
	}
	k.awaitStates("")
}

// deciding: two instances take from the same row for messages of many keys. Only the
// lock of what they decide on makes each see what the other took.
func deciding(k *desk) {
	const n = 200
	h := func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
		var left int
		if _, err := tx.Row([]any{&left}, `SELECT n FROM stock WHERE name = 'lamp'`); err != nil {
			return err
		}
		return tx.Exec(`UPDATE stock SET n = $1 WHERE name = 'lamp'`, left-1)
	}
	k.update(k.target, func(tx *store.Tx) error { return tx.Exec(`INSERT INTO stock (name, n) VALUES ('lamp', $1)`, n) })
	for _, d := range []store.Driver{k.driver, k.h.Open(k, k.place, "target", migrations)} {
		r := k.reader(h)
		r.DB = store.Open("target", d)
		r.Handlers[0] = stream.Deciding(r.Handlers[0], func(counted) []string { return []string{"lamp"} })
		k.start(r)
	}
	k.await("eight partitions each", func() bool { return slices.Equal(k.shares(), []int{8, 8}) })
	for i := range n {
		k.append(fmt.Sprint("key", i), counted{i})
	}
	k.await("nothing left", func() bool { return k.one(`SELECT n FROM stock`) <= 0 })
	left, behind := k.one(`SELECT n FROM stock`), k.one(`SELECT count(*) FROM parked`)
	if left != 0 || behind != 0 {
		k.Errorf("%d left and %d parked, want none", left, behind)
	}
}
