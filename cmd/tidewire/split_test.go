package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// block returns the first of as many free ports in a row as there are gRPC doors.
func block(t *testing.T) (first int) {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held := []net.Listener{l}
		first = l.Addr().(*net.TCPAddr).Port
		for i := 1; i < 7 && first+i < 65536; i++ {
			if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", first+i)); err != nil {
				break
			}
			held = append(held, l)
		}
		for _, l := range held {
			l.Close()
		}
		if len(held) == 7 {
			return first
		}
	}
	t.Fatal("no seven free ports in a row")
	return 0
}

// A split is a platform whose services run in processes of their own, on one PostgreSQL.
type split struct {
	t      *testing.T
	shared []string // the configuration of all
	runs   map[string]*running
}

func newSplit(t *testing.T) *split {
	first := block(t)
	s := &split{t: t, runs: map[string]*running{}, shared: []string{"--set", "database=" + database(t), "--set", fmt.Sprint("grpc.listen=127.0.0.1:", first)}}
	for i, name := range []string{"user", "product", "order", "payment", "inventory", "shipping", "analytics"} {
		s.shared = append(s.shared, "--set", fmt.Sprintf("services.%s=127.0.0.1:%d", name, first+i))
	}
	return s
}

// start runs services in one process.
func (s *split) start(services ...string) *running {
	s.t.Helper()
	name := strings.Join(services, "-")
	data := filepath.Join(s.t.TempDir(), name)
	if before := s.runs[name]; before != nil {
		data = before.data
	}
	s.runs[name] = up(s.t, data, slices.Concat(services, s.shared)...)
	return s.runs[name]
}

// audited is whether all promises hold once all work is done. The ledger is where payment has it.
func (s *split) audited(of, payment *running, more ...string) {
	s.t.Helper()
	var found string
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the audit finds\n%s", found)
		}
	}()
	eventually(s.t, "all work is done, and nothing is broken", func() bool {
		args := append([]string{"audit", "--final", "--provider", filepath.Join(payment.data, "simulator.db")}, more...)
		exit, out, stderr := tidewire(s.t, append(of.flags(args...), s.shared[:2]...)...)
		found = out + stderr
		return exit == exitDone
	})
}

// kinds are those of an order's events.
func (r *running) kinds(id any) (kinds []string) {
	r.t.Helper()
	_, past := r.do("GET", fmt.Sprint("/api/orders/", id, "/events"), "")
	events, _ := past["events"].([]any)
	for _, e := range events {
		kinds = append(kinds, fmt.Sprint(e.(map[string]any)["type"]))
	}
	return kinds
}

// While the user service is away orders are accepted, and nothing is done for them; when it is
// back, they go on or fail, in each style, also where the order service was killed in between.
func TestUserServiceAway(t *testing.T) {
	s := newSplit(t)
	users := s.start("user")
	others := []string{"product", "order", "payment", "inventory", "shipping", "analytics", "notification"}
	shop := s.start(others...)
	shop.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	if status, o := shop.do("GET", "/api/users/1", ""); status != http.StatusNotFound || !strings.Contains(fmt.Sprint(o["detail"]), "user service") || o["type"] != "urn:tidewire:problem:runs-elsewhere" {
		t.Errorf("a route of another process: %d %v", status, o)
	}
	styles := []string{"orchestrated", "choreographed", "parallel"}
	for _, style := range styles { // of whom the order service has not heard yet
		if status, o := users.do("POST", "/api/users", fmt.Sprintf(`{"id":"%s","name":"New","email":"new@example.com"}`, style)); status != http.StatusCreated {
			t.Fatal(status, o)
		}
	}
	users.kill()

	placed := map[string]any{}
	for _, style := range styles {
		for _, user := range []string{style, "ghost-" + style} {
			o := shop.order(fmt.Sprintf(`{"userId":%q,"productId":"2","quantity":1,"style":%q}`, user, style))
			if o["status"] != "pending" || o["unverified"] != true {
				t.Errorf("%s: %v", user, o)
			}
			placed[user] = o["id"]
		}
	}
	called := shop.order(`{"userId":"ghost","productId":"2","quantity":1}`)["id"]
	if status, o := shop.do("POST", fmt.Sprint("/api/orders/", called, "/cancel"), ""); status > http.StatusAccepted || o["status"] != "cancelled" {
		t.Errorf("called off: %d %v", status, o)
	}
	shop.kill()
	shop = s.start(others...)
	for user, id := range placed {
		if status, o := shop.do("GET", fmt.Sprint("/api/payments/", id), ""); status != http.StatusNotFound {
			t.Errorf("%s: payment has heard of it: %v", user, o)
		}
		if got := shop.kinds(id); !slices.Equal(got, []string{"OrderReceived"}) {
			t.Errorf("%s: its history is %v", user, got)
		}
	}

	s.start("user")
	for user, id := range placed {
		o := shop.final(id)
		want, history := "completed ", []string{"OrderReceived", "OrderCreated", "OrderConfirmed", "OrderCompleted"}
		if strings.HasPrefix(user, "ghost") {
			want, history = "failed unknown_user", []string{"OrderReceived", "OrderFailed"}
		}
		reason, _ := o["reason"].(string)
		if got := fmt.Sprint(o["status"], " ", reason); got != want || !slices.Equal(shop.kinds(id), history) {
			t.Errorf("%s: got %s, %v; want %s, %v", user, got, shop.kinds(id), want, history)
		}
	}
	shop.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "") // as ever
	s.audited(shop, shop)
}

// Every service is a process of its own, and one of them is killed under load and comes back.
func TestEveryServiceByItself(t *testing.T) {
	s := newSplit(t)
	for _, name := range serviceNames() {
		s.start(name)
	}
	order, payment := s.runs["order"], s.runs["payment"]
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to := order.url
		if strings.HasPrefix(r.In.URL.Path, "/api/products") {
			to = s.runs["product"].url
		}
		at, _ := url.Parse(to)
		r.SetURL(at)
	}})
	defer front.Close()
	ledger := filepath.Join(t.TempDir(), "ledger")
	done := make(chan string, 1)
	go func() {
		exit, out, stderr := tidewire(t, "load", "--url", front.URL, "--orders", "300", "--clients", "4", "--mix", "0.2", "--ledger", ledger)
		done <- fmt.Sprintf("exit %d\n%s%s", exit, out, stderr)
	}()
	for _, name := range []string{"inventory", "user"} {
		began := s.runs[name]
		eventually(t, "orders come in", func() bool {
			_, o := order.do("GET", "/api/orders?final=true&limit=20", "")
			items, _ := o["items"].([]any)
			return len(items) == 20
		})
		began.kill()
		s.start(name)
	}
	if got := <-done; !strings.HasPrefix(got, "exit 0\n") {
		t.Errorf("load: %s", got)
	}
	s.audited(order, payment, "--ledger", ledger)
	for _, name := range serviceNames() {
		if exit, _ := s.runs[name].term(); exit != exitDone {
			t.Errorf("%s: exit %d", name, exit)
		}
	}
}
