package payment

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/simulator"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A provided bench has the real simulator as its provider.
type provided struct {
	*bench
	ledger string // the simulator's file
	url    string
	gone   func() // stops the simulator
}

func newProvided(t *testing.T) *provided {
	b := &provided{bench: newBench(t), ledger: filepath.Join(t.TempDir(), "simulator.db")}
	b.Backoff = 10 * time.Millisecond
	b.provide("127.0.0.1:0")
	b.Provider = NewSimulated(b.url)
	return b
}

// provide starts the simulator at an address.
func (b *provided) provide(address string) {
	b.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- simulator.Run(ctx, l, b.ledger, simulator.Options{Slow: 100 * time.Millisecond}) }()
	b.gone = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("simulator: %v", err)
		}
	})
	b.Cleanup(b.gone)
	b.url = "http://" + l.Addr().String()
}

// work runs a worker of the calls until the returned function is called.
func (b *bench) work() (stop func()) { return b.workOn(task{}.Queue()) }

func (b *bench) workOn(name string) (stop func()) {
	handlers := slices.DeleteFunc(b.Queues(), func(h queue.Handler) bool { return h.Queue != name })
	w := &queue.Worker{DB: b.DB, Driver: queue.Table{DB: b.DB}, Handlers: handlers, Process: &run.Process{Instance: "test"}}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("worker: %v", err)
		}
	})
	b.Cleanup(stop)
	return stop
}

// await polls until a query answers as wanted, for at most ten seconds.
func (b *bench) await(want, query string, args ...any) {
	b.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	got := ""
	for range 2000 {
		if got = b.read(query, args...); got == want {
			return
		}
		<-tick.C
	}
	b.Fatalf("%s: got %q, want %q", query, got, want)
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// captures stops the simulator and counts its captures and refunds, by key.
func (b *provided) captures() string {
	b.Helper()
	return b.peek(`SELECT key || ' ' || amount FROM charge WHERE status = 'captured' UNION ALL SELECT key || ' ' || amount FROM refund ORDER BY 1`)
}

// peek stops the simulator and reads its ledger.
func (b *provided) peek(query string) string {
	b.Helper()
	b.gone()
	driver, err := sqlite.Open(b.Context(), b.ledger, nil)
	if err != nil {
		b.Fatal(err)
	}
	ledger := bench{T: b.T, Service: &Service{DB: store.Open("simulator", driver)}}
	defer ledger.DB.Close()
	return ledger.read(query)
}

const (
	trail = `SELECT kind || ' ' || status FROM attempt WHERE order_id = $1 ORDER BY n`
	facts = `SELECT kind FROM journal WHERE key = $1 ORDER BY seq`
)

func TestMethods(t *testing.T) {
	for _, tt := range []struct {
		method, trail, fact, reason, captures string
	}{
		{"ok", "charge captured", "PaymentProcessed", "", "pay-o 2500"},
		{"declined", "charge declined", "PaymentFailed", "payment_declined", ""},
		{"declined_late", "charge declined", "PaymentFailed", "payment_declined", ""},
		{"fails_twice", "charge unavailable,charge unavailable,charge captured", "PaymentProcessed", "", "pay-o 2500"},
		{"unavailable", "charge unavailable,charge unavailable,charge unavailable,void voided", "PaymentFailed", "payment_unavailable", ""},
		{"timeout_captured", "charge unknown,lookup captured", "PaymentProcessed", "", "pay-o 2500"},
		{"timeout_lost", "charge unknown,lookup not_found,charge unknown,lookup not_found,charge unknown,lookup not_found,void voided",
			"PaymentFailed", "payment_unavailable", ""},
		{"slow", "charge captured", "PaymentProcessed", "", "pay-o 2500"},
	} {
		for _, faults := range []string{`{}`, `{"duplicate":true}`} {
			t.Run(tt.method+faults, func(t *testing.T) {
				b := newProvided(t)
				b.faults(faults)
				b.work()
				b.must(b.hear(created("o", tt.method), "o"))
				b.await(tt.fact, facts, "o")
				if got := b.read(trail, "o"); got != tt.trail && faults == `{}` {
					t.Errorf("calls:\ngot  %s\nwant %s", got, tt.trail)
				}
				if got := b.read(`SELECT reason FROM payment`); got != tt.reason {
					t.Errorf("reason: got %q, want %q", got, tt.reason)
				}
				if got := b.read(`SELECT CAST(COUNT(*) AS TEXT) FROM job`); got != "0" {
					t.Errorf("got %s jobs left, want 0", got)
				}
				if got := b.captures(); got != tt.captures {
					t.Errorf("captured: got %q, want %q", got, tt.captures)
				}
			})
		}
	}
}

func (b *provided) faults(change string) {
	b.Helper()
	resp, err := http.Post(b.url+"/faults", "application/json", strings.NewReader(change))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("faults %s: %s", change, resp.Status)
	}
}

