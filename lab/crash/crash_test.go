package crash

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/lab/rig"
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
		{"postgres", rig.Postgres},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, "database="+tt.url(t))
			i := r.Instance(r.Data())
			i.Start()
			n := stops(t)
			wait := r.Load(i.URL(), "--for", fmt.Sprint(time.Duration(n)*time.Second), "--rate", "150", "--mix", "0.2")
			slowest := time.Duration(0)
			for range n {
				timer := time.NewTimer(pause())
				<-timer.C
				if err := i.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				i.Start()
				i.Accepts()
				slowest = max(slowest, time.Since(began))
			}
			report := wait()
			t.Logf("%d kills; slowest recovery %v; %+v", n, slowest.Round(time.Millisecond), report)
			if slowest > recovery {
				t.Errorf("slowest recovery took %v; want at most %v", slowest, recovery)
			}
			r.Audit()
		})
	}
}

// TestTwoInstances runs every service twice on one PostgreSQL. Every moment one of the
// two is killed, or stopped past its leases and resumed, so that it wakes up believing
// in what is no longer its own.
func TestTwoInstances(t *testing.T) {
	r := rig.New(t, "database="+rig.Postgres(t))
	a, b := r.Instance(r.Data()), r.Instance(t.TempDir())
	a.Start()
	b.Start()
	n := max(2, stops(t)/4)
	wait := r.Load(a.URL(), "--for", fmt.Sprint(time.Duration(n)*4*time.Second), "--rate", "100", "--mix", "0.2")
	for k := range n {
		victim := []*rig.Instance{a, b}[k%2]
		stop := []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP}[k/2%2]
		if err := victim.Signal(stop); err != nil {
			t.Fatal(err)
		}
		away := 4 * time.Second // longer than any lease
		if stop == syscall.SIGKILL {
			away = 500 * time.Millisecond
		}
		timer := time.NewTimer(away)
		<-timer.C
		if stop == syscall.SIGKILL {
			victim.Start()
		} else if err := victim.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d stops: %+v", n, wait())
	r.Audit()
}

// stops is how often the platform is to be stopped.
func stops(t *testing.T) int {
	s := os.Getenv("TIDEWIRE_STOPS")
	if s == "" {
		return 20
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("TIDEWIRE_STOPS: %v", err)
	}
	return n
}
