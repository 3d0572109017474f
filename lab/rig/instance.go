package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrBusy is a 503: the same may be taken later.
var ErrBusy = errors.New("not at the moment")

// An Instance is one process of the platform, or of some of its services, which is started on
// the same doors again after each stop.
type Instance struct {
	*Rig
	home, listen, admin string
	services, settings  []string // its own

	mu  sync.Mutex
	cmd *exec.Cmd
	log bytes.Buffer // of all its lives, each of which is over before the next begins
}

// Instance returns one of all services whose files are in home. It does not run yet.
func (r *Rig) Instance(home string, settings ...string) *Instance {
	i := &Instance{Rig: r, home: home, listen: Free(r.t), admin: Free(r.t), settings: settings}
	r.t.Cleanup(func() {
		_ = i.Signal(syscall.SIGKILL) // it may have ended
		if said := i.log.String(); r.t.Failed() {
			r.t.Logf("the end of the log of %s: %s", home, said[max(0, len(said)-4000):])
		}
	})
	return i
}

// Only has it run these services, and no others.
func (i *Instance) Only(services ...string) *Instance {
	i.services = services
	return i
}

// Listen is the address of the customers' door, and Admin of the operators'.
func (i *Instance) Listen() string { return i.listen }

// Admin is the address of the operators' door.
func (i *Instance) Admin() string { return i.admin }

// URL is where customers order.
func (i *Instance) URL() string { return "http://" + i.listen }

// Start runs the instance, and returns how long it took until it was ready.
func (i *Instance) Start() time.Duration {
	i.t.Helper()
	began := time.Now()
	args := append(append([]string{"up"}, i.services...), "--data", i.home, "--set", "grpc.listen=127.0.0.1:0")
	cmd := i.Command(append(args, i.flags()...)...)
	cmd.Stderr = &i.log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	i.cmd = cmd
	i.mu.Unlock()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "ready") {
		_ = i.Signal(syscall.SIGKILL)
		i.t.Fatalf("up said %q, %v; want a line with ready\n%s", line, err, &i.log)
	}
	return time.Since(began)
}

// Signal sends a signal. One that ends the process is waited for; its error is that of a stop
// that was not clean.
func (i *Instance) Signal(s syscall.Signal) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd == nil {
		return nil
	}
	err := i.cmd.Process.Signal(s)
	switch s {
	case syscall.SIGKILL:
		_ = i.cmd.Wait() // it was killed
		i.cmd = nil
	case syscall.SIGTERM:
		err = errors.Join(err, i.cmd.Wait())
		i.cmd = nil
	}
	return err
}

// Stop ends it cleanly, or fails the test.
func (i *Instance) Stop() {
	i.t.Helper()
	if err := i.Signal(syscall.SIGTERM); err != nil {
		i.t.Errorf("stop: %v\n%s", err, &i.log)
	}
}

// Command is one of the binary's, about this instance.
func (i *Instance) Command(args ...string) *exec.Cmd { return i.Rig.Command(i.t.Context(), args...) }

// flags say which instance a command is about.
func (i *Instance) flags() []string {
	flags := []string{"--set", "admin=" + i.admin, "--set", "listen=" + i.listen}
	for _, s := range i.settings {
		flags = append(flags, "--set", s)
	}
	return flags
}

// About is Command with the doors of this instance.
func (i *Instance) About(args ...string) *exec.Cmd { return i.Command(append(args, i.flags()...)...) }

// Tidewire runs a command to its end, which must be a good one, and reads its JSON into into.
func (i *Instance) Tidewire(into any, args ...string) {
	i.t.Helper()
	cmd := i.About(args...)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		i.t.Fatalf("%v: %v\n%s%s", args, err, &out, &diag)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		i.t.Fatalf("%v: %v\n%s", args, err, &out)
	}
}

// Ask sends a request to a door, and reads the answer if it is of that status.
func (i *Instance) Ask(want int, method, url, body string, into any) error {
	req, err := http.NewRequestWithContext(i.t.Context(), method, "http://"+url, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusServiceUnavailable && want != resp.StatusCode:
		return fmt.Errorf("%w: %.300s", ErrBusy, text)
	case resp.StatusCode != want:
		return fmt.Errorf("%s %s: %s, %.300s", method, url, resp.Status, text)
	case into == nil:
		return nil
	}
	return json.Unmarshal(text, into)
}

// Accepts polls until the instance takes a request, and returns how long that took.
func (i *Instance) Accepts() time.Duration {
	i.t.Helper()
	began := time.Now()
	i.Until("it answers", func() bool { return i.Ask(http.StatusOK, "GET", i.listen+"/api/products/1", "", nil) == nil })
	return time.Since(began)
}
