package redis_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	client "github.com/redis/go-redis/v9"
	"github.com/tidewire/tidewire/driver/redis"
	"github.com/tidewire/tidewire/toolkit/run"
)

// address returns the real server's.
func address(t testing.TB, name string) string {
	t.Helper()
	url := os.Getenv(name)
	if url == "" {
		t.Skipf("%s is not set: Redis was not tested; eval \"$(scripts/servers env redis)\" after scripts/servers up redis", name)
	}
	return url
}

// with adds a parameter to an address.
func with(url, parameter string) string {
	if strings.Contains(url, "?") {
		return url + "&" + parameter
	}
	return url + "?" + parameter
}

// open returns the server at an address, closed at the end of t.
func open(t testing.TB, url string) *redis.Server {
	t.Helper()
	s, err := redis.New(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// own is a prefix that nobody else has.
func own() string { return "prefix=t-" + uuid.NewString() }

// broadcasts returns a Broadcast that runs until the end of t.
func broadcasts(t testing.TB, url string, p *run.Process) *redis.Broadcast {
	t.Helper()
	b, err := redis.NewBroadcast(open(t, url), p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it does not end within ten seconds")
		}
	})
	return b
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !is() {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// An ownServer is a Redis for one test, that may be paused and killed.
type ownServer struct {
	t    *testing.T
	env  []string
	port int
	dir  string
}

func newServer(t *testing.T) *ownServer {
	t.Helper()
	address(t, "TIDEWIRE_TEST_REDIS")
	s := &ownServer{t: t, port: freePort(t), dir: t.TempDir()}
	s.env = append(os.Environ(), "TIDEWIRE_SERVERS="+s.dir, fmt.Sprintf("TIDEWIRE_REDIS_PORT=%d", s.port))
	t.Cleanup(func() { s.run("wipe") })
	s.run("up")
	return s
}

func (s *ownServer) run(verb string) {
	s.t.Helper()
	c := exec.Command("../../scripts/servers", verb, "redis")
	c.Env = s.env
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("scripts/servers %s: %v\n%s", verb, err, out)
	}
}

// url is the server's address, with a user and a password.
func (s *ownServer) url(user string) string {
	return fmt.Sprintf("redis://%s127.0.0.1:%d", user, s.port)
}

func (s *ownServer) secure(parameters string) string {
	return fmt.Sprintf("rediss://127.0.0.1:%d%s", s.port+1, parameters)
}

func (s *ownServer) ca() string { return filepath.Join(s.dir, "redis", "tls", "ca.pem") }

// do has the server obey commands.
func (s *ownServer) do(commands ...string) {
	s.t.Helper()
	c := client.NewClient(&client.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.port)})
	defer c.Close()
	for _, command := range commands {
		var words []any
		for _, w := range strings.Fields(command) {
			words = append(words, w)
		}
		if err := c.Do(s.t.Context(), words...).Err(); err != nil {
			s.t.Fatalf("%s: %v", command, err)
		}
	}
}

// freePort looks below the ports that outgoing connections get, for two in a row.
func freePort(t *testing.T) int {
	t.Helper()
	free := func(port int) bool {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err == nil && l.Close() == nil
	}
	for port := 20000 + os.Getpid()%10000; port < 32000; port++ {
		if free(port) && free(port+1) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
