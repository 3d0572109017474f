package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// start is the beginning of every partition.
func start() []store.Position {
	from := make([]store.Position, store.Partitions)
	for p := range from {
		from[p].Partition = p
	}
	return from
}

// follow reads once, and moves the positions on.
func follow(t testing.TB, log stream.Log, from []store.Position, limit int) []stream.Entry {
	t.Helper()
	entries, err := log.Read(soon(t), stream.Query{From: from, Max: limit, Want: func(string) bool { return true }})
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		from[e.Partition] = e.Position
	}
	return entries
}

// settled waits until everything up to a sequence can be read: not before the transactions
// of others are over that had begun.
func settled(t testing.TB, d *postgres.Driver, seq int64) {
	t.Helper()
	storetest.Await(t, "the journal to settle", func() bool {
		end, err := d.Settled(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		return end >= seq
	})
}

// said appends messages in a change of their own.
func said(t testing.TB, d *postgres.Driver, msgs ...message.Message) (seqs []int64) {
	t.Helper()
	change(t, d, func(c store.Conn) (err error) { seqs, err = c.Append(msgs); return err })
	return seqs
}

func TestAppendAndRead(t *testing.T) {
	d, _ := open(t)
	log := postgres.NewLog(store.Open("test", d), d)
	var msgs []message.Message
	for i := range 300 {
		msgs = append(msgs, fact(fmt.Sprint("key", i%7), 0))
	}
	seqs := said(t, d, msgs...)
	if len(seqs) != len(msgs) || !slices.IsSorted(seqs) {
		t.Fatalf("sequences %v", seqs)
	}
	settled(t, d, seqs[len(seqs)-1])
	byID := map[string]int{}
	for i, m := range msgs {
		byID[m.ID] = i
	}
	from, seen := start(), 0
	for {
		entries := follow(t, log, from, 50)
		if len(entries) == 0 {
			break
		}
		if len(entries) > 50 {
			t.Fatalf("%d entries, want 50 at most", len(entries))
		}
		for _, e := range entries {
			want := msgs[byID[e.Message.ID]]
			want.Time = want.Time.Truncate(time.Microsecond).UTC()
			if e.Seq != seqs[byID[e.Message.ID]] || fmt.Sprint(e.Message) != fmt.Sprint(want) || e.Partition != store.Partition(want.Key) {
				t.Fatalf("got %+v, want %+v", e, want)
			}
			seen++
		}
	}
	if seen != len(msgs) {
		t.Errorf("read %d, want %d", seen, len(msgs))
	}
}

func TestLogAnswers(t *testing.T) {
	d, schema := open(t)
	log := postgres.NewLog(store.Open("test", d), d)
	seqs := said(t, d, fact("a", 0), fact("a", 0), fact("b", 0))
	settled(t, d, seqs[2])
	id, err := log.Identity(soon(t))
	again, err2 := postgres.NewLog(store.Open("test", d), openAt(t, serverURL(), schema)).Identity(soon(t))
	if err != nil || err2 != nil || id == "" || id != again {
		t.Errorf("identity %q (%v), then %q (%v)", id, err, again, err2)
	}
	n, err := log.Behind(soon(t), start())
	if err != nil || n != 3 {
		t.Errorf("behind: got %d, %v, want 3", n, err)
	}
	at, err := log.At(soon(t), store.Partition("a"), seqs[1])
	none, err2 := log.At(soon(t), store.Partition("a"), seqs[1]+100)
	if err != nil || err2 != nil || at == "" || none != "" {
		t.Errorf("at: got %q (%v) and %q (%v)", at, err, none, err2)
	}
	entries, err := log.Read(soon(t), stream.Query{From: start(), Max: 10, Want: func(string) bool { return false }})
	if err != nil || len(entries) != 3 || entries[0].Body != nil {
		t.Errorf("unwanted kinds: got %v, %v", entries, err)
	}
}

func TestConflict(t *testing.T) {
	d, _ := open(t)
	said(t, d, fact("a", 1), fact("a", 2), fact("b", 1))
	err := d.Update(soon(t), store.Change{Run: func(c store.Conn, _ time.Time) error {
		_, err := c.Append([]message.Message{fact("a", 2)})
		return err
	}})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
}

// TestOneHotPartition: a backlog in one partition fills a Read, in the order in which it
// was drawn.
func TestOneHotPartition(t *testing.T) {
	d, _ := open(t)
	log := postgres.NewLog(store.Open("test", d), d)
	var msgs []message.Message
	for range 200 {
		msgs = append(msgs, fact("hot", 0))
	}
	seqs := said(t, d, append(msgs, fact("other", 0))...)
	settled(t, d, seqs[len(seqs)-1])
	want := func(string) bool { return true }
	entries, err := log.Read(soon(t), stream.Query{From: start(), Max: 100, Want: want})
	if err != nil || len(entries) != 100 {
		t.Errorf("got %d entries, %v, want 100", len(entries), err)
	}
}

// TestFence is the measurement that the fence is built on: eight writers commit in
// another order than they draw. A cursor on the sequence misses rows; ours misses none,
// and sees no key's history out of order.
func TestFence(t *testing.T) {
	t.Run("alone", func(t *testing.T) { checkFence(t) })
	t.Run("beside a long transaction of somebody else", func(t *testing.T) {
		c := admin(t)
		if _, err := c.Exec(soon(t), `BEGIN; SELECT pg_current_xact_id()`); err != nil {
			t.Fatal(err)
		}
		checkFence(t)
		if _, err := c.Exec(soon(t), `ROLLBACK`); err != nil {
			t.Error(err)
		}
	})
}

func checkFence(t *testing.T) {
	const writers, each, keys = 8, 150, 20
	d, schema := open(t)
	log := postgres.NewLog(store.Open("test", d), d)
	naive := naiveCursor(t, schema)
	var written atomic.Bool
	var readers, w sync.WaitGroup
	var missed, seen []int64
	readers.Go(func() { missed = naive(&written) })
	readers.Go(func() { seen = fenced(t, log, writers*each) })
	for n := range writers {
		w.Go(func() { writeSlowly(t, d, rand.New(rand.NewPCG(uint64(n), 1)), each, keys) })
	}
	w.Wait()
	written.Store(true)
	readers.Wait()
	if lost := writers*each - len(missed); lost == 0 {
		t.Error("the naive cursor missed nothing: this test shows nothing")
	} else {
		t.Logf("the naive cursor missed %d of %d", lost, writers*each)
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != writers*each {
		t.Errorf("saw %d, want %d", len(seen), writers*each)
	}
}

// writeSlowly appends to hot keys, in transactions of different lengths.
func writeSlowly(t *testing.T, d *postgres.Driver, r *rand.Rand, changes, keys int) {
	for range changes {
		key, early, late := fmt.Sprint("key", r.IntN(keys)), r.IntN(3) == 0, r.IntN(4) == 0
		nap := float64(r.IntN(4000)) / 1e6
		err := d.Update(soon(t), store.Change{Keys: []string{key}, Run: func(c store.Conn, _ time.Time) error {
			if early {
				if err := c.Query(`SELECT pg_sleep(`+fmt.Sprint(nap)+`)`, nil, none); err != nil {
					return err
				}
			}
			var version int64
			if err := c.Query(`INSERT INTO count (key, n) VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET n = count.n + 1 RETURNING n`,
				[]any{key}, into(&version)); err != nil {
				return err
			}
			if _, err := c.Append([]message.Message{fact(key, version)}); err != nil || !late {
				return err
			}
			return c.Query(`SELECT pg_sleep(`+fmt.Sprint(nap)+`)`, nil, none)
		}})
		if err != nil {
			t.Error(err)
		}
	}
}

// naiveCursor returns a reader that trusts the sequence. It is what the fence is
// compared with.
func naiveCursor(t *testing.T, schema string) func(written *atomic.Bool) []int64 {
	c := admin(t)
	return func(written *atomic.Bool) (seen []int64) {
		for last := int64(0); ; {
			end := written.Load()
			rows, err := c.Query(context.Background(), `SELECT seq FROM `+schema+`.journal WHERE seq > $1 ORDER BY seq LIMIT 100`, last)
			if err != nil {
				t.Error(err)
				return seen
			}
			found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				t.Error(err)
				return seen
			}
			if len(found) > 0 {
				last = found[len(found)-1]
			} else if end {
				return seen
			}
			seen = append(seen, found...)
		}
	}
}

// fenced follows the journal until it has seen as many as there are.
func fenced(t *testing.T, log stream.Log, total int) (seen []int64) {
	from, versions := start(), map[string]int64{}
	eventually(t, "all read", func() bool {
		for _, e := range follow(t, log, from, 100) {
			if e.Version != versions[e.Key]+1 {
				t.Errorf("%s: version %d after %d", e.Key, e.Version, versions[e.Key])
			}
			versions[e.Key] = e.Version
			seen = append(seen, e.Seq)
		}
		return len(seen) >= total
	})
	return seen
}

// TestFenceWaits: a row whose transaction still runs keeps the later ones back, and a
// hint says when to look again.
func TestFenceWaits(t *testing.T) {
	d, _ := open(t)
	db := store.Open("test", d)
	log := postgres.NewLog(db, d)
	drawn, release := make(chan struct{}), make(chan struct{})
	var w sync.WaitGroup
	w.Go(func() {
		change(t, d, func(c store.Conn) error {
			_, err := c.Append([]message.Message{fact("slow", 0)})
			err = errors.Join(err, c.Query(`SELECT 1`, nil, nil)) // it travels with this
			close(drawn)
			<-release
			return err
		})
	})
	<-drawn
	said(t, d, fact("quick", 0))
	hint, stop := log.Watch()
	defer stop()
	from := start()
	if got := follow(t, log, from, 10); len(got) != 0 {
		t.Errorf("read %v past a transaction that still runs", got)
	}
	close(release)
	w.Wait()
	var got []stream.Entry
	for len(got) < 2 {
		select {
		case <-hint:
			got = append(got, follow(t, log, from, 10)...)
		case <-soon(t).Done():
			t.Fatal("no hint")
		}
	}
	if got[0].Key != "slow" || got[1].Key != "quick" {
		t.Errorf("got %v", got)
	}
}

func TestNextIsSettled(t *testing.T) {
	d, _ := open(t)
	var first, second int64
	change(t, d, func(c store.Conn) (err error) {
		if first, err = c.Next(); err != nil {
			return err
		}
		second, err = c.Next()
		return err
	})
	if second <= first {
		t.Errorf("drew %d after %d", second, first)
	}
	eventually(t, "settled", func() bool {
		settled, err := d.Settled(soon(t))
		return err == nil && settled == second
	})
}
