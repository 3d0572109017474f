package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/load"
)

// An idle platform has nothing to wait for, whoever asks it to stop.
func TestIdlePlatformStopsAtOnce(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		r := up(t, data)
		child := childOf(t, r.cmd.Process.Pid)
		start := time.Now()
		if err := r.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-r.ended:
			r.ended <- err
			if took := time.Since(start); err != nil || took > 10*time.Second {
				t.Errorf("%v: %v after %v, want exit 0 within 10 s", signal, err, took)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("%v: still running after 15 s", signal)
		}
		if alive(child) {
			t.Errorf("%v: its simulator %d still runs", signal, child)
		}
		if strings.Contains(r.log.String(), `"level":"ERROR"`) || strings.Contains(r.log.String(), `"level":"WARN"`) {
			t.Errorf("%v: said\n%s", signal, r.log)
		}
	}
}

// Load that is interrupted still tells what it knows: its ledger holds against what is
// stored, with what had not ended named as such.
func TestInterruptedLoadWritesItsLedger(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	ledger := filepath.Join(t.TempDir(), "ledger")
	cmd := command(t.Context(), t.TempDir(), r.flags("load", "--for", "1h", "--clients", "8", "--mix", "0.2", "--ledger", ledger, "--json")...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "orders come in", func() bool {
		_, o := r.do("GET", "/api/orders?final=true&limit=50", "")
		items, _ := o["items"].([]any)
		return len(items) == 50
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // how it ended follows
	var report load.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%q %q: %v", out.String(), complaint.String(), err)
	}
	want := exitDone
	if report.Unfinished > 0 {
		want = exitFound
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("exit %d with %d unfinished, want %d", got, report.Unfinished, want)
	}
	text, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var l load.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		count[strings.TrimSpace(l.Outcome+" "+l.Final)]++
	}
	for what, n := range map[string]int{"ok completed": report.Completed, "ok failed": report.Failed, "ok": report.Unfinished, "unknown": report.Unknown, "rejected": report.Rejected} {
		if count[what] != n {
			t.Errorf("%d lines are %s, the report says %d", count[what], what, n)
		}
	}
	if report.Accepted < 50 || report.Completed+report.Failed+report.Unfinished != report.Accepted {
		t.Errorf("report is %+v", report)
	}
	// What was on its way goes on without its customer.
	eventually(t, "all is done, as was seen", func() bool {
		exit, _, _ := tidewire(t, r.flags("audit", "--ledger", ledger, "--sole", "--final")...)
		return exit == exitDone
	})
}

// A start that is refused says why in one sentence, and leaves nothing behind.
func TestRefusedStartLeavesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"the world", []string{"--listen", "0.0.0.0:3000"}, "listen: 0.0.0.0:3000 is not a loopback address"},
		{"the world, of IPv6", []string{"--listen", "[::]:3000"}, "listen: [::]:3000 is not a loopback address"},
		{"the world, for operators", []string{"--set", "admin=:3001"}, "admin: :3001 is not a loopback address"},
		{"no port", []string{"--listen", "localhost"}, `listen: "localhost" is not HOST:PORT`},
		{"no such service", []string{"nosuchservice"}, `there is no service "nosuchservice"; there are analytics, inventory, notification, order, payment, product, shipping, user`},
		{"one of two", []string{"order", "nosuchservice"}, `there is no service "nosuchservice"`},
		{"no such level", []string{"--set", "log.level=loud"}, "--set: log.level"},
		{"a file is no folder", []string{"--data", file}, "data directory: "},
		{"below a file", []string{"--data", filepath.Join(file, "data")}, "data directory: "},
		{"no such port", []string{"--listen", "127.0.0.1:70000"}, "listen: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			exit, out, stderr := tidewire(t, append([]string{"up", "--data", data, "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0"}, tt.args...)...)
			if exit != exitWrong || out != "" || !strings.HasPrefix(stderr, "tidewire: "+tt.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, %q, %q; want 2 and one sentence with %q", exit, out, stderr, tt.want)
			}
			if _, err := os.Stat(data); err == nil {
				t.Error("it has made the data directory")
			}
		})
	}
}

// Both doors at one address is a port taken as well.
func TestTwoDoorsNeedTwoPorts(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	taken := strings.TrimPrefix(r.url, "http://")
	data := filepath.Join(t.TempDir(), "other")
	for key, args := range map[string][]string{
		"listen": {"--listen", taken, "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0"},
		"admin":  {"--listen", "127.0.0.1:0", "--set", "admin=" + taken, "--set", "grpc.listen=127.0.0.1:0"},
	} {
		exit, _, stderr := tidewire(t, append([]string{"up", "--data", data}, args...)...)
		want := "tidewire: " + key + ": " + taken + " is taken: stop whoever listens there, or choose another with --set " + key + "=HOST:PORT\n"
		if exit != exitWrong || stderr != want {
			t.Errorf("exit %d, %q; want 2, %q", exit, stderr, want)
		}
		if _, err := os.Stat(data); err == nil {
			t.Errorf("%s: it has made the data directory", key)
		}
	}
	if exit, _, stderr := tidewire(t, "up", "--data", r.data, "--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0"); exit != exitWrong ||
		!strings.Contains(stderr, "is in use by process "+strconv.Itoa(r.cmd.Process.Pid)) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("its data directory: exit %d, %q", exit, stderr)
	}
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "") // and it was not disturbed
}
