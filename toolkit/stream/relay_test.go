package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// said is a message of a class.
type said struct {
	N     int
	class message.Class
}

func (said) Kind() string           { return "said" }
func (s said) Class() message.Class { return s.class }

// A shelf is a Keeper in memory, which can lose things.
type shelf struct {
	mu      sync.Mutex
	kept    [store.Partitions][]stream.Forwarded
	fail    error // of the next Send, which keeps the first half
	lost    error // of the next Send, which keeps all: its confirm is lost
	refuses string
	sends   int
}

func (s *shelf) Send(_ context.Context, all []stream.Forwarded) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sends++
	for i, f := range all {
		if s.fail != nil && i == (len(all)+1)/2 {
			break
		}
		if s.refuses != "" && f.Key == s.refuses {
			return fmt.Errorf("shelf: %w", &stream.Refused{At: f.Position, Why: "too large"})
		}
		f.Body = slices.Clone(f.Body)
		s.kept[f.Partition] = append(s.kept[f.Partition], f)
	}
	err := errors.Join(s.fail, s.lost)
	s.fail, s.lost = nil, nil
	return err
}

// Ends walks the chain of facts and commands as one.
func (s *shelf) Ends(_ context.Context, at []store.Position) (ends []stream.Forwarded, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range at {
		var end stream.Forwarded
		for _, f := range s.kept[p.Partition] {
			if end.Seq < f.Seq && f.Before.Last() <= end.Seq {
				end = f
			}
		}
		if end.Seq > 0 {
			ends = append(ends, end)
		}
	}
	return ends, nil
}

// A sieve keeps nothing.
type sieve struct{ *shelf }

func (s sieve) Ends() {}

// read is what a reader gets that follows the chain, as "1 2 3"; it fails on a gap.
func (s *shelf) read() (all []stream.Forwarded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kept := range s.kept {
		var at int64
		for _, f := range kept {
			if f.Before.Last() <= at && at < f.Seq {
				all = append(all, f)
				at = f.Seq
			}
		}
	}
	return all
}

func (s *shelf) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// A yard is a journal with its relay.
type yard struct {
	*testing.T
	db    *store.DB
	log   stream.Log
	shelf *shelf
	n     int
}

func newYard(t *testing.T) *yard {
	y := &yard{T: t, shelf: &shelf{}}
	y.db, y.log = databases.WithLog(t, "source", nil)()
	return y
}

func (y *yard) update(change func(*store.Tx) error) {
	y.Helper()
	if _, err := y.db.Update(y.Context(), nil, change); err != nil {
		y.Fatal(err)
	}
}

