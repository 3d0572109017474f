package projection_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// dies runs r until the driver dies, after some changes; false if it has not.
func (b *pub) dies(r *projection.Rebuilder, changes int64) bool {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.driver.died = cancel
	b.driver.left.Store(changes)
	b.driver.dying.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	over := false
	b.eventually("it neither dies nor ends", func() bool {
		s, err := r.Status(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		over = !s.Running()
		return over || ctx.Err() != nil
	})
	died := ctx.Err() != nil
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.driver.dying.Store(false)
	return died && !over
}

// Killed between any two changes, the next one goes on, and nothing is lost or doubled.
func TestKilledAnywhere(t *testing.T) {
	b := newPub(t)
	b.history(20)
	b.many(9)
	before := b.rows()
	for n := int64(1); ; n++ {
		r := b.rebuilder(fmt.Sprint("victim ", n))
		if _, err := b.ask(r, projection.Order{Who: "op"}); err != nil {
			t.Fatal(err)
		}
		died := b.dies(r, n)
		if got := b.rows(); got != before {
			t.Fatalf("killed after %d changes, the tables are\n%s\nwant\n%s", n, got, before)
		}
		next := b.rebuilder("heir")
		var s projection.Status
		b.during(func() { s = b.ends(next) }, next.Run)
		if s.State != projection.Done || s.Digest != s.Live || s.Digest == "" || s.Events != 9060 {
			t.Fatalf("killed after %d changes: %+v", n, s)
		}
		if got := b.rows(); got != before {
			t.Fatalf("killed after %d changes, it has made\n%s\nof\n%s", n, got, before)
		}
		b.tidy()
		if !died {
			if n < 10 {
				t.Errorf("it took %d changes only", n)
			}
			return
		}
	}
}

// What another fold has begun is not gone on with: one that is newer starts anew, and one that
// is older leaves it alone.
func TestAnotherFold(t *testing.T) {
	b := newPub(t)
	b.history(20)
	b.many(5)
	before, fold := b.rows(), b.p.Fold
	twice := func(rows *projection.Rows, entries []stream.Entry) error {
		return fold(rows, append(slices.Clone(entries), entries...))
	}
	for _, tt := range []struct {
		begun func(*projection.Rows, []stream.Entry) error
		as    int64
	}{{twice, 0}, {fold, 1}} {
		victim, n := b.rebuilder("victim"), 0
		ctx, cancel := context.WithCancel(t.Context())
		victim.Format, victim.Fold = tt.as, func(rows *projection.Rows, entries []stream.Entry) error {
			if n += len(entries); n > 4500 { // more than the first read takes
				cancel()
			}
			return tt.begun(rows, entries)
		}
		if _, err := b.ask(victim, projection.Order{Who: "op"}); err != nil {
			t.Fatal(err)
		}
		if err := victim.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s, err := victim.Status(t.Context()); err != nil || s.State != projection.Folding || s.Events == 0 {
			t.Fatalf("it was not stopped in the midst of it: %+v, %v", s, err)
		}
		if tt.as == 1 {
			older := b.rebuilder("older")
			older.Fold = twice
			b.during(func() { <-time.After(2 * time.Second) }, older.Run) // longer than a lease, and a look
			if s, err := older.Status(t.Context()); err != nil || s.State != projection.Folding || s.Owner == "older" {
				t.Errorf("an older one has touched it: %+v, %v", s, err)
			}
		}
		newer := b.rebuilder("newer")
		newer.Format = 1
		var s projection.Status
		b.during(func() { s = b.ends(newer) }, newer.Run)
		if s.State != projection.Done || s.Digest != s.Live || s.Digest == "" || b.rows() != before {
			t.Errorf("begun as %d: %+v\n%s\nwant\n%s", tt.as, s, b.rows(), before)
		}
		b.tidy()
	}
}

// A rebuild that takes its process with it does not do so for ever.
func TestLostAgainAndAgain(t *testing.T) {
	b := newPub(t)
	b.history(5)
	if _, err := b.ask(b.rebuilder("first"), projection.Order{Who: "op"}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		b.dies(b.rebuilder(fmt.Sprint("victim ", i)), 1)
		if !b.db.Alone() {
			<-time.After(400 * time.Millisecond) // its lease is over
		}
	}
	r := b.rebuilder("last")
	var s projection.Status
	b.during(func() { s = b.ends(r) }, r.Run)
	if s.State != projection.Failed || !strings.Contains(s.Error, "3 processes were lost") {
		t.Errorf("got %+v", s)
	}
	b.tidy()
}
