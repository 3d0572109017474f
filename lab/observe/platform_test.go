package observe_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A platform is one that runs, as a watcher sees it.
type platform struct {
	t          *testing.T
	binary     string
	url, admin string
	trace      string // of the last order
}

// server returns the address of a server of scripts/servers, or skips the test.
func server(t *testing.T, name string) string {
	t.Helper()
	url := os.Getenv(name)
	if url == "" {
		t.Skipf("%s is not set: run this with eval \"$(scripts/servers env)\"; nothing was looked at", name)
	}
	return url
}

// up builds the program and starts it.
func up(t *testing.T, set ...string) *platform {
	t.Helper()
	p := &platform{t: t, binary: filepath.Join(t.TempDir(), "tidewire")}
	if out, err := exec.Command("go", "build", "-o", p.binary, "../../cmd/tidewire").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	args := []string{"up", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	cmd := p.command(args...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	lines := bufio.NewScanner(out)
	lines.Scan()
	found := regexp.MustCompile(`ready (http\S+) \(operators (http[^,\s]+)`).FindStringSubmatch(lines.Text())
	go func() { _, _ = io.Copy(io.Discard, out); ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil || t.Failed() {
			t.Logf("the platform ended: %v\n%s", err, &log)
		}
	})
	if found == nil {
		t.Fatalf("it is not ready: %q", lines.Text())
	}
	p.url, p.admin = found[1], found[2]
	return p
}

func (p *platform) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.binary, args...)
	cmd.Dir = p.t.TempDir()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TIDEWIRE_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// load places orders for a while, of which some must fail. What it returns waits for the
// end of it.
func (p *platform) load(args ...string) (wait func()) {
	p.t.Helper()
	cmd := p.command(append([]string{"load", "--url", p.url, "--json"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("load: %v\n%s", err, &out)
		}
	}
}

// order places one order, waits for its end, and returns its status.
func (p *platform) order(body string, header ...string) string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/api/orders", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=30")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var o struct{ Status string }
	if err := json.NewDecoder(resp.Body).Decode(&o); err != nil {
		p.t.Fatal(err)
	}
	p.trace = resp.Header.Get("Traceresponse")
	return o.Status
}

// get decodes the JSON of an address, and reports whether that was to be had.
func get(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %s: %.200s", url, resp.Status, text)
	}
	return nil
}

// eventually polls until ok, for at most a minute: a busy machine is slow.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
