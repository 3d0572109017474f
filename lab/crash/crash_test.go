package crash

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// recovery is how long a platform may take from its start to its first answer.
const recovery = 5 * time.Second

// pause draws how long the platform runs until its next stop: often very short, so that
// it is stopped while it recovers, at most two seconds.
func pause() time.Duration {
	return time.Duration(float64(20*time.Millisecond) * math.Pow(100, rand.Float64()))
}

// TestKill kills every process of the platform at random moments under load, on each
// database: nothing is lost, doubled or stuck.
func TestKill(t *testing.T) {
	for _, tt := range []struct {
		name string
		url  func(*testing.T) string
	}{
		{"sqlite", func(*testing.T) string { return "" }},
		{"postgres", postgres},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.url(t))
			i := r.instance(t, r.data)
			i.start(t)
			n := stops(t)
			wait := i.load(t, "--for", fmt.Sprint(time.Duration(n)*time.Second), "--rate", "150", "--mix", "0.2")
			slowest := time.Duration(0)
			for range n {
				timer := time.NewTimer(pause())
				<-timer.C
				if err := i.signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				i.start(t)
				i.accepts(t)
				slowest = max(slowest, time.Since(began))
			}
			report := wait()
			t.Logf("%d kills; slowest recovery %v; %v accepted, %v completed, %v failed, %v unknown, %v unfinished", n, slowest.Round(time.Millisecond),
				report["accepted"], report["completed"], report["failed"], report["unknown"], report["unfinished"])
			if slowest > recovery {
				t.Errorf("slowest recovery took %v; want at most %v", slowest, recovery)
			}
			r.audit(t)
		})
	}
}

// TestTwoInstances runs every service twice on one PostgreSQL. Every moment one of the
// two is killed, or stopped past its leases and resumed, so that it wakes up believing
// in what is no longer its own.
func TestTwoInstances(t *testing.T) {
	r := newRig(t, postgres(t))
	a, b := r.instance(t, r.data), r.instance(t, t.TempDir())
	a.start(t)
	b.start(t)
	n := max(2, stops(t)/4)
	wait := a.load(t, "--for", fmt.Sprint(time.Duration(n)*4*time.Second), "--rate", "100", "--mix", "0.2")
	for k := range n {
		victim := []*instance{a, b}[k%2]
		stop := []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP}[k/2%2]
		if err := victim.signal(stop); err != nil {
			t.Fatal(err)
		}
		away := 4 * time.Second // longer than any lease
		if stop == syscall.SIGKILL {
			away = 500 * time.Millisecond
		}
		timer := time.NewTimer(away)
		<-timer.C
		if stop == syscall.SIGKILL {
			victim.start(t)
		} else if err := victim.signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d stops: %v", n, wait())
	r.audit(t)
}
