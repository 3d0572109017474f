package kafka_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A Kafka of its own is stopped, killed, paused and wiped while a journal is forwarded and
// read: nothing is lost, done twice or out of order. It takes minutes: make soak runs it.
func TestServerStops(t *testing.T) {
	if os.Getenv("TIDEWIRE_STOPS") == "" {
		t.Skip("stopping a server of its own takes minutes: make soak does")
	}
	dir, port := t.TempDir(), "21992"
	root := os.Getenv("TIDEWIRE_SERVERS")
	if root == "" {
		root = "/var/tmp/tidewire-servers"
	}
	installed, _ := filepath.Glob(filepath.Join(root, "kafka-*")) // what is installed is installed once
	for _, libs := range installed {
		if err := os.Symlink(libs, filepath.Join(dir, filepath.Base(libs))); err != nil {
			t.Fatal(err)
		}
	}
	servers := func(verb string) {
		t.Helper()
		cmd := exec.Command("../../scripts/servers", verb, "kafka")
		cmd.Env = append(os.Environ(), "TIDEWIRE_SERVERS="+dir, "TIDEWIRE_KAFKA_PORT="+port)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", verb, err, out)
		}
	}
	t.Cleanup(func() { servers("wipe") })
	servers("up")
	t.Setenv("TIDEWIRE_TEST_KAFKA", "kafka://127.0.0.1:"+port)
	y := newYard(t, onPostgres())
	y.forward()
	y.follow(nil)
	for _, fault := range [][]string{{"down", "up"}, {"kill9", "up"}, {"pause", "resume"}, {"wipe", "up"}, {"kill9", "wipe", "up"}} {
		y.say(200)
		for _, verb := range fault {
			y.say(100)
			servers(verb)
			y.say(100)
			if verb == "pause" {
				<-time.After(20 * time.Second) // longer than a batch may take
			}
		}
		y.say(200)
		y.wantAll()
		t.Logf("%v: all %d are there", fault, y.n)
	}
}
