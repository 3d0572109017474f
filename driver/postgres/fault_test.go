package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestLostCommitAnswer: Update says what became of the commit, and what it says is
// true.
func TestLostCommitAnswer(t *testing.T) {
	for _, tc := range []struct {
		name, url string
		fault     fault
		want      error
		rows      int64
	}{
		{"committed", serverURL(), loseAnswer, nil, 1},
		{"undone", serverURL(), loseCommit, store.ErrUnavailable, 0},
		{"still running", serverURL(), loseHalfOpen, store.ErrUnavailable, 0},
		{"committed, pooled", poolerURL(), loseAnswer, nil, 1},
		{"undone, pooled", poolerURL(), loseCommit, store.ErrUnavailable, 0},
		{"still running, pooled", poolerURL(), loseHalfOpen, store.ErrUnavailable, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProxy(t, tc.url)
			d := openAt(t, p.url, newSchema(t))
			run := 0
			err := d.Update(soon(t), store.Change{Keys: []string{"k"}, Run: func(c store.Conn, _ time.Time) error {
				run++
				err := c.Query(`INSERT INTO thing (id, n) VALUES ('a', 1) RETURNING n`, nil, none)
				p.armed.Store(int32(tc.fault))
				return err
			}})
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if p.armed.Load() != int32(noFault) {
				t.Error("nothing was cut: this test shows nothing")
			}
			if got := number(t, d, `SELECT count(*) FROM thing`); got != tc.rows || run != 1 {
				t.Errorf("got %d rows after %d runs, want %d after 1", got, run, tc.rows)
			}
		})
	}
}

// A server of a test's own, which it may kill.
type ownServer struct {
	t    *testing.T
	env  []string
	url  string
	data string
}

func newServer(t *testing.T) *ownServer {
	t.Helper()
	root := os.Getenv("TIDEWIRE_SERVERS")
	if root == "" {
		root = "/var/tmp/tidewire-servers"
	}
	dir := filepath.Join(root, fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	port := freePort(t)
	s := &ownServer{t: t, url: fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), data: filepath.Join(dir, "postgres")}
	s.env = append(os.Environ(), "TIDEWIRE_SERVERS="+dir, fmt.Sprintf("TIDEWIRE_POSTGRES_PORT=%d", port))
	t.Cleanup(func() {
		s.run("wipe")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.run("up")
	return s
}

func (s *ownServer) run(verb string) { s.t.Helper(); s.have(verb, "postgres") }

// have does something to the server, or to another one of its own.
func (s *ownServer) have(verb, name string) {
	s.t.Helper()
	c := exec.Command("../../scripts/servers", verb, name)
	c.Env = s.env
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("scripts/servers %s %s: %v\n%s", verb, name, err, out)
	}
}

// pooler starts a pooler before the server, and returns its URL.
func (s *ownServer) pooler() string {
	s.t.Helper()
	port := freePort(s.t)
	s.env = append(s.env, fmt.Sprintf("TIDEWIRE_PGBOUNCER_PORT=%d", port))
	s.t.Cleanup(func() { s.have("wipe", "pgbouncer") })
	s.have("up", "pgbouncer")
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable&pool_mode=transaction", port)
}

// freePort looks below the ports that outgoing connections get.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000) // others look at the same time
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// TestServerCrashes kills the server, then only a back end (which makes the others start
// anew), while changes are under way. What was acknowledged is there, what was undone is
// not, though numbers of transactions are given out twice; and work goes on by itself.
func TestServerCrashes(t *testing.T) {
	t.Parallel()
	t.Run("session", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.crash(t, openAt(t, s.url, "crash"))
	})
	t.Run("pooled", func(t *testing.T) { // the pooler stays, and shows nothing of it
		t.Parallel()
		s := newServer(t)
		s.crash(t, openAt(t, s.pooler(), "crash"))
	})
}

func (s *ownServer) crash(t *testing.T, d *postgres.Driver) {
	var stop atomic.Bool
	var w sync.WaitGroup
	ledgers := make([]ledger, 8)
	for n := range ledgers {
		w.Go(func() { ledgers[n].write(t, d, n, &stop) })
	}
	for _, crash := range []func(){
		func() { s.run("kill9"); s.run("up") },
		func() { s.killBackEnd(d) },
		func() { s.run("down"); s.run("up") },
	} {
		before := acknowledged(ledgers)
		eventually(t, "some work", func() bool { return acknowledged(ledgers) > before+200 })
		crash()
		before = acknowledged(ledgers)
		eventually(t, "work after the crash", func() bool { return acknowledged(ledgers) > before+200 })
	}
	stop.Store(true)
	w.Wait()
	var refused, unknown int
	for n := range ledgers {
		refused += len(ledgers[n].undone)
		unknown += ledgers[n].unknown
		ledgers[n].check(t, d, n)
	}
	t.Logf("%d acknowledged, %d undone, %d unknown", acknowledged(ledgers), refused, unknown)
	if refused == 0 {
		t.Error("no change was under way: this test shows nothing")
	}
}

