package streamtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

func logs() []test {
	return []test{
		// A position of a wiped log must not be taken for one of this.
		{"has an identity of its own, which it keeps", func(k *desk) {
			k.append("a", counted{0}) // a copy that has nothing need not know
			k.readAll(1)
			first, err := k.log.Identity(k.Context())
			k.must(err)
			k.close()
			k.open()
			second, err := k.log.Identity(k.Context())
			k.must(err)
			other := newDesk(k.T, k.h, k.h.Place(k))
			other.append("a", counted{0})
			other.readAll(1)
			third, err := other.log.Identity(k.Context())
			k.must(err)
			if first == "" || first != second || first == third {
				k.Errorf("identities %q, again %q, of another log %q", first, second, third)
			}
		}},
		// A gap or a repetition here is one in every service.
		{"reads what follows, in order, at once", func(k *desk) {
			if got := k.read(everywhere(), 100); len(got) != 0 {
				k.Errorf("read %d messages of an empty log", len(got))
			}
			k.numbers(40, 4)
			all := k.readAll(40)
			e := all[10]
			from := everywhere()
			from[e.Partition] = e.Position
			for _, later := range k.read(from, 100) {
				if later.Partition == e.Partition && later.Seq <= e.Seq {
					k.Errorf("read %d after %d", later.Seq, e.Seq)
				}
			}
		}},
		// A partition of another instance is not touched.
		{"reads at most Max, and only the partitions that are wanted", func(k *desk) {
			k.numbers(40, 4)
			k.readAll(40)
			if got := k.read(everywhere(), 7); len(got) != 7 {
				k.Errorf("read %d messages, want 7", len(got))
			}
			p := store.Partition("key1")
			for _, e := range k.read([]store.Position{{Partition: p}}, 100) {
				if e.Partition != p || store.Partition(e.Key) != p {
					k.Errorf("read %s of partition %d, want only %d", e.Key, e.Partition, p)
				}
			}
			if got := k.read(nil, 100); len(got) != 0 {
				k.Errorf("read %d messages of no partition", len(got))
			}
		}},
		// Most messages are nobody's: reading them is the cost of a log.
		{"spares the body that nobody wants", func(k *desk) {
			k.append("a", counted{1}, ended{})
			k.readAll(2)
			got, err := k.log.Read(k.Context(), stream.Query{From: everywhere(), Max: 10, Want: func(kind string) bool { return kind == "ended" }})
			k.must(err)
			if len(got) != 2 || len(got[0].Body) != 0 || string(got[1].Body) != "{}" {
				k.Errorf("read %+v, want the second with a body", got)
			}
		}},
		// Handlers see cause, trace and version as they were said.
		{"gives a message whole", whole},
		// What commits late is not jumped over.
		{"passes by nothing while others write", follow},
	}
}

// places are tests of what a log says about places in it.
func places() []test {
	return []test{
		// A reader recognizes the log that it has read.
		{"knows what is at a place", func(k *desk) {
			k.append("a", counted{1})
			e := k.readAll(1)[0]
			for seq, want := range map[int64]string{e.Seq: e.Message.ID, e.Seq + 1: ""} {
				got, err := k.log.At(k.Context(), e.Partition, seq)
				if errors.Is(err, stream.ErrUnseen) && want == "" { // a copy may still get it
					continue
				}
				if err != nil || got != want {
					k.Errorf("at %d is %q, %v; want %q", seq, got, err, want)
				}
			}
		}},
		// Lag is a number that operators act on.
		{"counts what follows", func(k *desk) {
			k.numbers(10, 3)
			e := k.readAll(10)[3]
			from := everywhere()
			want := 10 - len(k.before(e))
			from[e.Partition] = e.Position
			if got, err := k.log.Behind(k.Context(), from); err != nil || got != int64(want) {
				k.Errorf("%d follow, %v; want %d", got, err, want)
			}
		}},
		// A new order does not wait for a poll.
		{"tells that there is more", func(k *desk) {
			hint, stop := k.log.Watch()
			defer stop()
			_, err := k.log.Read(k.Context(), stream.Query{From: everywhere(), Max: 1, Want: func(string) bool { return true }, Follow: true})
			k.must(err)
			k.append("a", counted{1})
			k.await("a hint", func() bool {
				select {
				case <-hint:
					return true
				default:
					return false
				}
			})
		}},
	}
}

// everywhere is the beginning of all partitions.
func everywhere() (from []store.Position) {
	for p := range store.Partitions {
		from = append(from, store.Position{Partition: p})
	}
	return from
}

func (k *desk) read(from []store.Position, most int) []stream.Entry {
	k.Helper()
	got, err := k.log.Read(k.Context(), stream.Query{From: from, Max: most, Want: func(string) bool { return true }})
	k.must(err)
	return got
}

// readAll waits until n messages can be read: not before everything that other
// transactions could still put between them is over.
func (k *desk) readAll(n int) (all []stream.Entry) {
	k.Helper()
	k.await(fmt.Sprint(n, " messages"), func() bool { all = k.read(everywhere(), n+1); return len(all) == n })
	return all
}

// before returns e and what comes before it in its partition.
func (k *desk) before(e stream.Entry) []stream.Entry {
	return slices.DeleteFunc(k.read(everywhere(), 1000), func(o stream.Entry) bool { return o.Partition != e.Partition || o.Seq > e.Seq })
}

func whole(k *desk) {
	k.update(k.source, func(tx *store.Tx) error {
		_, err := tx.Handling(message.Message{ID: "cause"}).AppendAfter(store.Place{}, "a", counted{7})
		return err
	})
	e := k.readAll(1)[0]
	m := e.Message
	if e.Position.ID != m.ID || m.ID == "" || e.Partition != store.Partition("a") {
		k.Errorf("position %+v of message %s", e.Position, m.ID)
	}
	if m.Kind != "counted" || m.Class != message.Public || m.Key != "a" || m.Version != 1 || m.Cause != "cause" || !message.ValidTrace(m.Trace) || m.Time.IsZero() || string(m.Body) != `{"N":7}` {
		k.Errorf("read %+v with body %s", m, m.Body)
	}
}

// follow reads on while four others write: what a transaction that is still to be
// committed could put between two messages is not passed by.
func follow(k *desk) {
	const writers, each = 4, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				k.update(k.source, func(tx *store.Tx) error {
					for j := range 3 {
						if err := tx.Append(fmt.Sprint(w, j, i%7), counted{i}); err != nil {
							return err
						}
					}
					return nil
				})
			}
		})
	}
	defer wg.Wait()
	seen := map[string]bool{}
	at := everywhere()
	k.await("all that was written", func() bool {
		for _, e := range k.read(at, 50) {
			if e.Seq <= at[e.Partition].Seq || seen[e.Message.ID] {
				k.Errorf("read %d again after %d", e.Seq, at[e.Partition].Seq)
			}
			seen[e.Message.ID], at[e.Partition] = true, e.Position
		}
		return len(seen) >= writers*each*3
	})
}
