package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A Server is a real server that is a test's own, so that it can be stopped and wiped.
type Server struct {
	t        *testing.T
	name     string
	settings []string
}

// NewServer starts a server of scripts/servers, in a folder and on ports of its own.
func NewServer(t *testing.T, name string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "tidewire-lab-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // some servers are run by users of their own
	}
	if err != nil {
		t.Fatal(err)
	}
	share(t, dir)
	s := &Server{t: t, name: name, settings: append(os.Environ(), "TIDEWIRE_SERVERS="+dir,
		fmt.Sprintf("TIDEWIRE_%s_PORT=%d", strings.ToUpper(name), ports(t)))}
	t.Cleanup(func() {
		s.Do("wipe")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.Do("up")
	return s
}

// share lends a folder the programs that were fetched for the servers of all tests.
func share(t *testing.T, dir string) {
	t.Helper()
	all := os.Getenv("TIDEWIRE_SERVERS")
	if all == "" {
		all = "/var/tmp/tidewire-servers"
	}
	fetched, err := filepath.Glob(filepath.Join(all, "*-[0-9]*"))
	for _, f := range fetched {
		if err == nil {
			err = os.Symlink(f, filepath.Join(dir, filepath.Base(f)))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ports returns the first of ten that are free, below those that clients are given.
func ports(t *testing.T) int {
	t.Helper()
tries:
	for range 100 {
		first := 20000 + 10*rand.IntN(1000)
		for p := first; p < first+10; p++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				continue tries
			}
			_ = l.Close() // it was free
		}
		return first
	}
	t.Fatal("there are no ten free ports in a row")
	return 0
}

// Do is a verb of scripts/servers: up, down, kill9, pause, resume, wipe.
func (s *Server) Do(verb string) {
	s.t.Helper()
	if out, err := s.script(verb).CombinedOutput(); err != nil {
		s.t.Errorf("scripts/servers %s %s: %v\n%s", verb, s.name, err, out)
	}
}

func (s *Server) script(verb string) *exec.Cmd {
	cmd := exec.Command("../../scripts/servers", verb, s.name)
	cmd.Env = s.settings
	return cmd
}

// URL is the value of a name that the server's env prints.
func (s *Server) URL(name string) string {
	s.t.Helper()
	out, err := s.script("env").Output()
	found := regexp.MustCompile(`(?m)^export ` + name + `='(.*)'$`).FindSubmatch(out)
	if err != nil || found == nil {
		s.t.Fatalf("scripts/servers env %s: %v, no %s in\n%s", s.name, err, name, out)
	}
	return string(found[1])
}
