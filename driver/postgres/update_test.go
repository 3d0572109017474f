package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

func TestValues(t *testing.T) {
	d, _ := open(t)
	at := time.Date(2026, 3, 1, 2, 3, 4, 567_891_000, time.UTC)
	body := []byte{0, 1, 255}
	change(t, d, func(c store.Conn) error {
		if err := c.Exec(`INSERT INTO thing (id, n, at, body, yes) VALUES ($1, $2, $3, $4, $5), ($6, 0, NULL, NULL, NULL)`,
			"full", 7, at, body, true, "empty"); err != nil {
			return err
		}
		body[0] = 9 // a queued statement keeps what it was given
		return nil
	})
	for _, want := range []struct {
		id   string
		n    int
		at   time.Time
		body []byte
		is   bool
	}{
		{"full", 7, at, []byte{0, 1, 255}, true},
		{"empty", 0, time.Time{}, nil, false},
	} {
		got := want
		got.n, got.at, got.body, got.is = -1, time.Now(), []byte("x"), !want.is
		err := d.View(soon(t), func(c store.Conn) error {
			return c.Query(`SELECT id, n, at, body, yes FROM thing WHERE id = $1`, []any{want.id}, into(nil, &got.n, &got.at, &got.body, &got.is))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.n != want.n || !got.at.Equal(want.at) || !bytes.Equal(got.body, want.body) || got.is != want.is {
			t.Errorf("%s: got %+v, want %+v", want.id, got, want)
		}
	}
	if got := number(t, d, `SELECT sum(n) FROM thing`); got != 7 {
		t.Errorf("a sum, which is NUMERIC: got %d, want 7", got)
	}
	if got := number(t, d, `SELECT sum(n) FROM thing WHERE id = 'no'`); got != 0 {
		t.Errorf("NULL: got %d, want 0", got)
	}
}

func TestFailuresUndo(t *testing.T) {
	d, _ := open(t)
	sentinel := errors.New("no")
	insert := func(c store.Conn, id string) error { return c.Exec(`INSERT INTO thing (id, n) VALUES ($1, 1)`, id) }
	for _, tc := range []struct {
		name string
		run  func(c store.Conn) error
		want func(error) bool
	}{
		{"an error", func(c store.Conn) error { return sentinel }, func(err error) bool { return err == sentinel }},
		{"a panic", func(c store.Conn) error { panic("boom 17") },
			func(err error) bool {
				return errors.Is(err, store.ErrPanic) && strings.Contains(err.Error(), "boom 17")
			}},
		{"a queued statement that fails at the end", func(c store.Conn) error { return insert(c, "a") },
			func(err error) bool { return strings.Contains(err.Error(), "duplicate key") }},
		{"a failure that Run swallows", func(c store.Conn) error {
			_ = c.Query(`SELECT 1/0`, nil, none)
			return nil
		}, func(err error) bool { return strings.Contains(err.Error(), "division by zero") }},
		{"a constraint", func(c store.Conn) error { return c.Exec(`INSERT INTO count (key, n) VALUES ('x', -1)`) },
			func(err error) bool {
				return strings.Contains(err.Error(), "count_n_check") && !errors.Is(err, store.ErrUnavailable)
			}},
		{"an argument of a wrong type", func(c store.Conn) error { return c.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, 5, "x") },
			func(err error) bool { return !errors.Is(err, store.ErrUnavailable) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := d.Update(soon(t), store.Change{Run: func(c store.Conn, _ time.Time) error {
				if err := insert(c, "a"); err != nil {
					return err
				}
				return tc.run(c)
			}})
			if err == nil || !tc.want(err) {
				t.Errorf("got %v", err)
			}
			if n := number(t, d, `SELECT count(*) FROM thing`); n != 0 {
				t.Errorf("%d rows are left", n)
			}
		})
	}
}

func TestGoexitUndoes(t *testing.T) {
	d, _ := open(t)
	var wg sync.WaitGroup
	for range 20 { // more than there are connections
		wg.Go(func() {
			_ = d.Update(soon(t), store.Change{Keys: []string{"k"}, Run: func(c store.Conn, _ time.Time) error {
				if err := c.Query(`INSERT INTO thing (id, n) VALUES ('a', 1) RETURNING n`, nil, none); err != nil {
					t.Error(err)
				}
				runtime.Goexit()
				return nil
			}})
		})
	}
	wg.Wait()
	if n := number(t, d, `SELECT count(*) FROM thing`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// TestRevoked: whatever a change hangs in, after a second its locks are free.
func TestRevoked(t *testing.T) {
	for _, tc := range []struct {
		name string
		hang func(c store.Conn, until <-chan struct{})
	}{
		{"in its own code", func(c store.Conn, until <-chan struct{}) { <-until }},
		{"in a statement", func(c store.Conn, until <-chan struct{}) { _ = c.Query(`SELECT pg_sleep(4)`, nil, none) }},
		{"between rows", func(c store.Conn, until <-chan struct{}) {
			_ = c.Query(`SELECT generate_series(1, 100000)`, nil, func(func(...any) error) error { <-until; return nil })
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, _ := open(t)
			release, begun := make(chan struct{}), make(chan struct{})
			var first, later error
			done := make(chan struct{})
			go func() {
				defer close(done)
				first = d.Update(soon(t), store.Change{Keys: []string{"k"}, Run: func(c store.Conn, _ time.Time) error {
					if err := c.Query(`INSERT INTO thing (id, n) VALUES ('a', 1) RETURNING n`, nil, none); err != nil {
						return err
					}
					close(begun)
					tc.hang(c, release)
					later = c.Exec(`INSERT INTO thing (id, n) VALUES ('b', 1)`)
					return nil
				}})
			}()
			<-begun
			start := time.Now()
			change := store.Change{Keys: []string{"k"}, Run: func(c store.Conn, _ time.Time) error {
				return c.Exec(`INSERT INTO thing (id, n) VALUES ('a', 2)`)
			}}
			if err := d.Update(soon(t), change); err != nil {
				t.Error("the next one:", err)
			}
			if waited := time.Since(start); waited < 900*time.Millisecond || waited > 2*time.Second {
				t.Errorf("the next one waited %v, want about a second", waited)
			}
			close(release)
			<-done
			if !errors.Is(first, store.ErrRevoked) || !errors.Is(later, store.ErrRevoked) {
				t.Errorf("got %v, and of a later statement %v, want ErrRevoked", first, later)
			}
			if n := number(t, d, `SELECT sum(n) FROM thing`); n != 2 {
				t.Errorf("got %d, want the next one's 2", n)
			}
		})
	}
}

func TestConnEnds(t *testing.T) {
	d, _ := open(t)
	var kept store.Conn
	change(t, d, func(c store.Conn) error { kept = c; return nil })
	if err := kept.Exec(`DELETE FROM thing`); err == nil {
		t.Error("Exec works after the change has ended")
	}
	err := d.View(soon(t), func(c store.Conn) error {
		kept = c
		if err := c.Exec(`DELETE FROM thing`); err == nil {
			t.Error("a View changes rows")
		}
		return c.Query(`SELECT 1`, nil, func(func(...any) error) error { return c.Query(`SELECT 2`, nil, none) })
	})
	if err == nil || !strings.Contains(err.Error(), "row function") {
		t.Errorf("a statement inside a row function: got %v", err)
	}
	if err := kept.Query(`SELECT 1`, nil, none); err == nil {
		t.Error("Query works after the View has ended")
	}
}

func TestManyStatements(t *testing.T) {
	d, _ := open(t)
	change(t, d, func(c store.Conn) error {
		for i := range 3000 {
			if err := c.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, fmt.Sprint(i), i); err != nil {
				return err
			}
		}
		return nil
	})
	if n := number(t, d, `SELECT count(*) FROM thing`); n != 3000 {
		t.Errorf("got %d rows, want 3000", n)
	}
}

func TestViewIsOneSnapshot(t *testing.T) {
	d, _ := open(t)
	err := d.View(soon(t), func(c store.Conn) error {
		var before, after int64
		count := `SELECT count(*) FROM thing`
		if err := c.Query(count, nil, into(&before)); err != nil {
			return err
		}
		change(t, d, func(c store.Conn) error { return c.Exec(`INSERT INTO thing (id, n) VALUES ('a', 1)`) })
		err := c.Query(count, nil, into(&after))
		if before != after {
			t.Errorf("counted %d, then %d", before, after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestViewEndsWithItsContext(t *testing.T) {
	d, _ := open(t)
	ctx, cancel := context.WithCancel(soon(t))
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	err := d.View(ctx, func(c store.Conn) error { return c.Query(`SELECT pg_sleep(4)`, nil, none) })
	if !errors.Is(err, context.Canceled) || time.Since(start) > 2*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

// TestContextEndsTheWaitOnly: a change that has begun is not the caller's any more.
func TestContextEndsTheWaitOnly(t *testing.T) {
	d, _ := open(t)
	ctx, cancel := context.WithCancel(soon(t))
	err := d.Update(ctx, store.Change{Keys: []string{"k"}, Run: func(c store.Conn, _ time.Time) error {
		waiting, stop := context.WithTimeout(soon(t), 50*time.Millisecond)
		defer stop()
		err := d.Update(waiting, store.Change{Keys: []string{"k"}, Run: func(store.Conn, time.Time) error {
			t.Error("ran without the lock")
			return nil
		}})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one that waits: got %v", err)
		}
		cancel()
		return c.Exec(`INSERT INTO thing (id, n) VALUES ('a', 1)`)
	}})
	if err != nil {
		t.Errorf("the one that has begun: got %v", err)
	}
	if n := number(t, d, `SELECT count(*) FROM thing`); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
}
