package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A provider is the simulator that up starts. Its parent keeps the listener: while the
// child is started again, callers wait instead of being refused, and nobody else gets
// the port.
type provider struct {
	file     string   // its ledger
	listener *os.File // of every child, one after another
	addr     string
	child    *exec.Cmd
	stdin    io.Closer  // closing it ends the child
	ended    chan error // one value for each child that ended
	said     words
}

// A child that cannot live is started ever more slowly, so that its log can be read and
// the machine is left to the rest.
const (
	providerStart = 10 * time.Second // until it answers
	providerStop  = 3 * time.Second  // until it is killed
	restartFirst  = 50 * time.Millisecond
	restartMost   = 5 * time.Second
	settled       = 10 * time.Second // of life, after which a restart is quick again
)

// startProvider starts the simulator on a free port of this machine, which nobody needs
// to know or choose. Ready tells when it answers.
func startProvider(file string) (*provider, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f, err := l.(*net.TCPListener).File()
	p := &provider{file: file, listener: f, addr: l.Addr().String(), ended: make(chan error, 1)}
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	return p, p.start()
}

// start starts the child. Its standard input is a pipe that only this process holds, so
// that it ends with its parent, even with one that was killed.
func (p *provider) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.child = exec.Command(self, "simulator", "--listen", passedOn, "--file", p.file, "--child")
	p.child.ExtraFiles = []*os.File{p.listener}
	p.child.Stderr = &p.said
	p.child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the parent: it drains first
	if p.stdin, err = p.child.StdinPipe(); err != nil {
		return err
	}
	if err := p.child.Start(); err != nil {
		return err
	}
	child := p.child
	go func() { p.ended <- child.Wait() }()
	return nil
}

func (p *provider) url() string { return "http://" + p.addr }

// ready waits until the simulator answers. If it ends instead, the error holds what it
// said: that is the cause, and the child's exit is not.
func (p *provider) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, providerStart)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := healthy(ctx, p.url())
		answered <- err
	}()
	select {
	case err := <-answered:
		return err
	case err := <-p.ended:
		p.ended <- err // for stop, which waits for it too
		return fmt.Errorf("the payment simulator ended at once: %s", p.said.held())
	}
}

// words are what a child says: held while it starts, so that a failure is told once and
// by its parent, then passed on.
type words struct {
	mu  sync.Mutex
	out io.Writer // nil: held
	all []byte
}

// Write takes what the child says.
func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out != nil {
		return w.out.Write(p)
	}
	w.all = append(w.all, p...)
	return len(p), nil
}

// held is what was said so far, in one line.
func (w *words) held() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimPrefix(strings.Join(strings.Fields(string(w.all)), " "), "tidewire: ")
}

// pass passes on what was said, and what will be.
func (w *words) pass(out io.Writer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = out
	_, err := out.Write(w.all)
	return err
}

// healthy asks a simulator how it is, and returns which ledger it has. A listener that
// is passed on holds the request until somebody accepts it.
func healthy(ctx context.Context, url string) (ledger string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/healthz", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("the payment simulator does not answer: %w", err)
	}
	if resp.StatusCode > 299 {
		err = fmt.Errorf("the payment simulator at %s answers %s", url, resp.Status)
	}
	return resp.Header.Get("Ledger"), errors.Join(err, resp.Body.Close())
}

// watch starts the child again whenever it ends, until ctx does. Calls that were out are
// lost with it, as with any provider: payment looks them up by their keys.
func (p *provider) watch(ctx context.Context, log *slog.Logger) error {
	pause, started := restartFirst, time.Now()
	if err := p.said.pass(os.Stderr); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.ended:
			if time.Since(started) > settled {
				pause = restartFirst
			}
			log.Warn("the payment simulator ended and is started again", "error", err, "in", pause)
		}
		if !wait(ctx, pause) {
			p.ended <- nil
			return nil
		}
		pause, started = min(2*pause, restartMost), time.Now()
		if err := p.start(); err != nil {
			p.ended <- err
		}
	}
}

// stop ends the child, after whatever it has in hand. One that does not end in time is
// killed, which its ledger survives.
func (p *provider) stop() error {
	err := p.stdin.Close()
	if errors.Is(err, os.ErrClosed) { // it has ended already
		err = nil
	}
	select {
	case <-p.ended:
	case <-time.After(providerStop):
		err = errors.Join(err, p.child.Process.Kill())
		<-p.ended
	}
	return errors.Join(err, p.listener.Close())
}
