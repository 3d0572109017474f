package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// database makes a database of its own on the real server, and returns its URL.
func database(t *testing.T) string {
	t.Helper()
	server := os.Getenv("TIDEWIRE_TEST_POSTGRES")
	if server == "" {
		t.Skip(`skipped: the platform on PostgreSQL; eval "$(scripts/servers env)" after scripts/servers up postgres`)
	}
	name := fmt.Sprintf("tidewire_e2e_%d", time.Now().UnixNano())
	do := func(statement string) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, server)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	do("CREATE DATABASE " + name)
	t.Cleanup(func() { do("DROP DATABASE " + name + " WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func TestTwoInstancesOnPostgres(t *testing.T) {
	db := database(t)
	data := filepath.Join(t.TempDir(), "one")
	ledger := filepath.Join(t.TempDir(), "ledger")
	one := up(t, data, "--set", "database="+db)
	two := up(t, filepath.Join(t.TempDir(), "two"), "--set", "database="+db, "--set", "payment.simulator="+one.simulator)
	for _, r := range []*running{one, two} {
		r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
		r.ends(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"declined"}}`, "failed", "payment_declined")
	}
	done := make(chan string, 1)
	go func() {
		exit, out, stderr := tidewire(t, one.flags("load", "--orders", "500", "--clients", "8", "--mix", "0.2", "--ledger", ledger)...)
		done <- fmt.Sprintf("exit %d\n%s%s", exit, out, stderr)
	}()
	eventually(t, "orders come in", func() bool {
		_, o := one.do("GET", "/api/orders?final=true&limit=50", "")
		items, _ := o["items"].([]any)
		return len(items) == 50
	})
	two.kill()
	if got := <-done; !strings.HasPrefix(got, "exit 0\n") {
		t.Errorf("load: %s", got)
	}
	exit, out, stderr := tidewire(t, one.flags("audit", "--set", "database="+db, "--ledger", ledger, "--final")...)
	if exit != exitDone {
		t.Errorf("audit: exit %d\n%s%s", exit, out, stderr)
	}
	if exit, took := one.term(); exit != exitDone || took > 10*time.Second {
		t.Errorf("SIGTERM: exit %d after %v", exit, took)
	}
}

// The provider is by itself, as the README has it: audit is told where its ledger is.
func TestAuditWithAProviderElsewhere(t *testing.T) {
	db, dir := database(t), t.TempDir()
	ledger := filepath.Join(dir, "provider.db")
	addr, _ := elsewhere(t, "", ledger)
	r := up(t, filepath.Join(dir, "one"), "--set", "database="+db, "--set", "payment.simulator=http://"+addr)
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")

	audit := r.flags("audit", "--set", "database="+db)
	exit, out, stderr := tidewire(t, audit...)
	missing := "the payment provider's ledger is not at " + filepath.Join(r.data, "simulator.db") + ": say where it is with --provider FILE"
	if exit != exitFound || strings.Count(out, missing) != 1 || strings.Count(out, "BROKEN") != 1 || !strings.Contains(out, "NOT CHECKED") {
		t.Errorf("without its ledger: exit %d\n%s%s", exit, out, stderr)
	}
	exit, out, _ = tidewire(t, append(audit, "--json")...)
	if exit != exitFound || !strings.Contains(out, missing) || !strings.Contains(out, `"notChecked": "needs the payment provider's ledger"`) || strings.Contains(out, "pg_temp") {
		t.Errorf("without its ledger, in JSON: exit %d\n%s", exit, out)
	}
	if exit, out, stderr := tidewire(t, append(audit, "--provider", ledger)...); exit != exitDone || strings.Contains(out, "NOT CHECKED") {
		t.Errorf("with its ledger: exit %d\n%s%s", exit, out, stderr)
	}
}

// A cable leads to a server until it is cut.
type cable struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	cut      bool
	open     []net.Conn
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, to: to}
	t.Cleanup(func() { l.Close(); c.set(true) })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil || !c.keep(near, far) {
				near.Close()
				continue
			}
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(near, far); near.Close() }()
		}
	}()
	return c
}

func (c *cable) keep(near, far net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		far.Close()
		return false
	}
	c.open = append(c.open, near, far)
	return true
}

// set cuts the cable, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	for _, conn := range c.open {
		conn.Close()
	}
	c.open = nil
}

func TestDatabaseGoneAndBack(t *testing.T) {
	db := database(t)
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	c := newCable(t, u.Host)
	u.Host = c.listener.Addr().String()
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "database="+u.String())
	before := r.order(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"slow"}}`)
	c.set(true)
	status, o := r.do("POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1}`)
	if status != http.StatusServiceUnavailable {
		t.Errorf("without a database: got %d %v, want 503", status, o)
	}
	resp, err := http.Get(r.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "database of order") {
		t.Errorf("readyz: got %d %s, %v", resp.StatusCode, text, err)
	}
	c.set(false)
	if o := r.final(before["id"]); o["status"] != "completed" {
		t.Errorf("got %v, want completed", o)
	}
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
}
