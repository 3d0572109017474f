package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Rig is the binary, the settings that all its processes share, and a payment provider
// that outlives them.
type Rig struct {
	t        *testing.T
	binary   string
	data     string
	settings []string // of the environment
	provider string   // its address
	end      func()   // ends the provider
}

// New builds the binary. Settings are key=value, as after --set; the environment of the test
// sets nothing.
func New(t *testing.T, settings ...string) *Rig {
	t.Helper()
	r := &Rig{t: t, binary: filepath.Join(t.TempDir(), "tidewire"), data: filepath.Join(t.TempDir(), "data"), provider: Free(t)}
	if out, err := exec.Command("go", "build", "-o", r.binary, "github.com/tidewire/tidewire/cmd/tidewire").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TIDEWIRE_") {
			r.settings = append(r.settings, pair)
		}
	}
	for _, s := range append(settings, "payment.simulator=http://"+r.provider, "log.level=error") {
		key, value, _ := strings.Cut(s, "=")
		r.settings = append(r.settings, "TIDEWIRE_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))+"="+value)
	}
	if err := os.MkdirAll(r.data, 0o755); err != nil {
		t.Fatal(err)
	}
	r.provide()
	return r
}

// provide starts the payment provider, which ends with the test at the latest.
func (r *Rig) provide() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := r.Command(ctx, "simulator", "--listen", r.provider, "--file", filepath.Join(r.data, "simulator.db"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.end = sync.OnceFunc(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	r.t.Cleanup(r.end)
}

// EndProvider ends the payment provider, so that its ledger can be opened.
func (r *Rig) EndProvider() { r.end() }

// Data is the directory of the databases, of the provider's too.
func (r *Rig) Data() string { return r.data }

// Ledger is where Load writes what customers know.
func (r *Rig) Ledger() string { return filepath.Join(r.data, "ledger.jsonl") }

// Command is one of the binary's.
func (r *Rig) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	cmd.Dir, cmd.Env = r.t.TempDir(), r.settings
	return cmd
}

// Audit fails the test if anything was lost, done twice or left behind.
func (r *Rig) Audit(flags ...string) {
	r.t.Helper()
	out, err := r.Command(r.t.Context(), append([]string{"audit", "--data", r.data, "--ledger", r.Ledger()}, flags...)...).CombinedOutput()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		r.t.Errorf("audit found violations:\n%s", out)
	} else if err != nil {
		r.t.Fatal(err)
	}
}

// Settle waits until nothing is left to do, as the auditor sees it.
func (r *Rig) Settle() {
	r.t.Helper()
	r.Until("nothing is left to do", func() bool {
		return r.Command(r.t.Context(), "audit", "--data", r.data, "--ledger", r.Ledger(), "--final").Run() == nil
	})
}

// A Report is what load says of itself.
type Report struct {
	Accepted, Completed, Failed, Cancelled, Rejected, Unknown, Unfinished int
	Seconds                                                               float64
	EndToEnd                                                              struct{ P50Ms, P99Ms, MaxMs float64 }
}

// Load places orders at a door in the background. The function that it returns waits until all
// have ended; customers that come to nothing fail the test.
func (r *Rig) Load(url string, args ...string) (wait func() Report) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	r.t.Cleanup(cancel)
	cmd := r.Command(ctx, append([]string{"load", "--url", url, "--ledger", r.Ledger(), "--json"}, args...)...)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return func() (report Report) {
		r.t.Helper()
		err := cmd.Wait()
		if jerr := json.Unmarshal(out.Bytes(), &report); jerr != nil || err != nil {
			r.t.Errorf("load: %v, %v\n%s\n%s", err, jerr, &out, &diag)
		}
		return report
	}
}

// Until polls until a condition holds.
func (r *Rig) Until(what string, holds func() bool) {
	r.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(2 * time.Minute); !holds(); <-tick.C {
		if time.Now().After(limit) {
			r.t.Fatalf("within two minutes it was not so: %s", what)
		}
	}
}

// Free returns an address where nobody listens.
func Free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
