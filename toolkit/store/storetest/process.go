package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	envPart  = "TIDEWIRE_SUITE_PART"
	envPlace = "TIDEWIRE_SUITE_PLACE"
)

// Child returns the part that this process plays for a suite that runs in another one,
// and the place of its databases. It is false in the suite's own process.
func Child() (part, place string, ok bool) {
	part, ok = os.LookupEnv(envPart)
	return part, os.Getenv(envPlace), ok
}

// A Process is a test binary that plays a part for the suite.
type Process struct{ cmd *exec.Cmd }

// Start starts the suite that t belongs to in a process of its own, in which Child
// returns part and place. It is killed at the end of t at the latest.
func Start(t testing.TB, part, place string) *Process {
	t.Helper()
	root, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(os.Args[0], "-test.run=^"+root+"$", "-test.count=1", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), envPart+"="+part, envPlace+"="+place)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		if t.Failed() {
			t.Logf("the process that plays %s said:\n%s", part, out.String())
		}
	})
	return &Process{cmd: cmd}
}

// Wait returns nil if the process has done its part, and an error if it was killed or
// its test has failed.
func (p *Process) Wait() error {
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("process %d: %w", p.cmd.Process.Pid, err)
	}
	return nil
}

// Kill ends the process as a crash does.
func (p *Process) Kill() { _ = p.cmd.Process.Kill() } // it may have ended

// Stop stops the process, as SIGSTOP does, until Continue.
func (p *Process) Stop() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue lets a process go on that was stopped.
func (p *Process) Continue() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Die ends the own process as a crash does.
func Die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// A Freezer is a driver whose process can be stopped, as SIGSTOP would, between any two
// transactions, and go on later with what it remembers.
type Freezer struct {
	store.Driver

	mu     sync.Mutex
	thawed chan struct{}
}

// Freeze stops everything until thaw is called.
func (f *Freezer) Freeze() (thaw func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan struct{})
	f.thawed = c
	return sync.OnceFunc(func() { close(c) })
}

// Update waits while f is frozen.
func (f *Freezer) Update(ctx context.Context, c store.Change) error {
	f.wait()
	return f.Driver.Update(ctx, c)
}

// View waits while f is frozen.
func (f *Freezer) View(ctx context.Context, read func(store.Conn) error) error {
	f.wait()
	return f.Driver.View(ctx, read)
}

func (f *Freezer) wait() {
	f.mu.Lock()
	c := f.thawed
	f.mu.Unlock()
	if c != nil {
		<-c
	}
}

// Await polls until ok, for at most a bounded time.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
