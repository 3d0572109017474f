package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/shop/order"
)

// wired puts a platform together on databases of its own. Nothing of it runs.
func wired(t *testing.T, set ...string) *platform {
	t.Helper()
	m, err := operate.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	l, err := config.Load(config.Source{Set: set, Flags: map[string]string{"data": t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wire(t.Context(), l.Config, m.Meter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestTopology(t *testing.T) {
	p := wired(t)
	if got, want := len(p.members), len(schemas()); got != want {
		t.Errorf("%d members and %d schemas", got, want)
	}
	for _, m := range p.members {
		if _, ok := schemas()[m.name()]; !ok {
			t.Errorf("%s has no schema", m.name())
		}
		seen := map[string]bool{}
		for _, h := range m.streams {
			if seen[h.Log+" "+h.Kind] {
				t.Errorf("%s handles %s of %s twice", m.name(), h.Kind, h.Log)
			}
			seen[h.Log+" "+h.Kind] = true
			if h.Log == m.name() {
				t.Errorf("%s follows itself", m.name())
			}
		}
		for _, q := range queueNames(m) {
			if !strings.HasPrefix(q, m.name()+"_") {
				t.Errorf("queue %s is not named after %s", q, m.name())
			}
		}
	}
	if got := len(p.parts(nil)); got != 1+18+6+1+4+2+2+len(p.members) {
		t.Errorf("got %d parts, want the look for what stands still, 18 readers, 6 workers, who answers questions, a look for what has expired, payment's reconciliation, who follows the parcels, the watch of the mails, two views that can be made anew, two that are shown live and a pruner for each service", got)
	}
	if got := len(p.parts([]string{"shipping"})); got != 1+2+2+1+1 {
		t.Errorf("got %d parts of shipping, want the look for what stands still, 2 readers, 2 workers, who follows the parcels and a pruner", got)
	}
	if got, without := len(wired(t, "mail=smtp://127.0.0.1:1").parts(nil)), len(p.parts(nil)); got != without+1 {
		t.Errorf("got %d parts with a mail server, %d without; want a worker more", got, without)
	}
	var readers []string
	for _, db := range p.readersOf("order") {
		readers = append(readers, db.Service())
	}
	slices.Sort(readers)
	if got := strings.Join(readers, " "); got != "analytics inventory notification payment shipping" {
		t.Errorf("the order log is read by %s", got)
	}
}

// The page that draws the flow is made of the same list: what a service handles beside
// it would happen unseen, and what it does not handle would be drawn and never happen.
func TestServicesFollowWhatTheFlowSays(t *testing.T) {
	for _, m := range wired(t).members {
		var got []string
		for _, h := range m.streams {
			got = append(got, h.Kind)
		}
		want := order.Follows(m.name())
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s follows     %v\nthe flow says %v", m.name(), got, want)
		}
	}
}

func TestALogThatNobodyHas(t *testing.T) {
	p := wired(t)
	delete(p.logs, "shipping")
	if err := p.check(); err == nil || !strings.Contains(err.Error(), "service order follows the log shipping") {
		t.Errorf("got %v", err)
	}
}

func TestDemoIsThereOnce(t *testing.T) {
	p := wired(t)
	for range 2 {
		if err := p.demo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.databases["product"].Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.demo(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "demo catalogue: ") {
		t.Errorf("without a database: got %v", err)
	}
}

func TestOneDatabaseThatDoesNotOpenLeavesNoneOpen(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "order.db")
	if err := os.WriteFile(bad, []byte(strings.Repeat("no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openEngine(t.Context(), config.Config{Data: dir}, schemas()); err == nil || !strings.HasPrefix(err.Error(), "database of order: ") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	e, err := openEngine(t.Context(), config.Config{Data: dir}, schemas())
	if err != nil {
		t.Fatalf("without it: %v", err)
	}
	if err := e.close(); err != nil {
		t.Error(err)
	}
}

func TestKnownServices(t *testing.T) {
	if err := knownServices([]string{"order", "payment"}); err != nil {
		t.Error(err)
	}
	err := knownServices([]string{"order", "orders"})
	if err == nil || !strings.Contains(err.Error(), `"orders"`) || !strings.Contains(err.Error(), "analytics, inventory, notification, order, payment") {
		t.Errorf("got %v", err)
	}
}
