package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

var errOwn = errors.New("the change's own error")

// An offender is a change among others that goes wrong in its own way.
type offender struct {
	name string
	run  func(k *desk, c store.Conn, cancel func()) error
	want func(error) bool
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func offenders() []offender {
	failed := func(err error) bool { return err != nil }
	return []offender{
		// The ways out of a change: its own error comes back as it was.
		{"returns an error", func(*desk, store.Conn, func()) error { return errOwn }, is(errOwn)},
		// A panic costs its own change, not the process.
		{"panics", func(*desk, store.Conn, func()) error { panic("broken") }, is(store.ErrPanic)},
		// PostgreSQL spoils a whole transaction for it.
		{"has a statement that fails", func(_ *desk, c store.Conn, _ func()) error {
			if err := c.Exec(`INSERT INTO counter (name, n) VALUES ('bad', -1)`); err != nil {
				return err
			}
			return c.Query(`SELECT 1`, nil, func(func(...any) error) error { return nil })
		}, failed},
		// Its error may come only with the commit.
		{"has a last statement that fails", func(_ *desk, c store.Conn, _ func()) error {
			return c.Exec(`INSERT INTO counter (name, n) VALUES ('bad', -1)`)
		}, failed},
		// It fails before it runs, in another place.
		{"has a statement that makes no sense", func(_ *desk, c store.Conn, _ func()) error {
			return c.Exec(`SELEKT 1`)
		}, failed},
		// A conflict is told apart from every other failure.
		{"takes a version that is taken", func(_ *desk, c store.Conn, _ func()) error {
			m := fact("second", "versioned")
			m.Version = 1
			_, err := c.Append([]message.Message{m})
			return err
		}, is(store.ErrConflict)},
		// The connection is taken away between two statements.
		{"hangs", func(k *desk, c store.Conn, _ func()) error { return k.hang(c) }, is(store.ErrRevoked)},
		// It is interrupted, which rolls back everybody on SQLite.
		{"hangs in a statement", func(_ *desk, c store.Conn, _ func()) error { return runSlow(c) }, is(store.ErrRevoked)},
		// Interrupting a write costs more than a read.
		{"hangs in a statement that writes", func(_ *desk, c store.Conn, _ func()) error { return c.Exec(`INSERT INTO counter (name, n) ` + slowRow) }, is(store.ErrRevoked)},
		// Returning nil does not make it committed.
		{"hangs in a statement whose error it ignores", func(_ *desk, c store.Conn, _ func()) error {
			_ = runSlow(c)
			return nil
		}, is(store.ErrRevoked)},
	}
}

func members() []test {
	tests := []test{
		// A goroutine that ends in a change must give the database back.
		{"one that ends its goroutine is undone, and nothing else", ended},
		// A caller that goes may not leave half a change, nor undo it.
		{"one whose caller goes while it runs commits all the same", func(k *desk) {
			ctx, cancel := context.WithCancel(k.ctx)
			k.group("good", func() error {
				return k.d.Update(ctx, store.Change{Keys: []string{"k"}, Run: func(c store.Conn, _ time.Time) error {
					cancel()
					return add(c, "gone")
				}})
			}, is(nil))
			k.wantCount("gone", 1)
		}},
		// One change that hangs stops the service for a second at most.
		{"while one hangs the others commit, also on its keys", hangs},
	}
	for _, o := range offenders() {
		tests = append(tests, test{"one that " + o.name + " is undone, and nothing else", func(k *desk) {
			m := fact("first", "versioned")
			m.Version = 1
			k.must(k.update(k.d, nil, func(c store.Conn) error { _, err := c.Append([]message.Message{m}); return err }))
			k.group("good", func() error {
				return k.update(k.d, nil, func(c store.Conn) error {
					if err := add(c, "bad"); err != nil {
						return err
					}
					if _, err := c.Append([]message.Message{fact("bad", "bad")}); err != nil {
						return err
					}
					return o.run(k, c, func() {})
				})
			}, o.want)
			k.wantCount("bad", 0)
			if got := k.journal("bad"); len(got) != 0 {
				k.Errorf("the journal has %d facts of a change that was undone", len(got))
			}
		}})
	}
	return tests
}

// group runs an offender as one of many that wait together, in the middle and, for as
// long as it is there, between others that come later. Each of the others must commit,
// once.
func (k *desk) group(name string, offend func() error, want func(error) bool) {
	const many = 12
	release := k.hold()
	var wg sync.WaitGroup
	var names []string
	good := func(n int) {
		name := fmt.Sprintf("%s %d", name, n)
		names = append(names, name)
		wg.Go(func() {
			if err := k.update(k.d, nil, func(c store.Conn) error { return add(c, name) }); err != nil {
				k.Errorf("another one failed with it: %v", err)
			}
		})
	}
	for i := range many / 2 {
		good(i)
	}
	settle()
	wg.Go(func() {
		if err := offend(); !want(err) {
			k.Errorf("its own error is %v", err)
		}
	})
	settle()
	for i := range many / 2 {
		good(many/2 + i)
	}
	settle()
	k.within(8*time.Second, func() {
		release()
		wg.Wait()
	})
	for _, name := range names {
		k.wantCount(name, 1)
	}
}

// hang waits for ever, that is until the connection is taken away, and then finds that
// nothing can be done with it.
func (k *desk) hang(c store.Conn) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		<-tick.C
		if err := c.Query(`SELECT 1`, nil, func(func(...any) error) error { return nil }); err != nil {
			break
		}
		if k.ctx.Err() != nil {
			k.Error("a change that hangs was not revoked")
			return k.ctx.Err()
		}
	}
	k.useless(c)
	return nil
}

// useless checks that every method of a connection fails.
func (k *desk) useless(c store.Conn) {
	k.Helper()
	for name, err := range map[string]error{
		"Exec":   c.Exec(`INSERT INTO counter (name, n) VALUES ('useless', 1)`),
		"Query":  c.Query(`SELECT 1`, nil, func(func(...any) error) error { return nil }),
		"Append": second(c.Append([]message.Message{fact("useless", "useless")})),
		"Next":   second(c.Next()),
		"Lock":   c.Lock("useless"),
	} {
		if err == nil {
			k.Errorf("%s works after its change has ended", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// ended: a change that calls runtime.Goexit takes its caller with it, and nobody else.
func ended(k *desk) {
	k.group("good", func() error {
		done := make(chan error, 1)
		go func() {
			defer close(done)
			done <- k.update(k.d, nil, func(c store.Conn) error {
				if err := add(c, "bad"); err != nil {
					return err
				}
				runtime.Goexit()
				return nil
			})
		}()
		return <-done
	}, is(nil))
	k.wantCount("bad", 0)
}

// hangs: others commit while the one that hangs still does.
func hangs(k *desk) {
	began, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- k.update(k.d, []string{"a"}, func(c store.Conn) error {
			if err := add(c, "bad"); err != nil {
				return err
			}
			once.Do(func() { close(began) })
			<-end
			k.useless(c)
			return nil
		})
	}()
	k.wait(began, "the change does not begin")
	k.within(4*time.Second, func() {
		k.must(k.update(k.again(), []string{"a"}, func(c store.Conn) error { return add(c, "a") }))
		k.must(k.update(k.d, nil, func(c store.Conn) error { return add(c, "a") }))
	})
	close(end)
	k.want(<-done, store.ErrRevoked)
	k.wantCount("a", 2)
	k.wantCount("bad", 0)
	k.wantCount("useless", 0)
}
