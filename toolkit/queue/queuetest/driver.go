package queuetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
)

func drivers() []test {
	return []test{
		// A worker that waits in the driver cannot stop.
		{"receives at once, perhaps nothing", func(k *desk) {
			if got := k.receive(k.queue(long), 10); len(got) != 0 {
				k.Errorf("received %d messages of an empty queue", len(got))
			}
		}},
		// New work does not starve the old.
		{"receives at most max, the longest due first", func(k *desk) {
			q := k.queue(long)
			for i := range 3 {
				k.update(func(tx *store.Tx) error {
					return tx.SendAt(tx.Now.Add(-time.Duration(1+i)*time.Second), fmt.Sprint(i), parcel{i})
				})
			}
			var order []string
			for _, most := range []int{1, 2} {
				got := k.collect(q, most, most)
				slices.SortFunc(got, func(a, b queue.Delivery) int { return a.Due.Compare(b.Due) })
				for _, d := range got {
					order = append(order, d.Key)
				}
			}
			if want := []string{"2", "1", "0"}; !slices.Equal(order, want) {
				k.Errorf("received %v, want %v", order, want)
			}
		}},
		// Handlers see cause, trace and key as they were sent.
		{"gives a message whole", func(k *desk) {
			k.update(func(tx *store.Tx) error {
				return tx.Handling(message.Message{ID: "cause"}).Send("a", parcel{7})
			})
			d := k.collect(k.queue(long), 1, 1)[0]
			if d.Queue != name || d.Kind != "parcel" || d.Key != "a" || d.ID == "" || d.Cause != "cause" || !message.ValidTrace(d.Trace) || string(d.Body) != `{"N":7}` ||
				d.Time.IsZero() || d.Due.IsZero() || d.Lease == "" || d.Strikes != 0 || d.Past.Attempts != 0 {
				k.Errorf("received %+v", d)
			}
		}},
		// A deadline that came early would end a good order.
		{"holds back what is not due", func(k *desk) {
			q := k.queue(long)
			k.update(func(tx *store.Tx) error { return tx.SendAt(tx.Now.Add(300*time.Millisecond), "a", parcel{1}) })
			if got := k.receive(q, 10); len(got) != 0 {
				k.Errorf("received a message before it was due")
			}
			k.wantDepth(1, 0, 0)
			k.await("the message when it is due", func() bool { return len(k.receive(q, 10)) == 1 })
		}},
		// Work of a change that was undone is never done.
		{"hands out nothing that was sent and undone", func(k *desk) {
			_, err := k.db.Update(k.Context(), nil, func(tx *store.Tx) error {
				if err := tx.Send("a", parcel{1}); err != nil {
					return err
				}
				return errBad
			})
			if got := k.receive(k.queue(long), 10); len(got) != 0 || !errors.Is(err, errBad) {
				k.Errorf("received %d messages after %v", len(got), err)
			}
		}},
		// Two workers must not charge the same order.
		{"gives a message to nobody else", nobodyElse},
	}
}

// leases are tests of what a driver does while messages are out, and of its counts.
func leases() []test {
	return []test{
		// A worker that died takes nothing with it.
		{"gives a message again when its lease has ended, with a strike", func(k *desk) {
			k.send(1)
			first := k.collect(k.queue(soon), 1, 1)[0]
			again := k.collect(k.queue(long), 1, 1)
			if again[0].Strikes != 1 || again[0].ID != first.ID || again[0].Lease == first.Lease {
				k.Errorf("received %+v after %+v", again[0], first)
			}
		}},
		// A long call keeps its message; one that lost it is told.
		{"renews a lease", renews},
		// A worker of one kind gets no work of another.
		{"keeps queues apart", func(k *desk) {
			k.send(1)
			if got, err := k.queue(long).Receive(k.Context(), "test_others", 1); err != nil || len(got) != 0 {
				k.Errorf("received %d messages of another queue, %v", len(got), err)
			}
		}},
		// Operators see what waits, is out and is dead.
		{"counts its messages", func(k *desk) {
			k.wantDepth(0, 0, 0)
			k.send(5)
			q := k.queue(long)
			got := k.collect(q, 3, 3)
			k.wantDepth(2, 3, 0)
			k.must(k.settle(q, got[:1], failure.Next{Dead: true}))
			k.must(k.settle(q, got[1:2], failure.Next{}))
			k.wantDepth(2, 1, 1)
		}},
	}
}

// nobodyElse: four who receive at once never get the same message.
func nobodyElse(k *desk) {
	const n = 300
	k.send(n)
	var mu sync.Mutex
	seen, begun := map[string]bool{}, time.Now()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			q := k.queue(long)
			for idle := 0; idle < 3; {
				got, err := q.Receive(k.Context(), name, 7)
				if err != nil {
					k.Error(err)
					return
				}
				mu.Lock()
				for _, d := range got {
					if seen[d.ID] {
						k.Errorf("message %s was handed out twice", d.Key)
					}
					seen[d.ID] = true
				}
				if len(got) == 0 && len(seen) == n {
					idle++
				}
				mu.Unlock()
				if time.Since(begun) > time.Minute {
					return
				}
			}
		})
	}
	wg.Wait()
	if len(seen) != n {
		k.Errorf("%d messages were handed out, want %d", len(seen), n)
	}
}

