package model

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"time"
)

// seeds is how many histories TestRules plays: TIDEWIRE_SEEDS, or 2,000.
func seeds(t *testing.T) uint64 {
	s := os.Getenv("TIDEWIRE_SEEDS")
	if s == "" {
		return 2000
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// With all rules in force no history of any seed violates anything.
func TestRules(t *testing.T) {
	n, steps, began := seeds(t), 0, time.Now()
	for seed := range n {
		s, err := Run(seed, 0)
		if err != nil {
			t.Fatal(err)
		}
		steps += s
	}
	took := time.Since(began)
	t.Logf("%d seeds in %v: %.0f seeds/s, %d steps each", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), steps/int(n))
}

// Each rule is needed: without it the model finds the harm, and soon.
func TestEachRuleIsNeeded(t *testing.T) {
	for _, tt := range []struct {
		name    string
		without Rule
		within  uint64 // seeds
	}{
		{"fence", Fence, 500},
		{"token", Token, 5000},
		{"forget", Forget, 500},
		{"parking", Parking, 100},
		{"bisection", Bisection, 100},
		{"sequence", Sequence, 100},
		{"confirm", Confirm, 100},
		{"count", Count, 100},
		{"alone", Alone, 5000},
		{"owner", Owner, 500},
		{"tombstone", Tombstone, 500},
		{"lease", Lease, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for seed := range tt.within {
				if _, err := Run(seed, tt.without); err != nil {
					t.Log(err)
					return
				}
			}
			t.Errorf("%d seeds found no harm without it", tt.within)
		})
	}
}

// A seed is a history: it can be played again.
func TestSeedIsHistory(t *testing.T) {
	first, _ := Run(7, 0)
	second, _ := Run(7, 0)
	if first != second || first == 0 {
		t.Errorf("got %d steps, then %d", first, second)
	}
}

// What never ends is found, and called so.
func TestStuck(t *testing.T) {
	for seed := range uint64(200) {
		if _, err := Run(seed, Count); errors.Is(err, ErrStuck) {
			return
		}
	}
	t.Error("no history without counting was stuck")
}
