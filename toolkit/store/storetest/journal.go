package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

func journals() []test {
	return []test{
		// No column is dropped or changed on its way.
		{"keeps a message as it is", func(k *desk) {
			want := message.Message{ID: "1", Kind: "fact", Class: message.Internal, Key: "a", Version: 1, Time: time.UnixMicro(1).UTC(), Cause: "0", Trace: "t", Body: []byte(`{"n":1}`)}
			k.append(k.d, want)
			got := k.journal("a")[0].Message
			if string(got.Body) != string(want.Body) || !got.Time.Equal(want.Time) {
				k.Errorf("got %+v, want %+v", got, want)
			}
			got.Body, got.Time, want.Body, want.Time = nil, time.Time{}, nil, time.Time{}
			if got.ID != want.ID || got.Kind != want.Kind || got.Class != want.Class || got.Version != want.Version || got.Cause != want.Cause || got.Trace != want.Trace {
				k.Errorf("got %+v, want %+v", got, want)
			}
		}},
		// Facts of one change are not shuffled by a batch.
		{"keeps the order of one Append", func(k *desk) {
			seqs := k.append(k.d, fact("1", "a"), fact("2", "a"), fact("3", "a"))
			if !slices.IsSorted(seqs) || seqs[0] == seqs[1] || seqs[1] == seqs[2] {
				k.Errorf("sequences %v do not grow", seqs)
			}
			for i, r := range k.journal("a") {
				if r.seq != seqs[i] || r.ID != string(rune('1'+i)) {
					k.Errorf("message %d is %s at %d, want %d", i, r.ID, r.seq, seqs[i])
				}
			}
		}},
		// A key's order is that of its commits, across processes.
		{"puts each behind everything that was committed to its partition", behind},
		// Two who decide on the same state do not both win.
		{"takes a version once", version},
		// A gap is not waited for: the journal settles past it.
		{"has sequences that a change undone does not take with it", func(k *desk) {
			k.want(k.update(k.d, nil, func(c store.Conn) error {
				_, err := c.Append([]message.Message{fact("1", "a")})
				return errors.Join(err, errOwn)
			}), errOwn)
			seq := k.append(k.d, fact("2", "a"))[0]
			k.settledAt(seq)
		}},
		// Lists that page by a number miss nothing.
		{"draws numbers that grow, and are settled", next},
		// A restart does not draw a number again.
		{"draws numbers that grow, also after the database was closed", func(k *desk) {
			var before, after int64
			k.append(k.d, fact("1", "a"))
			k.must(k.update(k.d, nil, func(c store.Conn) (err error) { before, err = c.Next(); return err }))
			k.must(k.d.Close())
			k.d = k.open()
			k.must(k.update(k.d, nil, func(c store.Conn) (err error) { after, err = c.Next(); return err }))
			if after <= before {
				k.Errorf("drew %d after %d", after, before)
			}
		}},
		// Readers are not held up by what is committed.
		{"is settled up to what was committed", func(k *desk) {
			k.settledAt(k.append(k.d, fact("1", "a"), fact("2", "b"))[1])
		}},
		// A reader that trusts sequences misses what commits late.
		{"is not settled past a change that is open", open},
		// The same under load: a cursor on sequences loses rows.
		{"loses nothing to whoever follows what is settled", follow},
	}
}

func (k *desk) append(d store.Driver, msgs ...message.Message) (seqs []int64) {
	k.Helper()
	k.must(k.update(d, nil, func(c store.Conn) (err error) { seqs, err = c.Append(msgs); return err }))
	return seqs
}

// settledAt waits until the journal is settled up to seq, which is soon.
func (k *desk) settledAt(seq int64) {
	k.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var got int64
	for began := time.Now(); time.Since(began) < 3*time.Second; <-tick.C {
		var err error
		if got, err = k.d.Settled(k.ctx); err != nil || got >= seq {
			k.must(err)
			return
		}
	}
	k.Errorf("settled up to %d, want %d", got, seq)
}

// behind: what is appended later, on whichever connection, has a higher sequence.
func behind(k *desk) {
	drivers := []store.Driver{k.d, k.again()}
	last := int64(0)
	for i, id := range ids("m", 20) {
		seq := k.append(drivers[i%2], fact(id, "a"))[0]
		if seq <= last {
			k.Fatalf("sequence %d after %d", seq, last)
		}
		last = seq
	}
	var wg sync.WaitGroup
	for w, d := range drivers {
		wg.Go(func() {
			last := last
			for _, id := range ids([]string{"left", "right"}[w], 30) {
				seqs := k.append(d, fact(id, "a"))
				if seqs[0] <= last {
					k.Errorf("sequence %d after %d of the same writer", seqs[0], last)
				}
				last = seqs[0]
			}
		})
	}
	wg.Wait()
	if got := len(k.journal("a")); got != 80 {
		k.Errorf("the journal has %d messages, want 80", got)
	}
}

