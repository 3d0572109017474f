package load

import (
	"sync"
	"time"
)

// placed is an order on its way.
type placed struct {
	order
	key      string
	product  string
	invoked  time.Time // when it was due to be sent
	answered time.Time
}

// book knows the fate of every order. An order may be seen to have ended before its
// answer has come back, so what ended is kept while any request is out that was begun
// before that.
type book struct {
	mu      sync.Mutex
	ledger  *ledger
	open    map[string]*placed // accepted, by id
	twice   []*placed          // whose id another order has too: never finished
	early   map[string]ending
	passed  []ending // what is in early, oldest first
	slots   []int64  // the order each client is placing; -1: none
	begun   int64    // the latest
	count   map[outcome]int
	ends    map[string]int // by status
	accept  times
	end     times
	style   string
	first   time.Time // request
	last    time.Time // final state, or answer if there was none
	lastEnd time.Time
}

// ending is a final state that was seen, of whosever order.
type ending struct {
	id, status string
	at         time.Time
	begun      int64 // the latest order then
}

func newBook(l *ledger, clients int) *book {
	b := &book{ledger: l, open: map[string]*placed{}, early: map[string]ending{}, slots: make([]int64, clients),
		count: map[outcome]int{}, ends: map[string]int{}}
	for i := range b.slots {
		b.slots[i] = -1
	}
	return b
}

func (b *book) start(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.first, b.last, b.lastEnd = at, at, at
}

// begin notes that a client sends the n-th order.
func (b *book) begin(slot int, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slots[slot], b.begun = n, max(b.begun, n)
}

// settle notes the outcome of placing p. If p was seen to have ended before its answer
// came, it is finished here, and not by ended.
func (b *book) settle(slot int, p *placed, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slots[slot] = -1
	b.count[o]++
	if p.answered.After(b.last) {
		b.last = p.answered
	}
	if o != accepted {
		b.ledger.write(p, o, "")
		return
	}
	b.accept.add(p.answered.Sub(p.invoked))
	if b.style == "" {
		b.style = p.Style
	}
	// An id that is open already is another order's: one of the two can never finish.
	if e, ok := b.early[p.ID]; ok {
		delete(b.early, p.ID)
		b.finish(p, e)
	} else if b.open[p.ID] != nil {
		b.twice = append(b.twice, p)
	} else {
		b.open[p.ID] = p
	}
}

// ended notes orders that were seen to have ended.
func (b *book) ended(orders []order, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range orders {
		e := ending{id: o.ID, status: o.Status, at: at, begun: b.begun}
		if p := b.open[o.ID]; p != nil {
			delete(b.open, o.ID)
			b.finish(p, e)
			continue
		}
		b.early[o.ID] = e
		b.passed = append(b.passed, e)
	}
	b.forget()
	b.ledger.flush()
}

// finish notes the end of an accepted order. It cannot be before the answer: whoever
// waits for both has it then.
func (b *book) finish(p *placed, e ending) {
	if p.answered.After(e.at) {
		e.at = p.answered
	}
	b.ends[e.status]++
	b.end.add(e.at.Sub(p.invoked))
	b.last, b.lastEnd = later(b.last, e.at), later(b.lastEnd, e.at)
	b.ledger.write(p, accepted, e.status)
}

// forget drops what ended before any request that is out was begun: other customers'
// orders.
func (b *book) forget() {
	// Only an order whose request is out can still turn out to be one of them.
	oldest := b.begun + 1
	for _, n := range b.slots {
		if n >= 0 {
			oldest = min(oldest, n)
		}
	}
	for len(b.passed) > 0 && b.passed[0].begun < oldest {
		delete(b.early, b.passed[0].id)
		b.passed = b.passed[1:]
	}
}

// waiting returns how many accepted orders have not ended, how many have, and when the
// last did.
func (b *book) waiting() (open, ended int, last time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open) + len(b.twice), b.end.count(), b.lastEnd
}

// close writes down the orders that have not ended, and reports.
func (b *book) close(o Options) (Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.report(o)
	for _, p := range b.open {
		b.twice = append(b.twice, p)
	}
	for _, p := range b.twice {
		b.ledger.write(p, accepted, "")
	}
	return r, b.ledger.close()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
