package run

import (
	"sync"
	"time"
)

// A Sizer keeps batches short: where there is one writer, whoever comes meanwhile waits
// for the whole of one. Its methods may be called concurrently: what is handled alone is
// stored beside what is not.
type Sizer struct {
	most int
	slot time.Duration // for one batch

	mu   sync.Mutex
	each time.Duration // for one message, as it was lately
}

const (
	smallest  = 64 // messages: what a commit costs is more than what fewer of them do
	shortSlot = 4 * time.Millisecond
	longSlot  = 50 * time.Millisecond
)

// NewSizer returns a Sizer for batches of at most most messages. Where the writer is
// the only one, a batch is to take 4 ms, elsewhere 50 ms, but has 64 messages if there are.
func NewSizer(most int, only bool) *Sizer {
	if only {
		return &Sizer{most: most, slot: shortSlot}
	}
	return &Sizer{most: most, slot: longSlot}
}

// Size returns how many messages the next batch may have.
func (s *Sizer) Size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.each == 0 {
		return s.most
	}
	return max(min(smallest, s.most), min(s.most, int(s.slot/s.each)))
}

// Took says how long the transaction of n messages took. The estimate follows slowly:
// one pause of the machine is no reason for small batches.
func (s *Sizer) Took(n int, d time.Duration) {
	if n == 0 {
		return
	}
	each := max(time.Nanosecond, d/time.Duration(n))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.each == 0 {
		s.each = each
		return
	}
	s.each += (each - s.each) / 8
}