// version: of ten that take the same version one does, and the others fail alone.
func version(k *desk) {
	drivers := []store.Driver{k.d, k.again()}
	var wg sync.WaitGroup
	var won, lost atomic.Int64
	for i, id := range ids("m", 10) {
		wg.Go(func() {
			m := fact(id, "a")
			m.Version = 1
			err := k.update(drivers[i%2], nil, func(c store.Conn) error {
				_, err := c.Append([]message.Message{fact(id, "b"), m})
				return err
			})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, store.ErrConflict):
				lost.Add(1)
			default:
				k.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 9 || len(k.journal("a")) != 1 || len(k.journal("b")) != 1 {
		k.Errorf("%d took the version, %d did not, and the journal has %d and %d; want 1, 9, 1 and 1", won.Load(), lost.Load(), len(k.journal("a")), len(k.journal("b")))
	}
}

func next(k *desk) {
	drivers := []store.Driver{k.d, k.again()}
	last := int64(0)
	for i := range 20 {
		var numbers [2]int64
		k.must(k.update(drivers[i%2], nil, func(c store.Conn) (err error) {
			for n := range numbers {
				if numbers[n], err = c.Next(); err != nil {
					return err
				}
			}
			return nil
		}))
		if numbers[0] <= last || numbers[1] <= numbers[0] {
			k.Fatalf("drew %v after %d", numbers, last)
		}
		last = numbers[1]
	}
	k.settledAt(last)
}

// open: while a change that has drawn a number may still commit, nothing is settled at
// or above that number.
func open(k *desk) {
	k.append(k.d, fact("0", "a"))
	drawn, end, done := make(chan int64, 10), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- k.update(k.d, nil, func(c store.Conn) error {
			n, err := c.Next()
			drawn <- n
			<-end
			return err
		})
	}()
	n := <-drawn
	ctx, cancel := context.WithTimeout(k.ctx, 200*time.Millisecond)
	defer cancel()
	// Another one commits a higher number meanwhile, where the database lets it.
	_ = k.again().Update(ctx, store.Change{Run: func(c store.Conn, _ time.Time) error {
		_, err := c.Append([]message.Message{fact("1", "b")})
		return err
	}})
	for range 3 {
		switch got, err := k.d.Settled(k.ctx); {
		case err != nil:
			k.Error(err)
		case got >= n:
			k.Errorf("settled up to %d, while %d can still appear", got, n)
		}
	}
	close(end)
	k.must(<-done)
	k.settledAt(n)
}

// follow: four writers, and whoever counts what is there up to what is settled. The
// count below a number that was once settled never changes.
func follow(k *desk) {
	drivers := []store.Driver{k.d, k.again()}
	var writers sync.WaitGroup
	for w, prefix := range []string{"a", "b", "c", "d"} {
		writers.Go(func() {
			for i, id := range ids(prefix, 50) {
				k.append(drivers[w%2], fact(id, prefix), fact(id+"x", ids("other", 16)[i%16]))
			}
		})
	}
	written := make(chan struct{})
	go func() { writers.Wait(); close(written) }()
	seen := map[int64]int64{}
	for running := true; running; {
		select {
		case <-written:
			running = false
		default:
		}
		upTo, err := k.d.Settled(k.ctx)
		k.must(err)
		seen[upTo] = k.upTo(upTo)
	}
	for upTo, n := range seen {
		if now := k.upTo(upTo); now != n {
			k.Errorf("%d messages up to %d when that was settled, %d later", n, upTo, now)
		}
	}
	if got := k.upTo(1 << 62); got != 400 {
		k.Errorf("the journal has %d messages, want 400", got)
	}
}

// upTo counts the messages with sequences up to seq.
func (k *desk) upTo(seq int64) (n int64) {
	k.must(k.d.View(k.ctx, func(c store.Conn) error {
		return c.Query(`SELECT count(*) FROM journal WHERE seq <= $1`, []any{seq}, func(scan func(...any) error) error { return scan(&n) })
	}))
	return n
}
