package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long it may take from the start to the first accepted order; a
// second on a machine that does nothing else.
const startLimit = 4 * time.Second

func TestTheFirstCommandsOfTheReadme(t *testing.T) {
	start := time.Now()
	r := up(t, filepath.Join(t.TempDir(), "data"))
	first := r.order(`{"userId": "1", "productId": "1", "quantity": 2}`)
	took := time.Since(start)
	t.Logf("from the start to the first accepted order: %v", took)
	if took > startLimit {
		t.Errorf("got %v, want less than %v", took, startLimit)
	}
	for path, body := range map[string]string{
		"/api/users":    `{"name": "John Doe", "email": "john@example.com"}`,
		"/api/products": `{"name": "Laptop", "price": 1200}`,
	} {
		if status, o := r.do("POST", path, body); status != http.StatusCreated || o["id"] == "" {
			t.Errorf("POST %s: got %d %v, want 201", path, status, o)
		}
	}
	if first["status"] != "pending" || first["total"] == "" {
		t.Errorf("got %v", first)
	}
	if o := r.final(first["id"]); o["status"] != "completed" {
		t.Errorf("got %v, want completed", o)
	}
	if exit, took := r.term(); exit != exitDone || took > 10*time.Second {
		t.Errorf("SIGTERM: exit %d after %v, want 0 within 10 s", exit, took)
	}
}

func TestOrdersEnd(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	_, p := r.do("POST", "/api/products", `{"name":"Last one","price":"5.00","stock":1}`)
	for _, tt := range []struct{ body, status, reason string }{
		{`{"userId":"1","items":[{"productId":"1","quantity":1},{"productId":"2","quantity":3}]}`, "completed", ""},
		{`{"userId":"1","productId":"2","quantity":1,"payment":{"method":"ok"},"style":"choreographed"}`, "completed", ""},
		{`{"userId":"1","productId":"2","quantity":1,"payment":{"method":"fails_twice"}}`, "completed", ""},
		{`{"userId":"1","productId":"2","quantity":1,"payment":{"method":"timeout_captured"}}`, "completed", ""},
		{`{"userId":"1","productId":"2","quantity":1,"payment":{"method":"declined"}}`, "failed", "payment_declined"},
		{`{"userId":"1","productId":"2","quantity":1,"payment":{"method":"unavailable"}}`, "failed", "payment_unavailable"},
		{`{"userId":"1","productId":"2","quantity":1,"payment":{"method":"timeout_lost"}}`, "failed", "payment_unavailable"},
		{fmt.Sprintf(`{"userId":"1","productId":%q,"quantity":2}`, p["id"]), "failed", "out_of_stock"},
	} {
		r.ends(tt.body, tt.status, tt.reason)
	}
	if exit, out, _ := tidewire(t, r.flags("doctor")...); exit != exitDone || !strings.Contains(out, "nothing found") {
		t.Errorf("doctor: exit %d, %s", exit, out)
	}
	if exit, out, _ := tidewire(t, r.flags("dead", "list", "--json")...); exit != exitDone || strings.TrimSpace(out) != "[]" {
		t.Errorf("dead list: exit %d, %s", exit, out)
	}
}

