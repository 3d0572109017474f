package powercut

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A server is PostgreSQL, with all its files on one disk.
type server struct {
	bin, data, port, log string
	cmd                  *exec.Cmd
}

// newServer makes and starts one, or skips t where it is not installed.
func newServer(t *testing.T, d *disk) *server {
	t.Helper()
	versions, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(versions) == 0 {
		t.Skip("PostgreSQL is not installed, so its power was not cut; scripts/servers up postgres installs it")
	}
	slices.Sort(versions)
	s := &server{bin: versions[len(versions)-1], data: filepath.Join(d.dir, "postgres"), port: port(t), log: filepath.Join(t.TempDir(), "postgres.log")}
	t.Cleanup(s.stop)
	if err := os.Mkdir(s.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := command("chown", "postgres:", s.data); err != nil {
		t.Fatal(err)
	}
	if err := s.program("initdb", "-D", s.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums").Run(); err != nil {
		t.Fatalf("initdb: %v", err)
	}
	s.boot(t)
	return s
}

func (s *server) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", s.port)
}

// program is a command of PostgreSQL, as the user that it insists on: anybody but root.
func (s *server) program(name string, args ...string) *exec.Cmd {
	args = append([]string{"--reuid=postgres", "--regid=postgres", "--init-groups", "env", "LC_ALL=C.UTF-8", filepath.Join(s.bin, name)}, args...)
	cmd := exec.Command("setpriv", args...)
	cmd.Dir = "/"
	return cmd
}

// boot starts the server with the durability that it has by default, and returns when
// it answers.
func (s *server) boot(t *testing.T) {
	t.Helper()
	s.cmd = s.program("postgres", "-D", s.data, "-p", s.port, "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200")
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); s.program("pg_isready", "-q", "-h", "127.0.0.1", "-p", s.port).Run() != nil; <-tick.C {
		if time.Since(began) > 30*time.Second {
			said, _ := os.ReadFile(s.log) // may be missing
			t.Fatalf("PostgreSQL does not start within 30 s\n%s", said)
		}
	}
}

// kill ends all of the server.
func (s *server) kill() {
	end(s.cmd)
	s.cmd = nil
}

// stop ends the server so that it takes back its shared memory.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process.Signal(syscall.SIGQUIT) == nil {
		_ = s.cmd.Wait() // what becomes of its data does not matter any more
	}
	s.cmd = nil
}

// TestPostgres cuts the power of PostgreSQL and of the platform on it at once. The
// payment provider keeps its file on the same disk.
func TestPostgres(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	newMachine(t, d, build(t, ""), newServer(t, d)).survives(t, cuts(t))
}
