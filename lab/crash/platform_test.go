package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A rig is a database, a payment provider and the binary that works on them.
type rig struct {
	binary, data string
	env          []string
	simulator    string // address
}

// An instance is one process of the platform, started again on the same doors after
// each stop.
type instance struct {
	*rig
	url, admin, home string

	mu  sync.Mutex
	cmd *exec.Cmd
}

// build makes the binary once for a test.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tidewire")
	out, err := exec.Command("go", "build", "-o", binary, "../../cmd/tidewire").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// newRig returns a rig on a fresh database: the embedded one if url is "".
func newRig(t *testing.T, url string) *rig {
	r := &rig{binary: build(t), data: t.TempDir(), simulator: "127.0.0.1:" + port(t), env: os.Environ()}
	if url != "" {
		r.env = append(r.env, "TIDEWIRE_DATABASE="+url)
	}
	sim := exec.Command(r.binary, "simulator", "--listen", r.simulator, "--file", filepath.Join(r.data, "simulator.db"))
	stdin, err := sim.StdinPipe() // it ends with its standard input
	if err != nil {
		t.Fatal(err)
	}
	sim.Stderr = os.Stderr
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = sim.Process.Kill(); _ = sim.Wait() })
	return r
}

func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// instance returns one whose files are in home.
func (r *rig) instance(t *testing.T, home string) *instance {
	i := &instance{rig: r, home: home, url: "http://127.0.0.1:" + port(t), admin: "127.0.0.1:" + port(t)}
	t.Cleanup(func() { _ = i.signal(syscall.SIGKILL) })
	return i
}

// start runs the instance and returns how long it took until it was ready.
func (i *instance) start(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	cmd := exec.Command(i.binary, "up", "--data", i.home, "--listen", strings.TrimPrefix(i.url, "http://"),
		"--set", "admin="+i.admin, "--set", "payment.simulator=http://"+i.simulator, "--set", "log.level=error")
	cmd.Env, cmd.Stderr = i.env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	i.cmd = cmd
	i.mu.Unlock()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, "ready") {
		t.Fatalf("up said %q, %v; want a line with ready", line, err)
	}
	return time.Since(began)
}

func (i *instance) signal(s syscall.Signal) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd == nil {
		return nil
	}
	err := i.cmd.Process.Signal(s)
	if s == syscall.SIGKILL {
		_ = i.cmd.Wait() // it was killed
		i.cmd = nil
	}
	return err
}

// accepts polls until the instance takes a request, and returns how long that took.
func (i *instance) accepts(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < 30*time.Second {
		if resp, err := http.Get(i.url + "/api/products/1"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Since(began)
			}
		}
		<-tick.C
	}
	t.Fatal("the platform does not answer within 30 s")
	return 0
}

// load places orders for some time, in the background.
func (i *instance) load(t *testing.T, args ...string) (wait func() map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, i.binary, append([]string{"load", "--url", i.url, "--ledger", i.ledger(), "--json"}, args...)...)
	var out, diag strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() map[string]any {
		err := cmd.Wait()
		var report map[string]any
		if jerr := json.Unmarshal([]byte(out.String()), &report); jerr != nil || err != nil {
			t.Errorf("load: %v, %v\n%s\n%s", err, jerr, out.String(), diag.String())
		}
		return report
	}
}

func (r *rig) ledger() string { return filepath.Join(r.data, "ledger.jsonl") }

// audit fails the test if anything was lost, done twice or left behind.
func (r *rig) audit(t *testing.T) {
	t.Helper()
	cmd := exec.Command(r.binary, "audit", "--data", r.data, "--ledger", r.ledger())
	cmd.Env = r.env
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		t.Errorf("audit found violations")
	} else if err != nil {
		t.Fatal(err)
	}
}

// stops is how often the platform is to be stopped.
func stops(t *testing.T) int {
	s := os.Getenv("TIDEWIRE_STOPS")
	if s == "" {
		return 20
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("TIDEWIRE_STOPS: %v", err)
	}
	return n
}

// postgres returns the URL of a fresh database on the test server.
func postgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv("TIDEWIRE_TEST_POSTGRES")
	if server == "" {
		server = "postgres://postgres@127.0.0.1:15432/postgres"
	}
	name := fmt.Sprintf("crash_%d", time.Now().UnixNano())
	if out, err := exec.Command("psql", server, "-qc", "CREATE DATABASE "+name).CombinedOutput(); err != nil {
		t.Fatalf("make a database: %v\n%s\nrun scripts/servers up postgres", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("psql", server, "-qc", "DROP DATABASE "+name+" WITH (FORCE)").CombinedOutput(); err != nil {
			t.Errorf("drop the database: %v\n%s", err, out)
		}
	})
	base, query, _ := strings.Cut(server, "?")
	base = base[:strings.LastIndex(base, "/")+1] + name
	if query != "" {
		base += "?" + query
	}
	return base
}
