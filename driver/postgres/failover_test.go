package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A standby follows a server of a test's own, and can take over.
type standby struct {
	*ownServer // its primary
	url        string
	both       string // the URL of whichever is the primary
}

func (s *ownServer) standby() standby {
	s.t.Helper()
	port := freePort(s.t)
	s.env = append(s.env, fmt.Sprintf("TIDEWIRE_REPLICA_PORT=%d", port))
	s.t.Cleanup(func() { s.have("wipe", "replica") })
	s.have("up", "replica")
	host, rest, _ := strings.Cut(strings.TrimPrefix(s.url, "postgres://postgres@"), "/")
	return standby{s, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s", port, rest), fmt.Sprintf("postgres://postgres@%s,127.0.0.1:%d/%s", host, port, rest)}
}

// ask asks the standby.
func (s standby) ask(query string, dest ...any) {
	s.t.Helper()
	c, err := pgx.Connect(soon(s.t), s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close(context.Background())
	if err := c.QueryRow(soon(s.t), query).Scan(dest...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// takeOver kills the primary and makes the standby the next one.
func (s standby) takeOver() {
	s.t.Helper()
	s.run("kill9")
	var done bool
	if s.ask(`SELECT pg_promote()`, &done); !done {
		s.t.Fatal("the standby was not promoted")
	}
}

// TestFailover: a standby that confirms every commit takes over while changes are under
// way. What was acknowledged is there, and the same process goes on within ten seconds.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := newServer(t).standby()
	s.do(`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`)
	d := openAt(t, s.both, "crash")
	var stop atomic.Bool
	var w sync.WaitGroup
	ledgers := make([]ledger, 8)
	for n := range ledgers {
		w.Go(func() { ledgers[n].write(t, d, n, &stop) })
	}
	eventually(t, "some work", func() bool { return acknowledged(ledgers) > 200 })
	s.takeOver()
	began, before := time.Now(), acknowledged(ledgers)
	eventually(t, "work on the other server", func() bool { return acknowledged(ledgers) > before+200 })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it went on after %v, want ten seconds at most", took)
	}
	stop.Store(true)
	w.Wait()
	var refused, unknown int
	for n := range ledgers {
		refused += len(ledgers[n].undone)
		unknown += ledgers[n].unknown
		ledgers[n].check(t, d, n)
	}
	t.Logf("%d acknowledged, %d undone, %d unknown, on again after %v", acknowledged(ledgers), refused, unknown, time.Since(began))
}

// TestLossyFailover: a standby that lacks what was committed last takes over. A reader whose
// own database is elsewhere, and so remembers, stops at the partitions that have lost
// something, says so, and goes on with the others; what is said there later under the
// same numbers is not taken for what was read.
func TestLossyFailover(t *testing.T) {
	t.Parallel()
	s := newServer(t).standby()
	d := openAt(t, s.both, "source")
	source := store.Open("source", d)
	target := store.Open("target", openAt(t, serverURL(), newSchema(t)))
	lost, kept := "k0", "k1" // in different partitions
	ctx, cancel := context.WithCancel(t.Context())
	var w sync.WaitGroup
	r := stream.Reader{DB: target, Log: postgres.NewLog(source, d), Name: "source", Process: &run.Process{Instance: "a"},
		Handlers: []stream.Handler{stream.On("source", func(_ context.Context, tx *store.Tx, m message.Of[happened]) error {
			return tx.Exec(`INSERT INTO thing (id, n) VALUES ($1, $2)`, m.ID, m.Data.N)
		})}}
	w.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer w.Wait()
	defer cancel()
	read := func(n int64) func() bool {
		return func() bool { return rows(t, target) == n }
	}
	sayAll(t, source, 10, lost, kept)
	eventually(t, "all is read", read(20))

	s.cut()
	sayAll(t, source, 40, lost) // more than the standby's sequence is ahead
	eventually(t, "what will be lost is read", read(60))
	s.takeOver()
	eventually(t, "the partition stops", func() bool {
		all, err := stream.Stopped(soon(t), target)
		return err == nil && len(all) == 1 && all[0].Partitions == 1 && strings.Contains(all[0].Why, "has no message at")
	})
	sayAll(t, source, 60, lost, kept)
	eventually(t, "the other partition goes on", read(120))
	if all, err := stream.Stopped(soon(t), target); err != nil || len(all) != 1 || all[0].Partitions != 1 {
		t.Errorf("got %+v, %v, want one partition that is stopped", all, err)
	}
}

// cut has the standby follow no more.
func (s standby) cut() {
	s.t.Helper()
	c, err := pgx.Connect(soon(s.t), s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, statement := range []string{`ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`} {
		if _, err := c.Exec(soon(s.t), statement); err != nil {
			s.t.Fatal(err)
		}
	}
	eventually(s.t, "the standby follows no more", func() bool {
		var n int
		err := c.QueryRow(soon(s.t), `SELECT count(*) FROM pg_stat_wal_receiver`).Scan(&n)
		return err == nil && n == 0
	})
}

// sayAll says n facts about each of keys, as often as it takes.
func sayAll(t *testing.T, db *store.DB, n int, keys ...string) {
	t.Helper()
	for _, key := range keys {
		eventually(t, "facts are said", func() bool {
			_, err := db.Update(soon(t), nil, func(tx *store.Tx) error {
				var errs []error
				for i := range n {
					errs = append(errs, tx.Append(key, happened{i}))
				}
				return errors.Join(errs...)
			})
			return err == nil
		})
	}
}

func rows(t *testing.T, db *store.DB) (n int64) {
	t.Helper()
	err := db.View(soon(t), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM thing`)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}
