package poison

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A platform is the built binary on a directory and two doors, which stay through restarts.
type platform struct {
	*testing.T
	binary, data string
	listen       string
	admin        string
	cmd          *exec.Cmd
	log          bytes.Buffer // of all its lives, each of which is over before the next begins
}

// newPlatform builds it; it does not run yet.
func newPlatform(t *testing.T) *platform {
	p := &platform{T: t, binary: filepath.Join(t.TempDir(), "tidewire"), data: filepath.Join(t.TempDir(), "data"), listen: free(t), admin: free(t)}
	if out, err := exec.Command("go", "build", "-o", p.binary, "../../cmd/tidewire").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		p.stop(syscall.SIGKILL)
		if said := p.log.String(); t.Failed() {
			t.Logf("the end of its log: %s", said[max(0, len(said)-4000):])
		}
	})
	return p
}

// free returns an address where nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// command is one of the binary's, about this platform and no other.
func (p *platform) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.binary, append(args, "--set", "admin="+p.admin, "--set", "listen="+p.listen)...)
	cmd.Dir = p.TempDir()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TIDEWIRE_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// start runs the platform, and returns once it is ready.
func (p *platform) start() {
	p.Helper()
	p.cmd = p.command("up", "--data", p.data, "--set", "log.level=error")
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "ready") {
		p.Fatalf("up said %q, %v; want a line with ready", line, err)
	}
}

// stop ends it with a signal, and returns once it is gone.
func (p *platform) stop(s syscall.Signal) {
	if p.cmd == nil {
		return
	}
	err := p.cmd.Process.Signal(s)
	if ended := p.cmd.Wait(); s == syscall.SIGTERM {
		err = errors.Join(err, ended)
	}
	p.cmd = nil
	if err != nil {
		p.Errorf("stop by %v: %v", s, err)
	}
}

// tidewire runs a command to its end, which must be a good one, and reads its JSON into into.
func (p *platform) tidewire(into any, args ...string) {
	p.Helper()
	cmd := p.command(args...)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		p.Fatalf("%v: %v\n%s%s", args, err, &out, &diag)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		p.Fatalf("%v: %v\n%s", args, err, &out)
	}
}

var errBusy = errors.New("not at the moment")

// ask sends a request to a door, and reads the answer if it is of that status.
func (p *platform) ask(want int, method, url, body string, into any) error {
	req, err := http.NewRequestWithContext(p.Context(), method, "http://"+url, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %.300s", errBusy, text)
	case resp.StatusCode != want:
		return fmt.Errorf("%s %s: %s, %.300s", method, url, resp.Status, text)
	case into == nil:
		return nil
	}
	return json.Unmarshal(text, into)
}

// until polls until a condition holds.
func (p *platform) until(what string, holds func() bool) {
	p.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(2 * time.Minute); !holds(); <-tick.C {
		if time.Now().After(limit) {
			p.Fatalf("within two minutes it was not so: %s", what)
		}
	}
}

// in does something with a database of the platform while that does not run.
func (p *platform) in(file string, do func(*store.Tx) error) {
	p.Helper()
	d, err := sqlite.Open(p.Context(), filepath.Join(p.data, file+".db"), nil)
	if err != nil {
		p.Fatal(err)
	}
	db := store.Open(file, d)
	_, err = db.Update(p.Context(), nil, do)
	if err := errors.Join(err, db.Close()); err != nil {
		p.Fatalf("%s: %v", file, err)
	}
}

// count counts rows, and those that are different in a column.
func (p *platform) count(file, column, from string) (all, different int) {
	p.Helper()
	p.in(file, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&all, &different}, fmt.Sprintf(`SELECT COUNT(*), COUNT(DISTINCT %s) FROM %s`, column, from))
		return err
	})
	return all, different
}
