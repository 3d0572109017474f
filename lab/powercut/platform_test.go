package powercut

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A machine is a platform whose every file is on one disk: also the payment provider's,
// which so loses its power with the others.
type machine struct {
	*disk
	*gate
	binary, ledger string
	database       *server // on the same disk; nil: the embedded one
	addr, admin    string
	env            []string
	cmd            *exec.Cmd
	ready          chan string // the first line that it says; closed when it says no more
}

// newMachine returns one that is still off. Database is nil for the embedded one.
func newMachine(t *testing.T, d *disk, binary string, database *server) *machine {
	url := ""
	if database != nil {
		url = database.url()
	}
	m := &machine{disk: d, binary: binary, database: database, ledger: filepath.Join(t.TempDir(), "ledger.jsonl"),
		addr: "127.0.0.1:" + port(t), admin: "127.0.0.1:" + port(t), env: append(os.Environ(), "TIDEWIRE_DATABASE="+url)}
	m.gate = newGate(t, m.addr)
	t.Cleanup(m.kill)
	return m
}

// build makes the binary, with files of the module replaced where overlay says so.
func build(t *testing.T, overlay string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tidewire")
	if err := command("go", "build", "-overlay="+overlay, "-o", binary, "../../cmd/tidewire"); err != nil {
		t.Fatal(err)
	}
	return binary
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

// boot starts the platform, and lets the customers in.
func (m *machine) boot(t *testing.T) {
	t.Helper()
	m.cmd = exec.Command(m.binary, "up", "--data", filepath.Join(m.dir, "data"), "--listen", m.addr, "--set", "admin="+m.admin, "--set", "log.level=error", "--set", "grpc.listen=127.0.0.1:0")
	m.cmd.Env = m.env
	diag, err := os.OpenFile(m.ledger+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer diag.Close()
	m.cmd.Stderr = diag // what it says without power is not of interest, unless it never starts again
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.gate.open()
	ready := make(chan string, 1)
	m.ready = ready
	go func() {
		defer close(ready)
		if s := bufio.NewScanner(out); s.Scan() {
			ready <- s.Text()
		}
	}()
}

// await returns when the platform has started and answers.
func (m *machine) await(t *testing.T) {
	t.Helper()
	select {
	case line := <-m.ready:
		if !strings.Contains(line, "ready") {
			diag, _ := os.ReadFile(m.ledger + ".log") // may be missing
			t.Fatalf("up said %q; want a line with ready\n%s", line, diag)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the platform does not start within 30 s")
	}
	resp, err := http.Get("http://" + m.addr + "/api/products/1")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("product 1: %s", resp.Status)
	}
}

// lose cuts the network, then the power, and kills everything. The payment
// provider ends when its parent is killed.
func (m *machine) lose(t *testing.T) {
	t.Helper()
	m.gate.close()
	m.disk.cut(t)
	m.kill()
	if m.database != nil {
		m.database.kill()
	}
}

func (m *machine) kill() {
	end(m.cmd)
	m.cmd = nil
}

// rhythm returns the longest pause before a cut, and what a cut costs on the average
// with the start after it. PostgreSQL takes a second to recover: if it were cut as often
// as the embedded database, customers would lose their patience.
func (m *machine) rhythm() (longest, cycle time.Duration) {
	if m.database != nil {
		return 5 * time.Second, 4 * time.Second
	}
	return 2 * time.Second, 1500 * time.Millisecond
}

// storm cuts the power n times under load, every fifth time perhaps already while the
// platform starts.
func (m *machine) storm(t *testing.T, n int) (report, error) {
	t.Helper()
	m.boot(t)
	m.await(t)
	longest, cycle := m.rhythm()
	length := time.Duration(n)*cycle + time.Second
	v, arrived, ordering := m.visit(t, length), time.Now(), 0
	slowest := time.Duration(0)
	for k := range n {
		pause(longest)
		if time.Since(arrived) < length {
			ordering++
		}
		m.lose(t)
		m.disk.restore(t)
		if m.database != nil {
			m.database.boot(t)
		}
		began := time.Now()
		m.boot(t)
		if k%5 != 3 {
			m.await(t)
			slowest = max(slowest, time.Since(began))
		}
	}
	if len(v.ended) > 0 {
		t.Errorf("the load ended before the last of %d cuts", n)
	}
	r, err := v.end(t)
	t.Logf("%d cuts, %d of them while orders were placed; slowest start %v; %+v", n, ordering, slowest.Round(time.Millisecond), r)
	return r, err
}

// patience is how long after the last order everything must be done.
const patience = 2 * time.Minute

// TestPlatform cuts the power of the whole platform under load. The customers repeat
// what was not answered under the same key, and in the end no order is lost, doubled or
// unfinished.
func TestPlatform(t *testing.T) {
	t.Parallel() // customers wait most of the time
	n := cuts(t)
	m := newMachine(t, newDisk(t), build(t, ""), nil)
	m.survives(t, n)
}

// survives fails t unless everything that customers were told is true after n cuts.
func (m *machine) survives(t *testing.T, n int) {
	t.Helper()
	r, err := m.storm(t, n)
	if err != nil || r.Accepted == 0 || r.Unfinished > 0 || r.Unknown > 0 {
		t.Errorf("load: %+v, %v; want every order answered within a minute, and ended", r, err)
	}
	if bad := m.settle(t, patience); bad > 0 {
		t.Errorf("%d violations", bad)
	}
	t.Log(most(n))
}

// TestPlatformCanary does the same to a platform that does not fsync. If the audit finds
// nothing, TestPlatform proves nothing.
func TestPlatformCanary(t *testing.T) {
	n := cuts(t)
	if n < 20 {
		t.Skip("without TIDEWIRE_CUTS of 20 or more: losing orders takes minutes, because the customers wait for them")
	}
	m := newMachine(t, newDisk(t), build(t, weaken(t)), nil)
	_, err := m.storm(t, 20)
	bad := m.settle(t, 20*time.Second)
	t.Logf("load: %v", err)
	if bad == 0 {
		t.Error("no violation after 20 cuts of a platform that does not fsync")
	}
}

// weaken returns an overlay for the compiler, in which the driver does not fsync.
func weaken(t *testing.T) string {
	t.Helper()
	const safe = `"PRAGMA synchronous=FULL"`
	path, err := filepath.Abs("../../driver/sqlite/sqlite.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte(safe)); n != 1 {
		t.Fatalf("%s has %s %d times; want once", path, safe, n)
	}
	weak, overlay := filepath.Join(t.TempDir(), "weak.go"), filepath.Join(t.TempDir(), "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: weak}})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(weak, bytes.Replace(text, []byte(safe), []byte(`"PRAGMA synchronous=NORMAL"`), 1), 0o600), os.WriteFile(overlay, replace, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return overlay
}
