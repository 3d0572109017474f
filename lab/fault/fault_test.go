package fault

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/lab/rig"
)

// recovery is how long after a server is back an order may take.
const recovery = 10 * time.Second

// A world is a platform of two instances on servers of its own.
type world struct {
	*testing.T
	*rig.Rig
	here, there *rig.Instance
	servers     map[string]*rig.Server
}

// keys are the settings that put the platform on each server. They have the names that
// scripts/servers env prints, in capitals.
var keys = []struct{ server, key string }{
	{"postgres", "database"},
	{"kafka", "streams"},
	{"rabbitmq", "queues"},
	{"redis", "cache"},
}

func newWorld(t *testing.T) *world {
	if os.Getenv("TIDEWIRE_TEST_POSTGRES") == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: no faults of servers were tested")
	}
	w := &world{T: t, servers: map[string]*rig.Server{}}
	var settings []string
	for _, k := range keys {
		w.servers[k.server] = rig.NewServer(t, k.server)
		settings = append(settings, k.key+"="+w.servers[k.server].URL("TIDEWIRE_"+strings.ToUpper(k.key)))
	}
	w.Rig = rig.New(t, settings...)
	w.here, w.there = w.Instance(w.Data()), w.Instance(t.TempDir())
	w.here.Start()
	w.there.Start()
	return w
}

// A fault is something that is done to a server, and what ends it.
type fault struct {
	name   string
	begin  string
	length time.Duration
	end    string
	wipes  bool // what the server has is gone: not for the one that is the truth
}

// faults are what befalls each server. A pause is longer than any lease.
func faults() []fault {
	pause := 5 * time.Second
	if stops() > 0 {
		pause = 30 * time.Second
	}
	return []fault{
		{"is restarted", "down", 0, "up", false},
		{"is killed", "kill9", 300 * time.Millisecond, "up", false},
		{"is paused", "pause", pause, "resume", false},
		{"is wiped", "wipe", 300 * time.Millisecond, "up", true},
	}
}

// stops is how many random faults there are to be, in a soak.
func stops() int {
	n, _ := strconv.Atoi(os.Getenv("TIDEWIRE_STOPS")) // none: no soak
	return n
}

// befall lets a fault happen, and returns how long after its end an order was completed.
func (w *world) befall(server string, f fault) time.Duration {
	w.Helper()
	w.servers[server].Do(f.begin)
	rest(f.length)
	w.servers[server].Do(f.end)
	return w.recovers()
}

// recovers returns how long it takes until both instances take orders, and complete one.
func (w *world) recovers() time.Duration {
	w.Helper()
	began := time.Now()
	for _, i := range []*rig.Instance{w.here, w.there} {
		var o struct{ ID, Status string }
		w.Until("an order is taken", func() bool {
			return i.Ask(http.StatusAccepted, "POST", i.Listen()+"/api/orders", `{"userId":"1","productId":"1","quantity":1}`, &o) == nil
		})
		w.Until("it is completed", func() bool {
			return i.Ask(http.StatusOK, "GET", i.Listen()+"/api/orders/"+o.ID, "", &o) == nil && o.Status == "completed"
		})
	}
	return time.Since(began)
}

func rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
}

// TestServers has each server suffer each fault, one after the other, while customers order.
func TestServers(t *testing.T) {
	if stops() == 0 {
		t.Skip("without TIDEWIRE_STOPS: faults under load take minutes; each driver's tests have them by themselves")
	}
	w := newWorld(t)
	end := w.order("20")
	rest(3 * time.Second)
	t.Logf("undisturbed, an order is completed after %v", w.recovers().Round(time.Millisecond))
	for _, k := range keys {
		for _, f := range faults() {
			if f.wipes && k.server == "postgres" {
				continue
			}
			took := w.befall(k.server, f)
			t.Logf("%s %s: an order is completed after %v", k.server, f.name, took.Round(time.Millisecond))
			if took > recovery {
				t.Errorf("%s %s: an order took %v after it was back, want at most %v", k.server, f.name, took, recovery)
			}
		}
	}
	end()
}

// order has customers order until the function that it returns is called, and that waits
// until all have what they ordered, and looks at everything.
func (w *world) order(rate string) (end func()) {
	w.Helper()
	const portion = 10 // seconds
	done, ended := make(chan struct{}), make(chan rig.Report)
	go func() {
		var all rig.Report
		for going := true; going; {
			select {
			case <-done:
				going = false
			default:
			}
			r := w.Load(w.here.URL(), "--for", fmt.Sprint(portion, "s"), "--rate", rate, "--mix", "0.2")()
			all.Accepted, all.Completed, all.Failed = all.Accepted+r.Accepted, all.Completed+r.Completed, all.Failed+r.Failed
			all.Unknown, all.Unfinished = all.Unknown+r.Unknown, all.Unfinished+r.Unfinished
		}
		ended <- all
	}()
	return func() {
		w.Helper()
		close(done)
		all := <-ended
		w.Logf("%+v", all)
		if all.Unfinished > 0 || all.Unknown > 0 || all.Completed == 0 {
			w.Errorf("%+v: want every order answered, and ended", all)
		}
		w.Settle()
		w.here.Stop()
		w.there.Stop()
		w.Audit("--final", "--rest")
	}
}

// TestMixed kills and pauses services and servers at random, some of them at once.
func TestMixed(t *testing.T) {
	n := stops()
	if n == 0 {
		t.Skip("without TIDEWIRE_STOPS: random faults take minutes; TestServers has each of them once")
	}
	w := newWorld(t)
	end := w.order("20")
	for k := range n / 2 {
		victim := rand.IntN(len(keys) + 2)
		if victim < len(keys) {
			all := faults()
			f := all[rand.IntN(len(all))]
			if keys[victim].server == "postgres" && f.wipes {
				f = all[0]
			}
			t.Logf("%d: %s %s: an order is completed after %v", k, keys[victim].server, f.name, w.befall(keys[victim].server, f).Round(time.Millisecond))
			continue
		}
		i := []*rig.Instance{w.here, w.there}[victim-len(keys)]
		if err := i.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		rest(time.Duration(rand.IntN(1000)) * time.Millisecond)
		i.Start()
		t.Logf("%d: an instance is killed: an order is completed after %v", k, w.recovers().Round(time.Millisecond))
	}
	end()
}