// say appends n messages of each class to be forwarded, and as many of the others between
// them, of keys key0 to key4.
func (y *yard) say(n int) {
	y.Helper()
	y.update(func(tx *store.Tx) error {
		for i := range n {
			for _, class := range []message.Class{message.Public, message.Internal, message.Command, message.Audit} {
				if err := tx.Append(fmt.Sprint("key", (y.n+i)%5), said{y.n + i, class}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	y.n += n
}

func (y *yard) relay() *stream.Relay {
	return &stream.Relay{DB: y.db, Log: y.log, To: "shelf", Sink: y.shelf, Process: &run.Process{Instance: fmt.Sprint(time.Now().UnixNano())},
		Lease: 400 * time.Millisecond, Every: 20 * time.Millisecond}
}

func (y *yard) start(r *stream.Relay) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(y.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			y.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	y.Cleanup(stop)
	return stop
}

// wantAll waits until a reader gets everything of the journal that is for others, in order.
func (y *yard) wantAll() {
	y.Helper()
	var want []string
	if err := y.db.View(y.Context(), func(tx *store.Tx) error {
		want = nil
		return tx.Rows(`SELECT id FROM journal WHERE class IN ('public', 'command') ORDER BY partition, seq`, nil, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			want = append(want, id)
			return err
		})
	}); err != nil {
		y.Fatal(err)
	}
	var got []string
	storetest.Await(y, fmt.Sprint(len(want), " messages"), func() bool {
		got = nil
		for _, f := range y.shelf.read() {
			got = append(got, f.Message.ID)
		}
		return slices.Equal(got, want)
	})
}

// stopped waits for partitions that are not forwarded, and returns why one is not.
func (y *yard) stopped(n int) string {
	y.Helper()
	var all []stream.Standstill
	storetest.Await(y, fmt.Sprint(n, " stopped partitions"), func() bool {
		var err error
		if all, err = stream.Unforwarded(y.Context(), y.db, "shelf"); err != nil {
			y.Fatal(err)
		}
		return n == 0 && len(all) == 0 || len(all) == 1 && all[0].Partitions == n
	})
	if n == 0 {
		return ""
	}
	if all[0].Log != "source" || all[0].To != "shelf" {
		y.Errorf("stopped is %+v, want of log source to shelf", all[0])
	}
	return all[0].Why
}

var errAway = errors.New("away")

func relays() map[string]func(*yard) {
	return map[string]func(*yard){
		"forwards facts and commands, and tells what is before each": func(y *yard) {
			y.start(y.relay())
			y.say(20)
			y.wantAll()
			before := map[int]stream.Chain{}
			for _, f := range y.shelf.read() {
				c := before[f.Partition]
				if got := f.Before; got.Fact != c.Fact || got.Command != c.Command || (got.Passed > got.Last()) != (f.Class == message.Command || c.Last() > 0) {
					y.Errorf("before %s %d is %+v, want %+v with what was passed by", f.Class, f.Seq, got, c)
				}
				if f.Identity == "" || len(f.Body) == 0 {
					y.Errorf("%+v is not whole", f)
				}
				before[f.Partition] = c.Then(f.Entry)
			}
		},
		"sends again what was not confirmed": func(y *yard) {
			y.start(y.relay())
			for range 5 {
				y.shelf.change(func() { y.shelf.fail = errAway })
				y.say(7)
				y.shelf.change(func() { y.shelf.lost = errAway })
				y.say(3)
				y.wantAll()
			}
		},
		"moves no position past what was not confirmed": func(y *yard) {
			y.shelf.fail = errAway
			ctx, cancel := context.WithCancel(y.Context())
			r := y.relay()
			r.Sink = failing{y.shelf}
			done := make(chan error)
			go func() { done <- r.Run(ctx) }()
			y.say(10)
			storetest.Await(y, "some sends", func() bool { y.shelf.mu.Lock(); defer y.shelf.mu.Unlock(); return y.shelf.sends > 3 })
			cancel()
			if err := <-done; err != nil {
				y.Error(err)
			}
			var seq int64
			y.update(func(tx *store.Tx) (err error) {
				_, err = tx.Row([]any{&seq}, `SELECT max(seq) FROM position WHERE subscription = 'shelf'`)
				return err
			})
			if seq != 0 {
				y.Errorf("a position is at %d, and nothing was confirmed", seq)
			}
			y.start(y.relay())
			y.wantAll()
		},
		"fills a Keeper that was wiped, or has lost its end": func(y *yard) {
			y.start(y.relay())
			y.say(30)
			y.wantAll()
			y.shelf.change(func() {
				for p, kept := range y.shelf.kept {
					y.shelf.kept[p] = kept[:len(kept)/2]
				}
			})
			y.wantAll()
			y.say(3)
			y.wantAll()
			y.shelf.change(func() { clear(y.shelf.kept[:]) })
			y.wantAll()
			y.say(3)
			y.wantAll()
		},
		"goes on where another one was": func(y *yard) {
			for range 3 {
				stop := y.start(y.relay())
				y.say(10)
				y.wantAll()
				stop()
			}
			n := 0
			for _, kept := range y.shelf.kept {
				n += len(kept)
			}
			if n != 60 {
				y.Errorf("%d messages were sent, want each of 60 once", n)
			}
		},
		"stops at messages of another journal": func(y *yard) {
			stop := y.start(y.relay())
			y.say(10)
			y.wantAll()
			stop()
			y.update(func(tx *store.Tx) error { return tx.Exec(`UPDATE identity SET id = 'another' || id`) })
			stop = y.start(y.relay())
			if why := y.stopped(5); !strings.Contains(why, "another journal") {
				y.Errorf("stopped with %q", why)
			}
			stop()
			y.update(func(tx *store.Tx) error { return tx.Exec(`UPDATE identity SET id = substr(id, 8)`) })
			y.start(y.relay())
			y.stopped(0)
			y.say(10)
			y.wantAll()
		},
		"stops at messages that the journal has lost": func(y *yard) {
			stop := y.start(y.relay())
			y.say(10)
			y.wantAll()
			stop()
			y.update(func(tx *store.Tx) error {
				if err := tx.Exec(`UPDATE position SET seq = 1 WHERE seq > 1`); err != nil { // restored with the journal
					return err
				}
				return tx.Exec(`DELETE FROM journal WHERE seq > 20`)
			})
			y.start(y.relay())
			if why := y.stopped(5); !strings.Contains(why, "restored to an earlier state") {
				y.Errorf("stopped with %q", why)
			}
		},
		"stops one partition at what can never be stored": func(y *yard) {
			y.shelf.refuses = "key2"
			y.start(y.relay())
			y.say(10)
			if why := y.stopped(1); why != "too large" {
				y.Errorf("stopped with %q", why)
			}
			storetest.Await(y, "the others", func() bool { return len(y.shelf.read()) == 16 })
		},
		"goes on behind its position where nothing is kept": func(y *yard) {
			for range 3 {
				r := y.relay()
				r.Sink = sieve{y.shelf}
				stop := y.start(r)
				y.say(10)
				y.wantAll()
				stop()
			}
			if n := len(slices.Concat(y.shelf.kept[:]...)); n != 60 {
				y.Errorf("%d messages were sent, want each of 60 once", n)
			}
		},
	}
}

// failing stores nothing.
type failing struct{ *shelf }

func (f failing) Send(context.Context, []stream.Forwarded) error {
	f.change(func() { f.sends++ })
	return errAway
}

func TestRelay(t *testing.T) {
	for name, test := range relays() {
		t.Run(name, func(t *testing.T) { test(newYard(t)) })
	}
}

func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){"TestRelay": TestRelay})
}
