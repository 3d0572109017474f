package notification

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
)

// begin runs a service with its worker, as the platform does, until the test ends.
func (s *Service) begin(t *testing.T, instance string) {
	t.Helper()
	table := queue.Table{DB: s.DB}
	if !s.DB.Alone() {
		table.Skip = (&postgres.Driver{}).SkipLocked()
	}
	w := &queue.Worker{DB: s.DB, Driver: table, Handlers: s.Queues(), Policy: s.CallPolicy(), Concurrency: Calls, Process: &run.Process{Instance: instance}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, w.Run, s.Run) }()
	t.Cleanup(func() {
		cancel()
		begun := time.Now()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if d := time.Since(begun); d > grace+3*time.Second {
			t.Errorf("stopping took %v", d)
		}
	})
}

// await waits until something is so.
func await(t *testing.T, what string, limit time.Duration, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// Two instances share the mails: each is sent once, and said once.
func TestTwoInstances(t *testing.T) {
	const orders = 40
	p := &postman{}
	one := start(t, p)
	two := &Service{DB: one.DB, Contacts: one.Contacts, Shop: one.Shop, Mailer: p}
	one.begin(t, "one")
	two.begin(t, "two")
	for i := range orders {
		one.hears(t, fmt.Sprintf("o%d", i), parcel, accepted, payment)
	}
	await(t, "everything sent", time.Minute, func() bool { return len(one.jobs(t)) == 0 })
	seen := map[string]int{}
	for _, m := range p.mails {
		seen[m.ID]++
	}
	if len(seen) != 3*orders || len(p.mails) != 3*orders {
		t.Errorf("%d mails of %d notifications, want %d of each", len(p.mails), len(seen), 3*orders)
	}
	if got := one.column(t, `SELECT CAST(COUNT(*) AS TEXT) FROM journal WHERE kind = 'NotificationSent'`); got != fmt.Sprint(3*orders) {
		t.Errorf("said %s times", got)
	}
}

// A hanging postman takes a mail and does not come back.
type hanging struct {
	calls, most, now atomic.Int64
	free             atomic.Bool
}

func (h *hanging) Send(ctx context.Context, _ Mail) error {
	h.calls.Add(1)
	n := h.now.Add(1)
	defer h.now.Add(-1)
	for most := h.most.Load(); n > most && !h.most.CompareAndSwap(most, n); most = h.most.Load() {
	}
	if h.free.Load() {
		return nil
	}
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
	return context.DeadlineExceeded
}

func (h *hanging) Hello(context.Context) error { return context.DeadlineExceeded }
func (h *hanging) Close() error                { return nil }

// A server that hangs is asked by few, then by one in five seconds; the other jobs are not
// even touched. When it answers again, all of them leave.
func TestAHangingServerIsGivenARest(t *testing.T) {
	const orders = 1000
	h := &hanging{}
	s := start(t, nil)
	s.Mailer = h
	for i := range orders {
		s.hears(t, fmt.Sprintf("o%d", i), accepted)
	}
	s.begin(t, "one")
	await(t, "the breaker", time.Minute, func() bool { return h.calls.Load() >= tolerated && s.gate.state() == 2 })
	if got := h.most.Load(); got > connections {
		t.Errorf("%d calls at a time, want at most %d", got, connections)
	}
	const untouched = `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE past = '' AND lease = ''`
	before := s.column(t, untouched)
	await(t, "a mail that tries", time.Minute, func() bool {
		return h.calls.Load() > tolerated+connections || h.calls.Load() > tolerated && s.gate.state() == 1
	})
	if !s.Away() || s.off().Away() {
		t.Error("a server that hangs is not said to be away, or one that there is not")
	}
	if got := h.calls.Load(); got > 3*connections {
		t.Errorf("%d calls of a server that hangs", got)
	}
	var first, then int
	fmt.Sscan(before, &first)
	fmt.Sscan(s.column(t, untouched), &then)
	if first < orders-2*Calls || first-then > 2*Calls {
		t.Errorf("%d jobs are as they were, then %d, of %d", first, then, orders)
	}
	h.free.Store(true)
	await(t, "everything sent", time.Minute, func() bool { return len(s.jobs(t)) == 0 })
	if s.Away() {
		t.Error("a server that takes mail is said to be away")
	}
	if got := s.column(t, `SELECT DISTINCT status FROM notification`); got != string(sent) {
		t.Errorf("states are %s", got)
	}
}

// A silent server never answers.
type silent struct{ calls atomic.Int64 }

func (m *silent) Send(ctx context.Context, _ Mail) error {
	m.calls.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

func (m *silent) Hello(context.Context) error { return nil }
func (m *silent) Close() error                { return nil }

// A worker whose server is silent stops all the same: begin looks how long it takes.
func TestStopBesideASilentServer(t *testing.T) {
	m := &silent{}
	s := start(t, nil)
	s.Mailer = m
	for i := range 2 * connections {
		s.hears(t, fmt.Sprintf("o%d", i), accepted)
	}
	s.begin(t, "one")
	await(t, "calls", time.Minute, func() bool { return m.calls.Load() == connections })
}