func TestRefundOnce(t *testing.T) {
	b := newProvided(t)
	b.work()
	b.must(b.hear(created("o", "ok"), "o"))
	b.await("PaymentProcessed", facts, "o")
	b.must(b.hear(contract.InventoryUpdateFailed{OrderID: "o"}, "o"))
	b.must(b.hear(contract.OrderFailed{OrderID: "o", Reason: "out_of_stock"}, "o"))
	b.await("PaymentProcessed,PaymentRefunded", facts, "o")
	b.must(b.hear(contract.OrderFailed{OrderID: "o", Reason: "out_of_stock"}, "o"))
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job`)
	if got, want := b.read(`SELECT kind || ' ' || debit || ' ' || credit || ' ' || amount FROM entry ORDER BY kind`),
		"capture provider sales:USD 2500,refund sales:USD provider 2500"; got != want {
		t.Errorf("entries: got %q, want %q", got, want)
	}
	if got, want := b.captures(), "pay-o 2500,refund-o 2500"; got != want {
		t.Errorf("provider: got %q, want %q", got, want)
	}
}

// The order ends while its charge is out: the late capture goes back.
func TestLateCaptureGoesBack(t *testing.T) {
	b := newProvided(t)
	b.must(b.hear(created("o", "slow"), "o"))
	b.must(b.hear(contract.OrderCancelled{OrderID: "o"}, "o"))
	b.work()
	b.await("PaymentRefunded", facts, "o")
	if got, want := b.captures(), "pay-o 2500,refund-o 2500"; got != want {
		t.Errorf("provider: got %q, want %q", got, want)
	}
	// Nobody was told of the charge but with its end.
	if body := b.read(`SELECT body FROM journal WHERE kind = 'PaymentRefunded'`); !strings.Contains(body, `"attempts":1`) {
		t.Errorf("said %s", body)
	}
}

// The provider is away, and nothing is given up for that: it is asked until it answers.
func TestProviderAwayAndBack(t *testing.T) {
	b := newProvided(t)
	b.Longest = 50 * time.Millisecond
	address := strings.TrimPrefix(b.url, "http://")
	b.gone()
	b.work()
	b.must(b.hear(created("o", "ok"), "o"))
	b.await("1", `SELECT '1' FROM attempt WHERE order_id = $1 AND kind = 'lookup' AND status = 'unknown' LIMIT 1`, "o")
	b.provide(address)
	b.await("PaymentProcessed", facts, "o")
	b.faults(`{"down":true}`)
	b.must(b.hear(contract.OrderFailed{OrderID: "o"}, "o"))
	b.await("1", `SELECT '1' FROM attempt WHERE order_id = $1 AND kind = 'refund' AND status = 'unavailable' LIMIT 1`, "o")
	b.faults(`{"down":false}`)
	b.await("PaymentProcessed,PaymentRefunded", facts, "o")
	if got, want := b.captures(), "pay-o 2500,refund-o 2500"; got != want {
		t.Errorf("provider: got %q, want %q", got, want)
	}
}

func TestManyOrdersAtOnce(t *testing.T) {
	b := newProvided(t)
	b.faults(`{"duplicate":true}`)
	b.work()
	methods := []string{"ok", "declined", "fails_twice", "timeout_captured", "timeout_lost", "unavailable"}
	const orders = 120
	for i := range orders {
		b.must(b.hear(created(fmt.Sprint("o", i), methods[i%len(methods)]), fmt.Sprint("o", i)))
	}
	b.await(fmt.Sprint(orders), `SELECT CAST(COUNT(*) AS TEXT) FROM journal`)
	b.await("0", `SELECT CAST(COUNT(*) AS TEXT) FROM job`)
	if got, want := b.read(`SELECT kind || ' ' || COUNT(*) FROM journal GROUP BY kind ORDER BY kind`), "PaymentFailed 60,PaymentProcessed 60"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := strings.Count(b.captures(), "pay-"); got != 60 {
		t.Errorf("got %d captures, want 60", got)
	}
}

// A watched provider calls look before it charges.
type watched struct {
	Provider
	look func(Charge)
}

func (w watched) Charge(ctx context.Context, c Charge) Answer {
	w.look(c)
	return w.Provider.Charge(ctx, c)
}

// When the provider is called, the key it gets is on disk already: whoever comes after
// a crash asks under the same key.
func TestKeyStoredBeforeCall(t *testing.T) {
	b := newProvided(t)
	seen := make(chan [2]string, 10)
	b.Provider = watched{b.Provider, func(c Charge) {
		seen <- [2]string{c.Key, b.read(`SELECT key FROM payment WHERE order_id = $1`, c.OrderID)}
	}}
	b.work()
	b.must(b.hear(created("o", "fails_twice"), "o"))
	b.await("PaymentProcessed", facts, "o")
	close(seen)
	tries := 0
	for s := range seen {
		if sent, stored := s[0], s[1]; sent == "" || sent != stored || sent != chargeKey("o") {
			t.Errorf("try %d: sent the key %q, stored was %q", tries+1, sent, stored)
		}
		tries++
	}
	if tries != 3 {
		t.Errorf("got %d tries, want 3", tries)
	}
}

// The process dies between two writes of a charge, and another one goes on.
func TestCrashAroundCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		dying func(*provided, queue.Handler, message.Message) // what is done before the end
	}{
		{"before the call", func(*provided, queue.Handler, message.Message) {}},
		{"after the call", func(b *provided, h queue.Handler, m message.Message) {
			outcome, err := h.Call(b.Context(), m)
			if a, ok := outcome.(told); err != nil || !ok || a.Outcome != Captured {
				b.Fatalf("call: got %v, %v", outcome, err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newProvided(t)
			b.must(b.hear(created("o", "ok"), "o"))
			got, err := queue.Table{DB: b.DB}.Receive(t.Context(), task{}.Queue(), 1)
			if err != nil || len(got) != 1 {
				t.Fatalf("receive: got %v, %v", got, err)
			}
			for _, h := range b.Queues() {
				if h.Kind == got[0].Kind {
					tt.dying(b, h, got[0].Message)
				}
			}
			b.restart()
			b.must(queue.Table{DB: b.DB}.Recover(t.Context()))
			b.work()
			b.await("PaymentProcessed", facts, "o")
			if got := b.captures(); got != "pay-o 2500" {
				t.Errorf("provider: got %q, want one capture", got)
			}
		})
	}
}
