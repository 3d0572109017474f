package powercut

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A visit is a load on the platform.
type visit struct {
	cmd       *exec.Cmd
	out, diag strings.Builder
	ended     chan error
}

// visit places orders for some time, in the background.
func (m *machine) visit(t *testing.T, length time.Duration) *visit {
	t.Helper()
	v := &visit{ended: make(chan error, 1)}
	v.cmd = exec.Command(m.binary, "load", "--url", m.gate.url(), "--ledger", m.ledger, "--json", "--for", length.String(), "--rate", "60", "--mix", "0.2")
	v.cmd.Stdout, v.cmd.Stderr = &v.out, &v.diag
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.cmd.Process.Kill() })
	go func() { v.ended <- v.cmd.Wait() }()
	return v
}

// A report is what tidewire load --json says, as far as it is looked at.
type report struct{ Accepted, Completed, Failed, Rejected, Unknown, Unfinished int }

// end waits for the end of the load.
func (v *visit) end(t *testing.T) (r report, err error) {
	t.Helper()
	select {
	case err = <-v.ended:
	case <-time.After(10 * time.Minute):
		t.Fatal("load does not end within ten minutes")
	}
	if jerr := json.Unmarshal([]byte(v.out.String()), &r); jerr != nil {
		t.Fatalf("load: %v, %v\n%s", err, jerr, v.diag.String())
	}
	return r, err
}

// A verdict is what tidewire audit --json says, as far as it is looked at.
type verdict struct {
	Checks []struct {
		Promise    string
		Checked    int
		Violations int
		Examples   []string
	}
}

// violations is how many there are in all.
func (v verdict) violations() (n int) {
	for _, c := range v.Checks {
		n += c.Violations
	}
	return n
}

// settle audits until there is no violation, and returns how many are left when
// patience is over. What the customers do not wait for may still be done after them: a
// refund, or the end of a service that reads carefully because it was stopped twice.
func (m *machine) settle(t *testing.T, patience time.Duration) int {
	t.Helper()
	began := time.Now()
	v := m.audit(t)
	for v.violations() > 0 && time.Since(began) < patience {
		<-time.After(time.Second)
		v = m.audit(t)
	}
	for _, c := range v.Checks {
		if c.Violations > 0 {
			t.Logf("%s: %d of %d: %s", c.Promise, c.Violations, c.Checked, strings.Join(c.Examples, "; "))
		}
	}
	t.Logf("%d violations %v after the last order", v.violations(), time.Since(began).Round(time.Millisecond))
	return v.violations()
}

// audit compares everything that is stored with what the customers know.
func (m *machine) audit(t *testing.T) (v verdict) {
	t.Helper()
	cmd := exec.Command(m.binary, "audit", "--data", filepath.Join(m.dir, "data"), "--ledger", m.ledger, "--sole", "--final", "--json")
	cmd.Env = m.env
	out, err := cmd.Output()
	if jerr := json.Unmarshal(out, &v); jerr != nil || len(v.Checks) == 0 {
		t.Fatalf("audit: %v, %v: %s", err, jerr, out)
	}
	if (err != nil) != (v.violations() > 0) {
		t.Fatalf("audit found %d violations and ended with %v", v.violations(), err)
	}
	return v
}
