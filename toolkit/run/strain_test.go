package run_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
)

// TestStrain shows which waits are overload, and how much is refused then.
func TestStrain(t *testing.T) {
	type waits map[string]time.Duration
	for _, tt := range []struct {
		name   string
		age    time.Duration // of the process
		waits  waits         // of two messages each
		alone  waits         // of one
		stands time.Duration // how long it was so
		later  time.Duration // when it is asked after that
		wait   time.Duration
		refuse [2]int // of a thousand, at least and at most
	}{
		{name: "nothing was handled", age: time.Hour},
		{name: "calm", age: time.Hour, waits: waits{"a": time.Second}, stands: time.Second, wait: time.Second},
		{name: "half of it", age: time.Hour, waits: waits{"a": 2 * time.Second}, stands: time.Second, wait: 2 * time.Second, refuse: [2]int{400, 600}},
		{name: "all of it", age: time.Hour, waits: waits{"a": 3 * time.Second}, stands: time.Second, wait: 3 * time.Second, refuse: [2]int{1000, 1000}},
		{name: "all lanes together", age: time.Hour, waits: waits{"a": 0, "b": 2 * time.Second, "c": time.Second}, stands: time.Second, wait: 3 * time.Second, refuse: [2]int{1000, 1000}},
		{name: "a hiccup", age: time.Hour, waits: waits{"a": 3 * time.Second}, stands: 900 * time.Millisecond, wait: 3 * time.Second},
		{name: "messages by themselves on a slow machine", age: time.Hour, alone: waits{"a": 3 * time.Second, "b": 2 * time.Second}, stands: time.Minute},
		{name: "what is no news does not", age: time.Hour, waits: waits{"a": 3 * time.Second}, stands: time.Second, later: time.Second},
		{name: "an interruption is made up for", age: time.Hour, waits: waits{"a": 10 * time.Minute}, stands: time.Second},
		{name: "what was sent before the process began, too", age: 10 * time.Second, waits: waits{"a": 12 * time.Second}, stands: time.Second},
		{name: "what was sent after it began does", age: 10 * time.Second, waits: waits{"a": 9 * time.Second}, stands: time.Second, wait: 9 * time.Second, refuse: [2]int{1000, 1000}},
		{name: "a clock of another machine that is ahead", age: time.Hour, waits: waits{"a": -time.Hour, "b": time.Second}, stands: time.Second, wait: time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run.NewStrain()
				time.Sleep(tt.age)
				for left := tt.stands; left >= 0; left -= 100 * time.Millisecond {
					now := time.Now()
					for lane, wait := range tt.waits {
						s.Handled(lane, now.Add(-wait), now.Add(-wait-time.Second))
					}
					for lane, wait := range tt.alone {
						s.Handled(lane, now.Add(-wait))
					}
					if left > 0 {
						time.Sleep(100 * time.Millisecond)
					}
				}
				time.Sleep(tt.later)
				if got := s.Wait(); got != tt.wait {
					t.Errorf("wait %v, want %v", got, tt.wait)
				}
				refused := 0
				for range 1000 {
					if s.Refuse() {
						refused++
					}
				}
				if refused < tt.refuse[0] || refused > tt.refuse[1] {
					t.Errorf("%d of 1000 refused, want %v", refused, tt.refuse)
				}
			})
		})
	}
}

// TestStrainOfNobody shows that who has no Strain need not ask for it.
func TestStrainOfNobody(t *testing.T) {
	var s *run.Strain
	s.Handled("lane", time.Now())
}
