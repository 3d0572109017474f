package simulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

func open(t *testing.T, file string) ledger {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), file, migrations)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("simulator", driver)
	t.Cleanup(func() { db.Close() })
	return ledger{db}
}

// eventually polls until done, for at most ten seconds.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatalf("not within ten seconds: %s", what)
}

func TestRestartChangesNothing(t *testing.T) {
	path := file(t)
	s := start(t, path, Options{})
	s.charge("twice", "fails_twice")
	_, want := s.charge("paid", "ok")
	s.stop()

	s = start(t, path, Options{})
	if code, _ := s.charge("twice", "fails_twice"); code != 503 {
		t.Errorf("second try: got %d, want 503", code)
	}
	if code, _ := s.charge("twice", "fails_twice"); code != 200 {
		t.Errorf("third try: got %d, want 200", code)
	}
	if _, got := s.charge("paid", "ok"); got != want {
		t.Errorf("charge after restart: got %+v, want %+v", got, want)
	}
}

func TestRepeatedRequestsCaptureOnce(t *testing.T) {
	s := start(t, file(t), Options{Faults: Faults{Duplicate: true}})
	const keys, senders = 20, 3
	var all sync.WaitGroup
	references := make([][senders]string, keys)
	for k := range keys {
		for n := range senders {
			all.Go(func() {
				_, a := s.charge(fmt.Sprint("k", k), "ok")
				references[k][n] = a.Reference
			})
		}
	}
	all.Wait()
	for k, got := range references {
		if got[0] == "" || got[0] != got[1] || got[1] != got[2] {
			t.Errorf("k%d: got references %q, want the same", k, got)
		}
	}
	if got := s.calls("k0"); len(got) != 2*senders {
		t.Errorf("got %d calls, want %d: %q", len(got), 2*senders, got)
	}
	items, _, err := open(t, s.file).page(t.Context(), 0, 1000)
	if err != nil || len(items) != keys {
		t.Errorf("got %d charges, %v; want %d", len(items), err, keys)
	}
}

// A request that was delayed on its way arrives after its caller has given up and has
// voided the key.
func TestDelayedRequestDoesNotCaptureAfterVoid(t *testing.T) {
	s := start(t, file(t), Options{Slow: 300 * time.Millisecond})
	sent := make(chan int, 1)
	go func() {
		code, _ := s.charge("k", "slow")
		sent <- code
	}()
	s.do("POST", "/charges/k/void", nil)
	if code := <-sent; code != http.StatusConflict {
		t.Errorf("delayed charge: got %d, want 409", code)
	}
	if got, want := s.calls("k"), []string{"void voided", "charge voided"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A request goes on although its caller has gone: the network does not know.
func TestRequestOutlivesItsCaller(t *testing.T) {
	s := start(t, file(t), Options{Faults: Faults{Slow: Duration(100 * time.Millisecond)}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+"/charges/k/void", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("got an answer, want a timeout")
	}
	eventually(t, "the void is stored", func() bool {
		code, _ := s.do("GET", "/charges/k", nil)
		return code == 200
	})
}

func TestFaultsSwitch(t *testing.T) {
	s := start(t, file(t), Options{})
	s.faults(`{"down":true}`)
	if code, _ := s.charge("k", "ok"); code != 503 {
		t.Errorf("down: got %d, want 503", code)
	}
	if code, _ := s.do("GET", "/charges/k", nil); code != 503 {
		t.Errorf("lookup while down: got %d, want 503", code)
	}
	s.faults(`{"hold":"60ms"}`)
	s.faults(`{"down":false}`)
	begin := time.Now()
	if code, _ := s.charge("k", "timeout_lost"); code != 0 {
		t.Errorf("lost: got %d, want no answer", code)
	}
	if took := time.Since(begin); took < 60*time.Millisecond {
		t.Errorf("cut after %v, want at least 60ms: what is absent stays as it is", took)
	}
}

const childFile = "SIMULATOR_TEST_FILE"

// TestMain is a simulator when it is started by TestKilled.
func TestMain(m *testing.M) {
	path := os.Getenv(childFile)
	if path == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Println("http://" + l.Addr().String())
		err = Run(context.Background(), l, path, Options{})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// What was answered is found after SIGKILL.
func TestKilled(t *testing.T) {
	path := file(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := &running{t: t}
	if _, err := fmt.Fscan(out, &killed.url); err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 10_000)
	var all sync.WaitGroup
	for n := range 10 {
		all.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprint("k", n, "-", i)
				code := 0
				if n%2 == 0 {
					code, _ = killed.charge(key, "ok")
				} else if code, _ = killed.authorize(key, "ok"); code == 200 {
					code, _ = killed.capture(key)
				}
				if code != 200 {
					return
				}
				answered <- key
			}
		})
	}
	eventually(t, "200 answers", func() bool { return len(answered) > 200 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the process ended by itself")
	}
	all.Wait()
	close(answered)

	s := start(t, path, Options{})
	checked := 0
	for key := range answered {
		if code, a := s.do("GET", "/charges/"+key, nil); code != 200 || a.Status != captured {
			t.Errorf("%s was answered; found %d %s", key, code, a.Status)
		}
		checked++
	}
	t.Logf("%d answered charges, all looked up", checked)
}