// renews: what is renewed stays out; of several the one that has ended is reported, and
// the others are renewed.
func renews(k *desk) {
	k.send(2)
	short, q := k.queue(soon), k.queue(long)
	got := k.collect(short, 2, 2)
	k.must(q.Renew(k.Context(), got[:1]))
	var again []queue.Delivery
	k.await("the one that was not renewed", func() bool { again = k.receive(short, 2); return len(again) > 0 })
	if len(again) != 1 || again[0].ID != got[1].ID {
		k.Fatalf("received %d messages again, the first %s; want only %s", len(again), again[0].Key, got[1].Key)
	}
	if err := q.Renew(k.Context(), got); !errors.Is(err, queue.ErrLease) {
		k.Errorf("renewing a lease that has ended: %v, want ErrLease", err)
	}
	k.must(q.Renew(k.Context(), again)) // its new lease is as good as before
	k.must(k.settle(q, got[:1], failure.Next{}))
	k.must(k.settle(q, again, failure.Next{}))
	k.wantDepth(0, 0, 0)
}

func verdicts() []test {
	return []test{
		// A verdict without its commit loses the message.
		{"done takes the message away, with the commit", func(k *desk) {
			q := k.queue(long)
			k.send(100)
			got := k.collect(q, 100, 100)
			_, err := k.db.Update(k.Context(), nil, func(tx *store.Tx) error {
				return errors.Join(q.Settle(tx, []queue.Verdict{{Delivery: got[0]}}), errBad)
			})
			if !errors.Is(err, errBad) {
				k.Error(err)
			}
			k.wantDepth(0, 100, 0)
			k.must(k.settle(q, got, failure.Next{}))
			k.wantDepth(0, 0, 0)
		}},
		// A delay neither costs the history nor blames the message.
		{"later brings it back when it is due, with its history and no strike", func(k *desk) {
			k.send(1)
			k.collect(k.queue(soon), 1, 1)
			q := k.queue(long)
			got := k.collect(q, 1, 1)
			next := failure.Policy{}.Judge(got[0].Past, time.Now(), failure.RetryAfter(200*time.Millisecond, errBad))
			k.must(k.settle(q, got, next))
			k.wantDepth(1, 0, 0)
			if early := k.receive(q, 1); len(early) != 0 {
				k.Error("received it before it was due")
			}
			got = k.collect(q, 1, 1)
			if d := got[0]; d.Past.Attempts != 1 || d.Past.Cause() != "bad" || d.Strikes != 0 {
				k.Errorf("received %+v, want one attempt and no strike", d)
			}
		}},
		// A dead message is an operator's, whatever its lease.
		{"dead is never handed out", func(k *desk) {
			k.send(1)
			q := k.queue(soon)
			k.must(k.settle(q, k.collect(q, 1, 1), failure.Policy{}.Judge(failure.History{}, time.Now(), failure.Permanent(errBad))))
			k.wantDepth(0, 0, 1)
			<-time.After(2 * soon)
			if got := k.receive(q, 1); len(got) != 0 {
				k.Error("received a dead message")
			}
		}},
		// A worker that was stopped too long must not write over its successor.
		{"under a lease that has ended stores nothing", func(k *desk) {
			for _, next := range []failure.Next{{}, {Dead: true}, {Retry: time.Now()}} {
				k.send(2)
				q := k.queue(long)
				old := k.collect(k.queue(soon), 2, 2)
				got := k.collect(q, 2, 2)
				_, err := k.db.Update(k.Context(), nil, func(tx *store.Tx) error {
					if err := tx.Exec(`INSERT INTO posted (n, outcome) VALUES (1, 'late')`); err != nil {
						return err
					}
					return q.Settle(tx, []queue.Verdict{{Delivery: got[0]}, {Delivery: old[1], Next: next}})
				})
				if !errors.Is(err, queue.ErrLease) || k.one(`SELECT count(*) FROM posted`) != 0 {
					k.Errorf("settling under an old lease: %v, want ErrLease and no effect", err)
				}
				k.must(k.settle(q, got, failure.Next{}))
			}
		}},
		// A verdict that is repeated shows, instead of hitting another row.
		{"is given once", func(k *desk) {
			k.send(1)
			q := k.queue(long)
			got := k.collect(q, 1, 1)
			k.must(k.settle(q, got, failure.Next{}))
			if err := k.settle(q, got, failure.Next{}); !errors.Is(err, queue.ErrLease) {
				k.Errorf("a second verdict: %v, want ErrLease", err)
			}
		}},
	}
}

// suspects are messages that lost their leases: whoever had them may have died of one.
func suspects() []test {
	return []test{
		// Whatever kills the process is found one by one.
		{"comes alone, counted before, while no other is out", func(k *desk) {
			k.send(3)
			short, q := k.queue(soon), k.queue(long)
			for range 2 {
				n := 0
				k.await("all three", func() bool { n += len(k.receive(short, 10)); return n == 3 })
			}
			var first []queue.Delivery
			k.await("a suspect", func() bool { first = k.receive(q, 10); return len(first) > 0 })
			if len(first) != 1 || first[0].Strikes != 2 {
				k.Fatalf("received %d messages, the first with %d strikes; want one with 2", len(first), first[0].Strikes)
			}
			k.send(1) // no suspect: it need not wait
			if got := k.collect(q, 10, 1); got[0].Strikes != 0 {
				k.Errorf("received one with %d strikes beside a suspect, want the new one", got[0].Strikes)
			}
			k.must(k.settle(q, first, failure.Next{}))
			if got := k.collect(q, 10, 1); got[0].Strikes != 2 {
				k.Errorf("received one with %d strikes after the suspect, want the next one", got[0].Strikes)
			}
		}},
		// The count survives the process that was to keep it.
		{"that is lost again has one strike more", func(k *desk) {
			k.send(1)
			q := k.queue(soon)
			for want := range 5 {
				if got := k.collect(q, 1, 1); got[0].Strikes != want {
					k.Fatalf("%d strikes, want %d", got[0].Strikes, want)
				}
			}
		}},
	}
}
