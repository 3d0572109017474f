package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A running is a simulator in this process, and a client of it.
type running struct {
	t    *testing.T
	file string
	url  string
	stop func()
}

// start runs a simulator until stop, or the end of the test.
func start(t *testing.T, file string, o Options) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, l, file, o) }()
	r := &running{t: t, file: file, url: "http://" + l.Addr().String()}
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// do sends a request; a body of bytes goes as it is. A code of 0 means that there was no answer.
func (r *running) do(method, path string, body any) (code int, a answer) {
	r.t.Helper()
	b, raw := body.([]byte)
	if !raw {
		var err error
		if b, err = json.Marshal(body); err != nil {
			r.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, bytes.NewReader(b))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, answer{Status: "cut"}
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") == "application/json" {
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			return 0, answer{Status: "cut"}
		}
	}
	return resp.StatusCode, a
}

func (r *running) charge(key, method string) (int, answer) {
	return r.do("POST", "/charges", request{Key: key, OrderID: "o-" + key, Amount: 2500, Currency: "USD", Method: method})
}

func (r *running) faults(change string) {
	r.t.Helper()
	if code, _ := r.do("POST", "/faults", []byte(change)); code != http.StatusOK {
		r.t.Fatalf("faults %s: status %d", change, code)
	}
}

// calls stops the simulator and reads its log: kind, answer and cut.
func (r *running) calls(key string) (log []string) {
	r.t.Helper()
	r.stop()
	inspect(r.t, r.file, `SELECT kind, answer, cut FROM call WHERE key = $1 ORDER BY n`, key, func(scan func(...any) error) error {
		var kind, answer string
		var cut bool
		err := scan(&kind, &answer, &cut)
		log = append(log, fmt.Sprint(kind, " ", answer, map[bool]string{true: " cut"}[cut]))
		return err
	})
	return log
}

func inspect(t *testing.T, file, query string, key string, row func(func(...any) error) error) {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), file, migrations)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("simulator", driver)
	defer db.Close()
	if err := db.View(t.Context(), func(tx *store.Tx) error { return tx.Rows(query, []any{key}, row) }); err != nil {
		t.Fatal(err)
	}
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "simulator.db") }

func TestMethods(t *testing.T) {
	s := start(t, file(t), Options{Slow: 50 * time.Millisecond})
	type got struct {
		code   int
		status string
	}
	cut := got{0, "cut"}
	for _, tt := range []struct {
		method  string
		charges []got // of the same request, again and again
		lookup  got
	}{
		{"ok", []got{{200, captured}, {200, captured}}, got{200, captured}},
		{"declined", []got{{200, declined}, {200, declined}}, got{200, declined}},
		{"declined_late", []got{{200, declined}, {200, declined}}, got{200, declined}},
		{"fails_twice", []got{{503, unavailable}, {503, unavailable}, {200, captured}, {200, captured}}, got{200, captured}},
		{"unavailable", []got{{503, unavailable}, {503, unavailable}, {503, unavailable}, {503, unavailable}}, got{404, notFound}},
		{"timeout_captured", []got{cut, {200, captured}}, got{200, captured}},
		{"timeout_lost", []got{cut, cut, cut}, got{404, notFound}},
		{"slow", []got{{200, captured}}, got{200, captured}},
	} {
		t.Run(tt.method, func(t *testing.T) {
			for i, want := range tt.charges {
				if code, a := s.charge("k-"+tt.method, tt.method); code != want.code || a.Status != want.status {
					t.Errorf("charge %d: got %d %s, want %v", i+1, code, a.Status, want)
				}
			}
			if code, a := s.do("GET", "/charges/k-"+tt.method, nil); code != tt.lookup.code || a.Status != tt.lookup.status {
				t.Errorf("lookup: got %d %s, want %v", code, a.Status, tt.lookup)
			}
		})
	}
}

func TestCutAnswerIsFoundByLookup(t *testing.T) {
	s := start(t, file(t), Options{})
	if code, _ := s.charge("k", "timeout_captured"); code != 0 {
		t.Fatalf("charge: got an answer with status %d, want none", code)
	}
	code, a := s.do("GET", "/charges/k", nil)
	if code != 200 || a.Status != captured || a.Amount != 2500 || a.Currency != "USD" || a.OrderID != "o-k" || a.Reference == "" {
		t.Errorf("lookup: got %d %+v", code, a)
	}
}

func TestSlowTakesItsTime(t *testing.T) {
	const slow = 80 * time.Millisecond
	s := start(t, file(t), Options{Slow: slow})
	begin := time.Now()
	s.charge("k", "slow")
	if took := time.Since(begin); took < slow {
		t.Errorf("took %v, want at least %v", took, slow)
	}
}

func TestBadRequests(t *testing.T) {
	s := start(t, file(t), Options{})
	for _, tt := range []struct {
		name, path, body string
		want             int
	}{
		{"not JSON", "/charges", `{`, 400},
		{"unknown key", "/charges", `{"kee":"k"}`, 400},
		{"something behind", "/charges", `{} {}`, 400},
		{"no key", "/charges", `{"orderId":"o","amount":1,"currency":"USD","method":"ok"}`, 422},
		{"no amount", "/charges", `{"key":"k","orderId":"o","currency":"USD","method":"ok"}`, 422},
		{"no currency", "/charges", `{"key":"k","orderId":"o","amount":1,"method":"ok"}`, 422},
		{"unknown method", "/charges", `{"key":"k","orderId":"o","amount":1,"currency":"USD","method":"cash"}`, 422},
		{"unknown method of a hold", "/authorizations", `{"key":"k","orderId":"o","amount":1,"currency":"USD","method":"cash"}`, 422},
		{"hold of nothing", "/authorizations", `{"key":"k","orderId":"o","currency":"USD","method":"ok"}`, 422},
		{"refund of nothing", "/refunds", `{"key":"k","orderId":"o","amount":1,"currency":"USD"}`, 422},
		{"unknown fault", "/faults", `{"explode":true}`, 400},
		{"no duration", "/faults", `{"hold":"long"}`, 400},
		{"unknown route", "/money", `{}`, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, _ := s.do("POST", tt.path, []byte(tt.body)); code != tt.want {
				t.Errorf("got %d, want %d", code, tt.want)
			}
		})
	}
}
