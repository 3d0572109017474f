package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests build the program and know nothing of it but its doors.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tidewire-e2e")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tidewire")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
	os.Setenv(binaryName, path)
	m.Run()
}

const binaryName = "E2E_BINARY"

// tidewire runs a command of the binary to its end, in an environment without settings.
func tidewire(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, t.TempDir(), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	runErr := cmd.Run()
	var ended *exec.ExitError
	if runErr != nil && !errors.As(runErr, &ended) {
		t.Fatal(runErr)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Getenv(binaryName), args...)
	cmd.Dir = dir
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TIDEWIRE_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// A platform that is running, as its users see it.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	data  string
	log   *buffer
	ended chan error

	url, admin, simulator string
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var readyLine = regexp.MustCompile(`^tidewire ready (http://\S+) \(operators (http://[^,)]+)(?:, payment simulator (http://[^,)]+))?\)\n`)

// up starts the platform on data, on free ports, and waits until it is ready.
func up(t *testing.T, data string, more ...string) *running {
	t.Helper()
	args := append([]string{"up", "--data", data, "--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0"}, more...)
	r := &running{t: t, data: data, log: &buffer{}, ended: make(chan error, 1)}
	r.cmd = command(context.Background(), t.TempDir(), args...)
	r.cmd.Stderr = r.log
	out := &buffer{}
	r.cmd.Stdout = out
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("log of %s:\n%s", data, tail(r.log.String()))
		}
	})
	eventually(t, "ready", func() bool {
		select {
		case err := <-r.ended:
			r.ended <- err
			t.Fatalf("ended before it was ready: %v\n%s", err, r.log)
		default:
		}
		m := readyLine.FindStringSubmatch(out.String())
		if m != nil {
			r.url, r.admin, r.simulator = m[1], m[2], m[3]
		}
		return m != nil
	})
	return r
}

func tail(s string) string { return s[max(0, len(s)-5000):] }

// kill ends the platform as a power cut would.
func (r *running) kill() {
	_ = r.cmd.Process.Kill() // it may have ended
	r.ended <- <-r.ended
}

// term asks it to stop, and returns how it exited and how long that took.
func (r *running) term() (exit int, took time.Duration) {
	r.t.Helper()
	start := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	select {
	case err := <-r.ended:
		r.ended <- err
	case <-time.After(15 * time.Second):
		r.t.Fatal("SIGTERM: still running after 15 s")
	}
	return r.cmd.ProcessState.ExitCode(), time.Since(start)
}

// flags make a command talk to this platform.
func (r *running) flags(args ...string) []string {
	return append(args, "--data", r.data, "--set", "listen="+strings.TrimPrefix(r.url, "http://"), "--set", "admin="+strings.TrimPrefix(r.admin, "http://"))
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		case <-tick.C:
		}
	}
}

type object map[string]any

// do sends a request to the customers' door.
func (r *running) do(method, path, body string, header ...string) (int, object) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		r.t.Fatalf("%s %s: %d, not JSON: %q", method, path, resp.StatusCode, text)
	}
	return resp.StatusCode, o
}

// order places an order and returns it as accepted.
func (r *running) order(body string) object {
	r.t.Helper()
	status, o := r.do("POST", "/api/orders", body)
	if status != http.StatusAccepted {
		r.t.Fatalf("%s: got %d %v, want 202", body, status, o)
	}
	return o
}

// final waits until an order has ended.
func (r *running) final(id any) (o object) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("order %v ends", id), func() bool {
		_, o = r.do("GET", fmt.Sprint("/api/orders/", id), "")
		return o["status"] != "pending" && o["status"] != "confirmed"
	})
	return o
}

func (r *running) ends(body, status, reason string) object {
	r.t.Helper()
	o := r.final(r.order(body)["id"])
	if got, _ := o["reason"].(string); o["status"] != status || got != reason {
		r.t.Errorf("%s: got %v %q, want %s %q", body, o["status"], got, status, reason)
	}
	return o
}
