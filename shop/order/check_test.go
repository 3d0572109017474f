package order

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	asking "github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
)

// An oracle answers for inventory, and keeps what it was asked.
type oracle struct {
	mu     sync.Mutex
	asked  []contract.CheckStock
	answer func(context.Context) (contract.StockChecked, error)
}

func (o *oracle) check(ctx context.Context, q contract.CheckStock) (contract.StockChecked, error) {
	o.mu.Lock()
	o.asked = append(o.asked, q)
	answer := o.answer
	o.mu.Unlock()
	return answer(ctx)
}

func (o *oracle) says(answer func(context.Context) (contract.StockChecked, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked, o.answer = nil, answer
}

func lacks(products ...string) func(context.Context) (contract.StockChecked, error) {
	return func(context.Context) (contract.StockChecked, error) {
		return contract.StockChecked{Lacking: products}, nil
	}
}

// consulted returns a service that asks, and whom it asks.
func consulted(t *testing.T) (*Service, *oracle) {
	t.Helper()
	s, o, d, p := open(t), &oracle{answer: lacks()}, &asking.Local{}, &run.Process{}
	asks, err := asking.NewClient(d, "order", p)
	if err != nil {
		t.Fatal(err)
	}
	s.Stock = Questions{asks}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		server := &asking.Server{Driver: d, Service: "inventory", Handlers: []asking.Handler{asking.On(o.check)}, Process: p}
		if err := server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait(); asks.Close() })
	eventually(t, func() (struct{}, bool) {
		_, err := asking.Ask[contract.StockChecked](ctx, asks, contract.CheckStock{})
		return struct{}{}, err == nil
	})
	return s, o
}

// Whatever inventory says, or does not say, decides only what it knows: what lacks is
// refused, and the rest is for the flow to find out.
func TestInventoryIsAskedBeforeAnOrderIsTaken(t *testing.T) {
	s, o := consulted(t)
	for _, tt := range []struct {
		name   string
		answer func(context.Context) (contract.StockChecked, error)
		want   string
	}{
		{"there is enough", lacks(), "202"},
		{"there is not", lacks("1"), "409 out-of-stock"},
		{"it cannot say", func(context.Context) (contract.StockChecked, error) {
			return contract.StockChecked{}, errors.New("no database")
		}, "202"},
		{"it says nothing", func(ctx context.Context) (contract.StockChecked, error) {
			<-ctx.Done()
			return contract.StockChecked{}, ctx.Err()
		}, "202"},
		{"it panics", func(context.Context) (contract.StockChecked, error) { panic("oh") }, "202"},
	} {
		o.says(tt.answer)
		before, started := s.count(t, `SELECT count(*) FROM orders`), time.Now()
		a := s.ask(t, "POST", "/api/orders", laptops)
		if got := a.told(t); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if took := time.Since(started); took > 20*answerLimit {
			t.Errorf("%s: it took %v", tt.name, took)
		}
		if taken := s.count(t, `SELECT count(*) FROM orders`) - before; (taken == 1) != (tt.want == "202") {
			t.Errorf("%s: %d orders were taken", tt.name, taken)
		}
		if a.status == 409 && (!strings.Contains(a.text, `"reason":"out_of_stock"`) || !strings.Contains(a.text, "product 1.")) {
			t.Errorf("%s: told %s", tt.name, a.text)
		}
	}
}

// All lines are one question, in which each product is wanted once. What is refused for
// something else is not asked about.
func TestOneQuestionForAllLines(t *testing.T) {
	s, o := consulted(t)
	o.says(lacks())
	s.post1(t, `{"userId":"1","items":[{"productId":"1","quantity":2},{"productId":"2","quantity":5},{"productId":"1","quantity":3}]}`)
	want := []contract.Demand{{ProductID: "1", Quantity: 5}, {ProductID: "2", Quantity: 5}}
	if len(o.asked) != 1 || !slices.Equal(o.asked[0].Wanted, want) {
		t.Errorf("asked %+v, want once for %+v", o.asked, want)
	}
	o.says(lacks())
	s.ask(t, "POST", "/api/orders", `{"userId":"1","productId":"none","quantity":2}`)
	if len(o.asked) != 0 {
		t.Errorf("asked %+v about a product that there is not", o.asked)
	}
}

// What was accepted is answered from what is stored, whatever lacks meanwhile: nobody is
// asked. What was refused is tried anew.
func TestARepeatIsNotAskedAbout(t *testing.T) {
	s, o := consulted(t)
	const own = `{"id":"own","userId":"1","productId":"1","quantity":2}`
	first := s.ask(t, "POST", "/api/orders", laptops, "Idempotency-Key: k")
	second := s.ask(t, "POST", "/api/orders", own)
	o.says(lacks("1"))
	if again := s.ask(t, "POST", "/api/orders", laptops, "Idempotency-Key: k"); again.status != 202 || again.text != first.text {
		t.Errorf("under its key: %d %s, want %s", again.status, again.text, first.text)
	}
	if again := s.ask(t, "POST", "/api/orders", own); again.status != 202 || again.text != second.text {
		t.Errorf("under its id: %d %s, want %s", again.status, again.text, second.text)
	}
	if len(o.asked) != 0 {
		t.Errorf("asked %+v for repeats", o.asked)
	}
	const other = `{"id":"other","userId":"1","productId":"1","quantity":2}`
	if a := s.ask(t, "POST", "/api/orders", other, "Idempotency-Key: l"); a.status != 409 {
		t.Errorf("a new one is told %s", a.told(t))
	}
	o.says(lacks())
	if a := s.ask(t, "POST", "/api/orders", other, "Idempotency-Key: l"); a.status != 202 {
		t.Errorf("once there is enough, it is told %s", a.told(t))
	}
	s.Stock = nil
	s.post1(t, laptops)
	if len(o.asked) != 1 {
		t.Errorf("asked %d times, want once", len(o.asked))
	}
}
