package order

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/run"
)

// look begins to look at an order.
func (s *Service) look(t *testing.T, id string) *view {
	t.Helper()
	changed, err := s.Changes.Listen(id, liveRoom)
	if err != nil {
		t.Fatal(err)
	}
	v := &view{s: s, id: id, changed: changed}
	t.Cleanup(v.Close)
	return v
}

// next is what a client is told next.
func (v *view) next(t *testing.T) (status State, lost int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e, err := v.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	d := e.Data.(document)
	if e.Name != "order" || e.ID == "" || d.ID != v.id {
		t.Fatalf("told %+v", e)
	}
	return d.Status, e.Lost
}

// whenever are the topics that wake a client, and none: then it looks for itself.
func whenever(t *testing.T) map[string]*broadcast.Topic[int64] {
	t.Helper()
	told, err := broadcast.NewTopic[int64](&broadcast.Local{}, "changes", &run.Process{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*broadcast.Topic[int64]{"told": told, "not told, as of another process": nil}
}

// Whoever looks at an order sees it as it is, and each time that it is another, until its end.
func TestLive(t *testing.T) {
	for name, changes := range whenever(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.Changes = changes
			s.placed(t, "o")
			v := s.look(t, "o")
			if status, _ := v.next(t); status != Pending {
				t.Errorf("first %s, want pending", status)
			}
			s.hears(t, "o", processed)
			if status, _ := v.next(t); status != Pending || v.shown.Payment.Status != captured {
				t.Errorf("then %s, %+v", status, v.shown.Payment)
			}
			s.hears(t, "o", stocked, stocked) // once more is nothing new
			if status, lost := v.next(t); status != Confirmed || lost != 0 {
				t.Errorf("then %s, %d lost; want confirmed", status, lost)
			}
			s.hears(t, "o", contract.OrderShipped{OrderID: "o", TrackingNumber: "T"})
			if status, _ := v.next(t); status != Completed {
				t.Errorf("then %s, want completed", status)
			}
			if _, err := v.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v, want EOF", err)
			}
		})
	}
}

// A client that is slow is told how many changes it has missed, and sees the last.
func TestLiveOfASlowClient(t *testing.T) {
	s := open(t)
	s.Changes = whenever(t)["told"]
	s.placed(t, "o")
	v := s.look(t, "o")
	v.next(t)
	for n := range int64(liveRoom + 5) {
		if err := s.Changes.Publish(t.Context(), "o", n); err != nil {
			t.Fatal(err)
		}
	}
	if lost, err := v.wait(t.Context()); lost != 5 || err != nil {
		t.Errorf("%d lost, %v; want 5", lost, err)
	}
	s.hears(t, "o", processed, stocked)
	if status, _ := v.next(t); status != Confirmed {
		t.Errorf("then %s, want the last state", status)
	}
}

// Nobody is told of what is not stored, and a view that waits ends with its context.
func TestLiveOfNothing(t *testing.T) {
	s := open(t)
	s.Changes = whenever(t)["told"]
	if got := s.ask(t, "GET", "/api/orders/none/live", "").told(t); got != "404 no-such-order" {
		t.Errorf("an order that there is not: %s", got)
	}
	s.placed(t, "o")
	v := s.look(t, "o")
	v.next(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if e, err := v.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told %+v, %v, and nothing has happened", e, err)
	}
	var _ door.Live = v
}

// What others say is out of date is asked for again at once; if more is said than can be
// heard, all of it is.
func TestMemoryForgets(t *testing.T) {
	s := &counting{prices: map[string]int64{"a": 1, "b": 1}}
	m := Remember(s, s)
	changed, err := broadcast.NewTopic[string](&broadcast.Local{}, "changed", &run.Process{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx, changed) }()
	price := func(id string) int64 {
		found, err := m.Lookup(t.Context(), []string{id})
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		return found[0].Price
	}
	price("a")
	s.prices["a"] = 2
	began := time.Now()
	eventually(t, func() (struct{}, bool) {
		if err := changed.Publish(t.Context(), "", "a"); err != nil { // until it listens
			t.Fatal(err)
		}
		return struct{}{}, price("a") == 2
	})
	t.Logf("forgotten after %v; by itself it would be after %v", time.Since(began), priceAge)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