func TestBadInput(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/orders", ``, 400},
		{"POST", "/api/orders", `{`, 400},
		{"POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1}{}`, 400},
		{"POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1,"quantity":2}`, 400},
		{"POST", "/api/orders", `{"UserId":"1","productId":"1","quantity":1}`, 400},
		{"POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1.5}`, 400},
		{"POST", "/api/orders", `{"userId":"1","productId":"1","quantity":0}`, 422},
		{"POST", "/api/orders", `{"userId":"1","productId":"nope","quantity":1}`, 422},
		{"POST", "/api/orders", `{"userId":"nope","productId":"1","quantity":1}`, 422},
		{"POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1,"payment":{"method":"x"}}`, 422},
		{"POST", "/api/orders", `{"userId":"1","productId":"1","quantity":1,"items":[{"productId":"1","quantity":1}]}`, 422},
		{"POST", "/api/products", `{"name":"x","price":null}`, 400},
		{"GET", "/api/orders/nope", ``, 404},
		{"GET", "/api/nothing", ``, 404},
		{"PUT", "/api/orders", `{}`, 405},
		{"GET", "/api/orders?limit=0", ``, 400},
	} {
		status, o := r.do(tt.method, tt.path, tt.body)
		if status != tt.want || o["type"] == "" || o["status"] != float64(tt.want) {
			t.Errorf("%s %s %s: got %d %v, want a problem with %d", tt.method, tt.path, tt.body, status, o, tt.want)
		}
	}
	req, _ := http.NewRequest("GET", r.url+"/api/products", nil)
	req.Host = "rebound.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host: got %d, want 421", resp.StatusCode)
	}
}

func TestRefusedStarts(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	file := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nretentoin: 3d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	ledger := t.TempDir()
	if err := os.WriteFile(filepath.Join(ledger, "simulator.db"), []byte(strings.Repeat("this is no ledger ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, "order.db"), []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	free := []string{"--listen", "127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "grpc.listen=127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "d")}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown key in a file", []string{"--config", file}, `t.yaml:2: unknown key "retentoin": did you mean "retention"?`},
		{"unknown key", []string{"--set", "oder.style=x"}, `did you mean "order.style"?`},
		{"unknown flag", []string{"--lisen", "x"}, "--listen"},
		{"no such service", []string{"orders"}, `there is no service "orders"`},
		{"the world", []string{"--listen", "0.0.0.0:0"}, "not a loopback address"},
		{"later", []string{"--set", "auth.issuer=http://localhost"}, "not yet in this version"},
		{"data directory in use", []string{"--data", r.data}, "in use by process " + strconv.Itoa(r.cmd.Process.Pid)},
		{"port taken", []string{"--listen", strings.TrimPrefix(r.url, "http://")}, "is taken"},
		{"gRPC port taken", []string{"--set", "grpc.listen=" + r.door("user")}, "grpc.listen: " + r.door("user") + " is taken"},
		{"gRPC to the world", []string{"--set", "grpc.listen=0.0.0.0:50051"}, "grpc.listen: 0.0.0.0:50051 is not a loopback address"},
		{"a service at no address", []string{"--set", "services.user=users"}, `services.user: "users" is not HOST:PORT`},
		{"operators' port taken", []string{"--set", "admin=" + strings.TrimPrefix(r.admin, "http://")}, "is taken"},
		{"not writable", []string{"--data", "/proc/tidewire"}, "data directory"},
		{"damaged", []string{"--data", damaged}, "not a database"},
		{"damaged simulator", []string{"--data", ledger}, "the payment simulator ended at once"},
		{"PostgreSQL unreachable", []string{"--set", "database=postgres://tidewire:hush@127.0.0.1:1/shop"}, "127.0.0.1:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			exit, out, stderr := tidewire(t, append(append([]string{"up"}, free...), tt.args...)...)
			if exit != exitWrong || !strings.Contains(stderr, tt.want) {
				t.Errorf("got exit %d, %q; want 2, %q", exit, stderr, tt.want)
			}
			if strings.Count(stderr, "\n") != 1 || out != "" || strings.Contains(stderr, "hush") {
				t.Errorf("got %q and %q, want one sentence on standard error", stderr, out)
			}
		})
	}
}

func TestKilledPlatformGoesOn(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	var ids []any
	for range 50 {
		ids = append(ids, r.order(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"fails_twice"}}`)["id"])
	}
	ids = append(ids, r.order(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"slow"}}`)["id"])
	child := childOf(t, r.cmd.Process.Pid)
	r.kill()
	r = up(t, data) // at once: its simulator waits for the former one, which may still be busy
	eventually(t, "the simulator follows its parent", func() bool { return !alive(child) })
	for _, id := range ids {
		if o := r.final(id); o["status"] != "completed" {
			t.Errorf("got %v, want completed", o)
		}
	}
	if exit, out, _ := tidewire(t, r.flags("audit", "--final")...); exit != exitDone {
		t.Errorf("audit: exit %d\n%s", exit, out)
	}
}

func TestSimulatorIsStartedAgain(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	child := childOf(t, r.cmd.Process.Pid)
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	if again := childOf(t, r.cmd.Process.Pid); again == child {
		t.Errorf("got the same process %d", again)
	}
}

// childOf returns the only child of a process.
func childOf(t *testing.T, pid int) (child int) {
	t.Helper()
	eventually(t, "one child", func() bool {
		out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
		child, _ = strconv.Atoi(strings.TrimSpace(string(out)))
		return err == nil && child != 0
	})
	return child
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestDrainsUnderLoad(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ledger := filepath.Join(t.TempDir(), "ledger")
	r := up(t, data)
	addr := strings.TrimPrefix(r.url, "http://")
	done := make(chan int, 1)
	go func() {
		exit, _, _ := tidewire(t, r.flags("load", "--orders", "2000", "--clients", "16", "--mix", "0.2", "--ledger", ledger, "--json")...)
		done <- exit
	}()
	eventually(t, "orders come in", func() bool {
		_, o := r.do("GET", "/api/orders?final=true&limit=20", "")
		items, _ := o["items"].([]any)
		return len(items) == 20
	})
	if exit, took := r.term(); exit != exitDone || took > 10*time.Second {
		t.Errorf("SIGTERM: exit %d after %v, want 0 within 10 s", exit, took)
	}
	if l, err := net.Dial("tcp", addr); err == nil {
		l.Close()
		t.Errorf("%s still answers", addr)
	}
	r = up(t, data, "--listen", addr)
	if exit := <-done; exit != exitDone {
		t.Errorf("load: exit %d, want 0", exit)
	}
	exit, out, stderr := tidewire(t, r.flags("audit", "--ledger", ledger, "--sole", "--final")...)
	if exit != exitDone {
		t.Errorf("audit: exit %d\n%s%s", exit, out, stderr)
	}
}
