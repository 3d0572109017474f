package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a program that serves.
type process struct {
	command *exec.Cmd
	stderr  bytes.Buffer
	ended   chan error
}

const (
	readyTime = 20 * time.Second
	stopTime  = 12 * time.Second
)

// launch starts a program, and returns when it has printed a line with the word ready.
func launch(ctx context.Context, program string, args ...string) (*process, error) {
	p := &process{command: exec.CommandContext(ctx, program, args...), ended: make(chan error, 1)}
	p.command.Cancel = func() error { return p.command.Process.Signal(syscall.SIGTERM) }
	p.command.WaitDelay = stopTime
	p.command.Stderr = &p.stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "ready") {
				ready <- nil
				break
			}
		}
		_, err := io.Copy(io.Discard, stdout)
		p.ended <- errors.Join(err, p.command.Wait())
		ready <- errors.New("it ended")
	}()
	select {
	case err = <-ready:
	case <-time.After(readyTime):
		err = errors.New("not ready in time")
	}
	if err != nil {
		_ = p.command.Process.Kill() // it may be gone
		return nil, fmt.Errorf("%s: %w: %s", program, err, <-p.said())
	}
	return p, nil
}

// said returns what the process has said on standard error, once it has ended.
func (p *process) said() <-chan string {
	c := make(chan string, 1)
	go func() {
		err := <-p.ended
		p.ended <- err
		c <- p.stderr.String()
	}()
	return c
}

// stop asks the process to end, and waits for it.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s has ended: %s", p.command.Path, <-p.said())
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("%s does not stop", p.command.Path), p.command.Process.Kill())
	}
}

// A usage is what a process has used so far.
type usage struct {
	cpu     time.Duration
	wrote   int64 // bytes, to the disk
	resided int64 // bytes, now
}

// used reads /proc (see proc(5)).
func (p *process) used() (u usage, err error) {
	dir := "/proc/" + strconv.Itoa(p.command.Process.Pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u, err
	}
	// The name of the program may hold anything; what follows its bracket does not.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, stime, rss = 11, 12, 21
	for _, at := range []int{utime, stime} {
		ticks, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * time.Second / 100 // USER_HZ
	}
	pages, err := strconv.ParseInt(fields[rss], 10, 64)
	if err != nil {
		return u, err
	}
	u.resided = pages * int64(os.Getpagesize())
	io, err := os.ReadFile(dir + "/io")
	if err != nil {
		return u, err
	}
	_, after, _ := strings.Cut(string(io), "\nwrite_bytes: ")
	line, _, _ := strings.Cut(after, "\n")
	u.wrote, err = strconv.ParseInt(line, 10, 64)
	return u, err
}

// busy reads what all processes together have used.
func busy() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	const idle, iowait = 4, 5 // of: cpu user nice system idle iowait irq softirq steal guest …
	var ticks int64
	for i, field := range strings.Fields(line) {
		if i == 0 || i == idle || i == iowait || i > 8 {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}
