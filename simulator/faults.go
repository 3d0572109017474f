package simulator

import (
	"context"
	"sync"
	"time"
)

// Faults are what the provider, or the network before it, does wrong with every
// request until told otherwise.
type Faults struct {
	Duplicate bool     `json:"duplicate"` // each request that moves money arrives twice at once; the first answer counts
	Down      bool     `json:"down"`      // 503 to everything
	Hold      Duration `json:"hold"`      // how long a lost answer hangs before the connection is cut; 20ms
	Slow      Duration `json:"slow"`      // each request arrives so much later, also if its caller has given up
}

// A Duration is a time.Duration that is written like 1.5s.
type Duration time.Duration

// MarshalText writes d as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// A switchboard holds the faults in force.
type switchboard struct {
	mu sync.Mutex
	on Faults
}

func (s *switchboard) get() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on
}

// set changes the faults by decode, and leaves them as they are if it fails.
func (s *switchboard) set(decode func(*Faults) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.on
	if err := decode(&changed); err != nil {
		return err
	}
	s.on = changed
	return nil
}

// wait returns after d, or earlier if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
