package storetest

import (
	"slices"
	"sync"

	"github.com/tidewire/tidewire/toolkit/store"
)

func hints() []test {
	return []test{
		{"of one are heard by the others", func(k *desk) {
			here, there := k.tellers()
			e := &heard{}
			there.Hear(e.add)
			here.Hear(func([]string) {})
			Await(k, "both hear", func() bool { return there.Hearing() && here.Hearing() })
			here.Tell([]string{"journal", "work"})
			Await(k, "both topics are heard", func() bool { return e.has("journal") && e.has("work") })
		}},
		{"end when it is closed", func(k *desk) {
			here, there := k.tellers()
			e := &heard{}
			there.Hear(e.add)
			here.Hear(func([]string) {})
			Await(k, "both hear", func() bool { return there.Hearing() && here.Hearing() })
			k.must(there.(store.Driver).Close())
			here.Tell([]string{"journal"})
			there.Tell([]string{"journal"}) // of no use, and no harm
			if e.has("journal") {
				k.Error("it was told after it was closed")
			}
		}},
	}
}

// tellers are two drivers on one database.
func (k *desk) tellers() (here, there store.Teller) {
	k.Helper()
	here, ok := k.d.(store.Teller)
	if !ok || k.deaf {
		k.Skip("no other process has this database open, or none can be told")
	}
	return here, k.again().(store.Teller)
}

// heard is what was told.
type heard struct {
	mu     sync.Mutex
	topics []string
}

func (h *heard) add(topics []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.topics = append(h.topics, topics...)
}

func (h *heard) has(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.topics, topic)
}
