package analytics

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// rebuilt asks for a rebuild and returns what became of it.
func (s *Service) rebuilt(t testing.TB, logs map[string]*log, compare bool) (status projection.Status) {
	t.Helper()
	r := &projection.Rebuilder{Projection: s.Projection(), DB: s.DB, Logs: map[string]stream.Log{}, Process: &run.Process{Instance: "rebuilds"}}
	for name, l := range logs {
		r.Logs[name] = l
	}
	if _, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error {
		_, err := r.Ask(tx, projection.Order{Who: "op", Compare: compare})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	eventually(t, func() bool {
		var err error
		if status, err = r.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return !status.Running()
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return status
}

// months are a few hundred events of a shop, in an order that may be: some come twice, and what
// belongs to different logs in any order.
func months(seed uint64) (events []event) {
	r := rand.New(rand.NewPCG(seed, 1))
	at := func() time.Time { return noon.Add(time.Duration(r.IntN(72)) * time.Hour) }
	for i := range 150 {
		id := fmt.Sprintf("o%d", i)
		events = append(events, of(id, []string{"USD", "EUR", "JPY"}[r.IntN(3)], at()))
		switch r.IntN(5) {
		case 0:
			events = append(events, fails(id, []string{"payment_declined", "timeout"}[r.IntN(2)], at()))
		case 1:
			events = append(events, cancels(id, at()), refunds(id, "USD", at()))
		case 2, 3:
			events = append(events, completes(id, at()), completes(id, at()))
		}
		if r.IntN(4) == 0 {
			events = append(events, fails(id, "late", at()), refunds(id, "EUR", at()), of(id, "USD", at()))
		}
	}
	for i := range 10 {
		id := []string{"a", "b", "c"}[i%3]
		events = append(events, renames(id, fmt.Sprint("name ", i), at()), costs(id, int64(100+i), at()), registers(fmt.Sprintf("u%d", i%7), at()))
	}
	events = append(events, completes("alone", at()), lists("d", "Date", at()), lists("a", "Apple", at()))
	if r.IntN(2) == 0 {
		events = append(events, of("alone", "USD", at()))
	}
	return events
}

// What a rebuild folds in memory is what the handlers do with SQL, for any story.
func TestTheFoldIsTheHandlers(t *testing.T) {
	s := start(t)
	for seed := range uint64(4) {
		s.clear(t)
		all := logs(t, months(seed)...)
		if _, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(`DELETE FROM position`) }); err != nil {
			t.Fatal(err)
		}
		stop := s.follow(t, fmt.Sprint("reads ", seed), all)
		s.caughtUp(t, all)
		stop()
		before := s.counters(t)
		if got := s.rebuilt(t, all, true); got.State != projection.Done || got.Digest != got.Live || got.Digest == "" {
			t.Fatalf("story %d, compared: %+v", seed, got)
		}
		if got := s.rebuilt(t, all, false); got.State != projection.Done || got.Digest != got.Live {
			t.Fatalf("story %d, rebuilt: %+v", seed, got)
		}
		if got := s.counters(t); got != before {
			t.Errorf("story %d makes\n%s\nof\n%s", seed, got, before)
		}
	}
}

// What somebody has spoilt is as it was, and what is read afterwards counts once.
func TestRebuildMends(t *testing.T) {
	s := start(t)
	all := logs(t, months(7)...)
	stop := s.follow(t, "reads", all)
	s.caughtUp(t, all)
	before := s.counters(t)
	for _, harm := range []string{`DELETE FROM sale WHERE order_id = 'o1'`, `UPDATE tally SET n = n + 1 WHERE name = 'accepted'`, `DELETE FROM product`,
		`INSERT INTO customer (user_id) VALUES ('nobody')`, `UPDATE revenue SET high = 1`, `UPDATE refund SET amount = 1`} {
		if _, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(harm) }); err != nil {
			t.Fatal(err)
		}
		if got := s.rebuilt(t, all, true); got.State != projection.Done || got.Digest == got.Live {
			t.Errorf("%s is not found: %+v", harm, got)
		}
		if got := s.rebuilt(t, all, false); got.State != projection.Done {
			t.Errorf("%s: %+v", harm, got)
		}
		if got := s.counters(t); got != before {
			t.Errorf("after %s it is\n%s\nwant\n%s", harm, got, before)
		}
	}
	more := []event{of("later", "USD", noon), completes("later", noon)}
	for _, e := range more {
		all[contract.Orders].say(e.message(t))
	}
	s.caughtUp(t, all)
	stop()
	if got := s.rebuilt(t, all, true); got.Digest != got.Live {
		t.Errorf("what came afterwards: %+v", got)
	}
}
