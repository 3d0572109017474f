package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// rewound: what was read is read again from where an operator says, whoever owns it.
func rewound() []test {
	return slices.Concat(rewoundTo(), rewoundOver())
}

// rewoundTo is about the place from which it is read again.
func rewoundTo() []test {
	return []test{
		{"from the start, everything comes once more", func(k *desk) {
			k.numbers(60, 5)
			k.start(k.reader(do))
			k.wantAll(60, 5)
			all := k.rewind(k.places())
			if len(all) != 5 {
				k.Errorf("%d partitions were set back, want those of 5 keys", len(all))
			}
			k.await("everything twice", func() bool { return k.one(`SELECT count(*) FROM effect`) == 120 })
			k.numbers(1, 1) // and it goes on
			k.await("what is new", func() bool { return k.one(`SELECT count(*) FROM effect`) == 121 })
		}},
		{"from a number, what follows comes once more", func(k *desk) {
			k.append("a", counted{0}, counted{1}, counted{2}, counted{3})
			k.start(k.reader(do))
			k.awaitEffects("a", 0, 1, 2, 3)
			all := k.entries("a")
			to, err := stream.Before(k.Context(), k.journal(), k.readSoFar(), all[2].Seq)
			k.must(err)
			k.rewind(to)
			k.awaitEffects("a", 0, 1, 2, 3, 2, 3)
		}},
		{"from a time, nothing of it is left out", func(k *desk) {
			k.append("a", counted{0})
			// What is a second apart in the log need not be in this test.
			k.update(k.source, func(tx *store.Tx) error { return tx.Exec(`UPDATE journal SET time = time - 60000000`) })
			k.anew()
			k.append("a", counted{1})
			k.numbers(20, 3)
			k.close()
			k.open() // without what the log remembers of times
			k.start(k.reader(do))
			k.wantAllOf("a", 2)
			k.await("the others", func() bool { return k.one(`SELECT count(*) FROM effect`) == 22 })
			for ago, want := range map[time.Duration][]int{2 * time.Minute: {0, 1}, 30 * time.Second: {1}, -time.Minute: nil} {
				k.wantSince(ago, want)
			}
		}},
		{"what was not read yet is not passed by", func(k *desk) {
			k.append("a", counted{0}, counted{1})
			r := k.reader(do)
			if all := k.rewind(k.places()); len(all) != 0 {
				k.Errorf("%v were set back of a log that nobody has read", all)
			}
			k.start(r)
			k.awaitEffects("a", 0, 1)
			end := k.entries("a")[1].Position
			if all := k.rewind([]store.Position{end, {Partition: end.Partition, Seq: end.Seq + 100}}); len(all) != 0 {
				k.Errorf("%v were set forward", all)
			}
			k.append("a", counted{2})
			k.awaitEffects("a", 0, 1, 2)
		}},
	}
}

// rewoundOver is about what the reader has in hand, or cannot go on with, and about who it is.
func rewoundOver() []test {
	return []test{
		{"a batch in hand is not stored", func(k *desk) {
			k.append("a", counted{0})
			var once sync.Once
			in, out := make(chan struct{}), make(chan struct{})
			r := k.reader(func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
				if m.Data.N == 1 {
					once.Do(func() { close(in); <-out })
				}
				return do(ctx, tx, m)
			})
			k.start(r)
			k.awaitEffects("a", 0)
			// On a database with one writer the rewind waits for the batch; else it overtakes it.
			k.append("a", counted{1})
			<-in
			done := make(chan struct{})
			go func() { defer close(done); k.rewind(k.places()) }()
			close(out)
			<-done
			k.await("both at least once more", func() bool { got := k.effects("a"); return len(got) >= 3 && got[len(got)-1] == 1 })
			if got := fmt.Sprint(k.effects("a")); got != "[0 0 1]" && got != "[0 1 0 1]" {
				k.Errorf("effects are %s", got)
			}
		}},
		{"while messages are parked it is refused", func(k *desk) {
			k.append("a", counted{0}, counted{1})
			k.start(k.reader(func(ctx context.Context, tx *store.Tx, m message.Of[counted]) error {
				if m.Data.N == 1 {
					return errBad
				}
				return do(ctx, tx, m)
			}))
			k.awaitStates("dead 1")
			if _, err := stream.Rewind(k.Context(), k.target, "source", k.places(), nil); !errors.Is(err, stream.ErrParked) {
				k.Errorf("got %v, want ErrParked", err)
			}
			k.awaitEffects("a", 0)
		}},
		{"what could not be recorded has not happened", func(k *desk) {
			k.append("a", counted{0})
			k.start(k.reader(do))
			k.awaitEffects("a", 0)
			_, err := stream.Rewind(k.Context(), k.target, "source", k.places(), func(*store.Tx, []stream.Rewound) error { return errBad })
			if !errors.Is(err, errBad) {
				k.Errorf("got %v", err)
			}
			k.append("a", counted{1})
			k.awaitEffects("a", 0, 1)
		}},
		{"two instances take it anew", func(k *desk) {
			k.numbers(60, 5)
			k.start(k.reader(do))
			if !k.target.Alone() {
				k.start(k.reader(do))
			}
			k.wantAll(60, 5)
			k.rewind(k.places())
			k.await("everything twice", func() bool { return k.one(`SELECT count(*) FROM effect`) == 120 })
		}},
	}
}

// wantSince compares what follows of key a, where the log is read from some time ago on.
func (k *desk) wantSince(ago time.Duration, want []int) {
	k.Helper()
	to, err := stream.Since(k.Context(), k.journal(), k.readSoFar(), time.Now().Add(-ago))
	k.must(err)
	got := []int{}
	for _, p := range to {
		entries, err := k.log.Read(k.Context(), stream.Query{From: []store.Position{p}, Max: 100, Want: func(string) bool { return true }})
		k.must(err)
		for _, e := range entries {
			if m, err := message.Decode[counted](e.Message); err == nil && e.Key == "a" {
				got = append(got, m.Data.N)
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(append([]int{}, want...)) {
		k.Errorf("since %v ago: %v of key a, want %v", ago, got, want)
	}
}

// places are the starts of all partitions.
func (k *desk) places() (all []store.Position) {
	for p := range store.Partitions {
		all = append(all, store.Position{Partition: p})
	}
	return all
}

// readSoFar is how far target has read.
func (k *desk) readSoFar() []store.Position {
	k.Helper()
	at, err := stream.Read(k.Context(), k.target, "source")
	k.must(err)
	return at
}

func (k *desk) rewind(to []store.Position) []stream.Rewound {
	k.Helper()
	all, err := stream.Rewind(k.Context(), k.target, "source", to, nil)
	k.must(err)
	return all
}

// entries are those of a key in the log.
func (k *desk) entries(key string) (all []stream.Entry) {
	k.Helper()
	read, err := k.log.Read(k.Context(), stream.Query{From: []store.Position{{Partition: store.Partition(key)}}, Max: 1000, Want: func(string) bool { return true }})
	k.must(err)
	for _, e := range read {
		if e.Key == key {
			all = append(all, e)
		}
	}
	return all
}

// wantAllOf waits until a key has had effects 0 to n-1.
func (k *desk) wantAllOf(key string, n int) {
	k.Helper()
	var want []int
	for i := range n {
		want = append(want, i)
	}
	k.awaitEffects(key, want...)
}
