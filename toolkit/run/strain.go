package run

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// A Strain knows how far behind a process is with what it has taken on, and says when it
// should take on no more. What is refused costs little and may be asked again; what is
// accepted and waits costs everybody who comes after it.
//
// Its measure is the wait of messages between being sent and being handled, as in CoDel
// (Nichols and Jacobson, "Controlling queue delay", 2012): of each batch the message that
// waited least counts, for a burst has some that waited long, and only a standing queue
// has none that waited little. A message by itself is no queue: it waited because the
// machine is slow, and would no less if all others were refused. The waits of all lanes are
// added up, as a piece of work passes through them. Once they have been long for an
// interval, a share is refused that grows with them, so that it settles where the rest is
// as much as can be done.
//
// What was sent before the process began, or over a minute ago, is no overload but an
// interruption that is being made up for. It is done beside new work.
type Strain struct {
	begun time.Time
	mu    sync.Mutex
	lanes map[string]lag
	long  time.Time // since when the waits were long, if they are
}

// A lag is how long the message of a batch waited that waited least.
type lag struct {
	wait time.Duration
	at   time.Time
}

const (
	calm        = time.Second     // a wait up to which nothing is refused,
	overrun     = 3 * time.Second // and from which everything is,
	interval    = time.Second     // when the wait was long all that time
	interrupted = time.Minute     // a wait that has another cause than overload
	news        = time.Second     // how long a lag is news
)

// NewStrain returns the Strain of a process that begins now.
func NewStrain() *Strain { return &Strain{begun: time.Now(), lanes: map[string]lag{}} }

// Measure shows the wait to a meter; nil measures nothing.
func (s *Strain) Measure(m metric.Meter) error {
	if m == nil {
		return nil
	}
	_, err := m.Float64ObservableGauge("tidewire.strain.wait", metric.WithUnit("s"),
		metric.WithDescription("How long an order has waited lately on its way through all services, at least. From 1 s on, some new orders are refused; from 3 s, all."),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(s.Wait().Seconds())
			return nil
		}))
	return err
}

// Handled says that a lane, such as a queue, has handled a batch of messages that were sent
// at these times. A nil Strain takes no notice.
func (s *Strain) Handled(lane string, sent ...time.Time) {
	if s == nil || len(sent) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, last := time.Now(), slices.MaxFunc(sent, time.Time.Compare)
	wait := max(0, now.Sub(last))
	if len(sent) == 1 || last.Before(s.begun) || wait > interrupted {
		wait = 0
	}
	if s.wait(now) <= calm {
		s.long = now
	}
	s.lanes[lane] = lag{wait: wait, at: now}
}

// Wait returns how long all lanes together have kept messages waiting lately.
func (s *Strain) Wait() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wait(time.Now())
}

func (s *Strain) wait(now time.Time) (sum time.Duration) {
	for _, l := range s.lanes {
		if now.Sub(l.at) < news {
			sum += l.wait
		}
	}
	return sum
}

// Refuse reports whether a piece of work that comes now is to be refused.
func (s *Strain) Refuse() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	wait := s.wait(now)
	return wait > calm && now.Sub(s.long) >= interval && rand.Float64() < float64(wait-calm)/float64(overrun-calm)
}
