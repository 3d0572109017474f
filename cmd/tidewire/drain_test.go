package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A teller is a customer who wants to know how the order ends.
type teller struct {
	id      string
	answers chan *http.Response // one; nil if the connection ended without
}

// tell places an order whose end is waited for, and returns when it is stored.
func (r *running) tell(id string) teller {
	r.t.Helper()
	w := teller{id, make(chan *http.Response, 1)}
	body := fmt.Sprintf(`{"id":%q,"userId":"1","productId":"1","quantity":1}`, id)
	req, err := http.NewRequest("POST", r.url+"/api/orders", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Prefer": {"wait=30"}}
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		if err != nil {
			resp = nil
		}
		w.answers <- resp
	}()
	eventually(r.t, "order "+id, func() bool { status, _ := r.do("GET", "/api/orders/"+id, ""); return status == http.StatusOK })
	return w
}

// told checks that the answer is the order as accepted.
func (w teller) told(t *testing.T) {
	t.Helper()
	resp := <-w.answers
	if resp == nil {
		t.Errorf("%s: who waited has no answer", w.id)
		return
	}
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusAccepted || got != "/api/orders/"+w.id {
		t.Errorf("%s: who waited has %d and %q, want 202 and where the order is", w.id, resp.StatusCode, got)
	}
}

// stops checks that SIGTERM is obeyed in time, and that nothing is called an error.
func (r *running) stops() {
	r.t.Helper()
	if exit, took := r.term(); exit != exitDone || took > 10*time.Second {
		r.t.Errorf("SIGTERM: exit %d after %v, want 0 within 10 s", exit, took)
	}
	if strings.Contains(r.log.String(), `"level":"ERROR"`) {
		r.t.Errorf("it said\n%s", r.log)
	}
}

// elsewhere starts a payment simulator of its own at an address, "" for a free one.
func elsewhere(t *testing.T, addr, ledger string) (at string, sim *exec.Cmd) {
	t.Helper()
	if addr == "" {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = free.Addr().String()
		if err := free.Close(); err != nil {
			t.Fatal(err)
		}
	}
	sim = command(t.Context(), t.TempDir(), "simulator", "--listen", addr, "--file", ledger)
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Process.Kill(); _ = sim.Wait() }) // its exit is our doing
	eventually(t, "the simulator answers", func() bool { _, err := healthy(t.Context(), "http://"+addr); return err == nil })
	return addr, sim
}

// Half a request keeps nobody from stopping, and its sender hears that it was too late.
func TestStopsWithHalfARequestOpen(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	answer := func() *http.Response {
		t.Helper()
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	send("POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if got := answer(); got.StatusCode != http.StatusContinue { // now it reads
		t.Fatalf("got %d, want 100", got.StatusCode)
	}
	send(`{"us`)
	w := r.tell("whole")
	r.stops()
	if got := answer(); got.StatusCode != http.StatusRequestTimeout || got.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("half a request: got %d %v, want 408", got.StatusCode, got.Header)
	}
	<-w.answers // its order may have ended before the signal or not
	if o := up(t, data).final("whole"); o["status"] != "completed" {
		t.Errorf("got %v, want completed", o)
	}
}

// Whoever waits for an order that waits for the provider has an answer when the platform
// stops, and the order goes on when both are back.
func TestStopsWhileTheProviderIsLeftAlone(t *testing.T) {
	data, ledger := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "provider.db")
	addr, sim := elsewhere(t, "", ledger)
	provider := []string{"--set", "payment.simulator=http://" + addr}
	r := up(t, data, provider...)
	if err := sim.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = sim.Wait() // how it ends is not asked here
	for range 40 {
		r.order(`{"userId":"1","productId":"1","quantity":1}`)
	}
	eventually(t, "the breaker opens", func() bool { return strings.Contains(r.log.String(), "is left alone") })
	w := r.tell("waits")
	r.stops()
	w.told(t)
	elsewhere(t, addr, ledger)
	if o := up(t, data, provider...).final("waits"); o["status"] != "completed" {
		t.Errorf("got %v, want completed", o)
	}
}

// A provider that takes calls and does not answer is not waited for longer than a stop may
// take.
func TestStopsWhileTheProviderHangs(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	child := childOf(t, r.cmd.Process.Pid)
	if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(child, syscall.SIGKILL) }) // as a rule it is gone
	var waiting []teller
	for n := range 5 {
		waiting = append(waiting, r.tell(fmt.Sprint("hangs-", n)))
	}
	r.stops()
	for _, w := range waiting {
		w.told(t)
	}
	// If the stop took all the time it has, nobody killed the simulator: it ends by itself,
	// as soon as it runs again.
	if err := syscall.Kill(child, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	eventually(t, "its simulator is gone", func() bool { return !alive(child) })
	r = up(t, data)
	for _, w := range waiting {
		if o := r.final(w.id); o["status"] != "completed" {
			t.Errorf("%s: got %v, want completed", w.id, o)
		}
	}
}