// killBackEnd kills the session of one change.
func (s *ownServer) killBackEnd(d *postgres.Driver) {
	err := d.Update(soon(s.t), store.Change{Run: func(c store.Conn, _ time.Time) error {
		var pid int
		if err := c.Query(`SELECT pg_backend_pid()`, nil, into(&pid)); err != nil {
			return err
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			s.t.Error(err)
		}
		return c.Query(`SELECT 1`, nil, none)
	}})
	if !errors.Is(err, store.ErrUnavailable) {
		s.t.Errorf("the change whose session was killed: got %v, want ErrUnavailable", err)
	}
}

// A ledger is what one writer was told.
type ledger struct {
	acked   atomic.Int64
	stored  []string
	undone  []string
	unknown int
}

func acknowledged(ledgers []ledger) (n int64) {
	for i := range ledgers {
		n += ledgers[i].acked.Load()
	}
	return n
}

// write makes small changes until it is stopped, every second one with a message.
func (l *ledger) write(t *testing.T, d *postgres.Driver, writer int, stop *atomic.Bool) {
	for i := 0; !stop.Load(); i++ {
		id := fmt.Sprintf("%d-%d", writer, i)
		err := d.Update(soon(t), store.Change{Run: func(c store.Conn, _ time.Time) error {
			if err := c.Exec(`INSERT INTO thing (id, n) VALUES ($1, 1)`, id); err != nil || i%2 == 0 {
				return err
			}
			_, err := c.Append([]message.Message{fact(id, 1)})
			return err
		}})
		switch {
		case err == nil:
			l.stored = append(l.stored, id)
			l.acked.Add(1)
		case errors.Is(err, store.ErrUnavailable):
			l.undone = append(l.undone, id)
		case errors.Is(err, store.ErrUnknown):
			l.unknown++
		default:
			t.Errorf("got %v", err)
		}
	}
}

func (l *ledger) check(t *testing.T, d *postgres.Driver, writer int) {
	there := map[string]bool{}
	err := d.View(soon(t), func(c store.Conn) error {
		return c.Query(`SELECT id FROM thing WHERE id LIKE $1`, []any{fmt.Sprintf("%d-%%", writer)}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			there[id] = true
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range l.stored {
		if !there[id] {
			t.Errorf("%s was acknowledged, and is lost", id)
		}
	}
	for _, id := range l.undone {
		if there[id] {
			t.Errorf("%s was reported undone, and is there", id)
		}
	}
}

// TestServerHangs: nobody waits for ever for a server that is there and does not answer,
// and all goes on once it does.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := openAt(t, s.url, "hang")
	log := postgres.NewLog(store.Open("test", d), d)
	said(t, d, fact("a", 0))
	s.run("pause")
	var w sync.WaitGroup
	for what, call := range map[string]func() error{
		"Update": func() error {
			return d.Update(soon(t), store.Change{Run: func(store.Conn, time.Time) error { return nil }})
		},
		"View": func() error {
			return d.View(soon(t), func(c store.Conn) error { return c.Query(`SELECT 1`, nil, none) })
		},
		"Settled":  func() error { _, err := d.Settled(soon(t)); return err },
		"Identity": func() error { _, err := log.Identity(soon(t)); return err },
	} {
		w.Go(func() {
			began := time.Now()
			if err := call(); !errors.Is(err, store.ErrUnavailable) || time.Since(began) > 15*time.Second {
				t.Errorf("%s: got %v after %v, want ErrUnavailable", what, err, time.Since(began))
			}
		})
	}
	w.Wait()
	s.run("resume")
	said(t, d, fact("b", 0))
	if got := number(t, d, `SELECT count(*) FROM journal`); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
}

// TestOutOfConnections: a server without a connection to give is unavailable, not broken.
func TestOutOfConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	conf, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conf.WriteString("max_connections = 5\nsuperuser_reserved_connections = 0\nmax_wal_senders = 0\nwal_level = replica\n"); err != nil {
		t.Fatal(err)
	}
	if err := conf.Close(); err != nil {
		t.Fatal(err)
	}
	s.run("down")
	s.run("up")
	var failed error
	var open []*postgres.Server
	for range 6 {
		server, err := postgres.Connect(soon(t), with(s.url, "pool_max_conns=2"))
		if err != nil {
			failed = err
			break
		}
		open = append(open, server)
	}
	for _, server := range open {
		server.Close()
	}
	if !errors.Is(failed, store.ErrUnavailable) || !strings.Contains(failed.Error(), "too many clients") {
		t.Errorf("got %v, want ErrUnavailable", failed)
	}
}
