package run_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
)

// TestStrain shows which waits are overload, and how much is refused then.
func TestStrain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		age    time.Duration // of the process
		waits  map[string]time.Duration
		later  time.Duration // when it is asked
		wait   time.Duration
		refuse [2]int // of a thousand, at least and at most
	}{
		{"nothing was handled", time.Hour, nil, 0, 0, [2]int{0, 0}},
		{"calm", time.Hour, map[string]time.Duration{"a": time.Second}, 0, time.Second, [2]int{0, 0}},
		{"half of it", time.Hour, map[string]time.Duration{"a": 2 * time.Second}, 0, 2 * time.Second, [2]int{400, 600}},
		{"all of it", time.Hour, map[string]time.Duration{"a": 3 * time.Second}, 0, 3 * time.Second, [2]int{1000, 1000}},
		{"all lanes together", time.Hour, map[string]time.Duration{"a": 0, "b": 2 * time.Second, "c": time.Second}, 0, 3 * time.Second, [2]int{1000, 1000}},
		{"what is no news does not", time.Hour, map[string]time.Duration{"a": 3 * time.Second}, time.Second, 0, [2]int{0, 0}},
		{"an interruption is made up for", time.Hour, map[string]time.Duration{"a": 10 * time.Minute}, 0, 0, [2]int{0, 0}},
		{"what was sent before the process began, too", 10 * time.Second, map[string]time.Duration{"a": 11 * time.Second}, 0, 0, [2]int{0, 0}},
		{"what was sent after it began does", 10 * time.Second, map[string]time.Duration{"a": 9 * time.Second}, 0, 9 * time.Second, [2]int{1000, 1000}},
		{"a clock of another machine that is ahead", time.Hour, map[string]time.Duration{"a": -time.Hour, "b": time.Second}, 0, time.Second, [2]int{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run.NewStrain()
				time.Sleep(tt.age)
				for lane, wait := range tt.waits {
					s.Handled(lane, time.Now().Add(-wait))
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
