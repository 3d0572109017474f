package rabbitmq_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// An ownServer is a RabbitMQ of a test's own, which it may kill.
type ownServer struct {
	*testing.T
	env  []string
	dir  string
	port int
	url  string
}

func newServer(t *testing.T) *ownServer {
	t.Helper()
	root := os.Getenv("TIDEWIRE_SERVERS")
	if root == "" {
		root = "/var/tmp/tidewire-servers"
	}
	dir := filepath.Join(root, fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	port := freePorts(t, 6)
	s := &ownServer{T: t, dir: dir, port: port, url: fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", port)}
	s.env = append(os.Environ(), "TIDEWIRE_SERVERS="+dir, fmt.Sprintf("TIDEWIRE_RABBITMQ_PORT=%d", port))
	t.Cleanup(func() {
		s.run("wipe")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.run("up")
	return s
}

func (s *ownServer) run(verb string) {
	s.Helper()
	c := exec.Command("../../scripts/servers", verb, "rabbitmq")
	c.Env = s.env
	if out, err := c.CombinedOutput(); err != nil {
		s.Fatalf("scripts/servers %s: %v\n%s", verb, err, out)
	}
}

// ctl is rabbitmqctl on this server.
func (s *ownServer) ctl(args ...string) {
	s.Helper()
	c := exec.Command("/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"-q", "-n", fmt.Sprintf("tidewire%d@localhost", s.port)}, args...)...)
	c.Env = []string{"HOME=" + s.dir + "/rabbitmq", "LC_ALL=C.UTF-8", "PATH=/usr/lib/erlang/bin:/usr/bin:/bin", fmt.Sprintf("ERL_EPMD_PORT=%d", s.port+5)}
	if out, err := c.CombinedOutput(); err != nil {
		s.Fatalf("rabbitmqctl %v: %v\n%s", args, err, out)
	}
}

// freePorts looks below the ports that outgoing connections get, for the first of some.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	run := 0
	for port := 21000 + os.Getpid()%9000; port < 32000; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			run = 0
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if run++; run == n {
			return port - n + 1
		}
	}
	t.Fatal("no ports are free")
	return 0
}

// TestServerFails has a server run short of memory and disk, stop for a while, end, crash, and
// lose all it has, while work is sent. Nothing waits for it for long, all is done once, and
// afterwards the server hands out work again.
func TestServerFails(t *testing.T) {
	own := newServer(t)
	s := newShop(t, own.url)
	s.work()
	sent := 0
	more := func(n int) {
		s.send(sent+1, sent+n)
		sent += n
	}
	more(100)
	s.wantDone(sent)
	alarm := func(name string, on, off []string) fault {
		return fault{name, func() {
			own.ctl(on...)
			more(100)
			s.wantDone(sent)
			storetest.Await(t, "it is said", func() bool {
				err := s.server.Ready()
				return err != nil && strings.Contains(err.Error(), "memory or disk")
			})
			own.ctl(off...)
		}}
	}
	pause, all := 3*time.Second, os.Getenv("TIDEWIRE_STOPS") != ""
	if all {
		pause = 30 * time.Second
	}
	for _, f := range []fault{
		alarm("short of memory", []string{"set_vm_memory_high_watermark", "0"}, []string{"set_vm_memory_high_watermark", "absolute", "1GB"}),
		alarm("short of disk", []string{"set_disk_free_limit", "1000000000000000"}, []string{"set_disk_free_limit", "50000000"}),
		{"stopped", func() { own.run("pause"); more(100); <-time.After(pause); own.run("resume") }},
		{"killed", func() { more(100); own.run("kill9"); more(100); own.run("up"); more(100) }},
		{"wiped", func() {
			more(100)
			own.run("kill9")
			own.run("wipe")
			more(100)
			own.run("up")
			more(100)
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			if !all && (f.name == "short of disk" || f.name == "killed") {
				t.Skip("TIDEWIRE_STOPS is not set: make soak has a server fail like this")
			}
			f.do()
			s.wantDone(sent)
			storetest.Await(t, "a server that hands out work", func() bool { return s.server.Ready() == nil && len(s.driver.Troubles()) == 0 })
			c := newClient(t, own.url)
			c.publish(s.at(), foreign(f.name))
			sent++
			s.wantDone(sent)
		})
	}
}

type fault struct {
	name string
	do   func()
}

// deed is an effect that is counted in the journal.
type deed struct{}

func (deed) Kind() string { return "deed" }

// TestProcessIsStopped: of two processes one is stopped past its leases, and goes on. The other
// does its work meanwhile, and nothing is done twice.
func TestProcessIsStopped(t *testing.T) {
	if os.Getenv("TIDEWIRE_TEST_POSTGRES") == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: two processes were not tested")
	}
	h := onPostgres()
	place := os.Getenv("TIDEWIRE_STOPPED_PLACE")
	child := place != ""
	if !child {
		place = h.Place(t)
	}
	db := store.Open("test", h.Open(t, place, "test", nil))
	server, err := rabbitmq.Connect(rabbitmq.Config{URL: serverURL(), Prefix: prefix(place)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	d := server.Queues(queue.Table{DB: db, Lease: time.Second, Skip: " FOR UPDATE SKIP LOCKED"})
	defer d.Close()
	w := &queue.Worker{DB: db, Driver: d, Lease: time.Second, Process: &run.Process{Instance: fmt.Sprint(os.Getpid())}, Concurrency: 16, Policy: failure.Policy{Attempts: 3},
		Handlers: []queue.Handler{queue.Do(func(context.Context, message.Of[errand]) (int, error) {
			<-time.After(5 * time.Millisecond)
			return 0, nil
		},
			func(_ context.Context, tx *store.Tx, m message.Of[errand], _ int) error {
				return tx.Append(m.Key, deed{})
			})}}
	if child {
		if err := w.Run(t.Context()); err != nil {
			t.Error(err)
		}
		return
	}
	t.Cleanup(func() { remove(t, prefix(place)+errands) })
	s := &shop{T: t, db: db}
	s.send(1, 3000)
	defer runs(t, w.Run)()
	other := exec.Command(os.Args[0], "-test.run=^TestProcessIsStopped$", "-test.timeout=5m")
	other.Env = append(os.Environ(), "TIDEWIRE_STOPPED_PLACE="+place)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	for range 3 {
		<-time.After(700 * time.Millisecond)
		signal(t, other, syscall.SIGSTOP)
		<-time.After(2 * time.Second) // two leases
		signal(t, other, syscall.SIGCONT)
		s.send(1, 500)
	}
	storetest.Await(t, "all done", func() bool { return s.rows(`dead = 0`) == 0 })
	var deeds, dead int
	err = db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&deeds, &dead}, `SELECT (SELECT count(*) FROM journal WHERE kind = 'deed'), (SELECT count(*) FROM job WHERE dead = 1)`)
		return err
	})
	if err != nil || deeds != 4500 || dead != 0 {
		t.Errorf("%d deeds and %d dead, %v; want 4500 and none", deeds, dead, err)
	}
}

func signal(t *testing.T, of *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := of.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// runs runs something until stop.
func runs(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
