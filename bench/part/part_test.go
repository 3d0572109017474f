package part_test

import (
	"testing"
	"time"

	"github.com/tidewire/tidewire/bench/part"
)

// TestPartsDoTheirWork runs each part on both sides. Each checks for itself that all that
// it counts was done.
func TestPartsDoTheirWork(t *testing.T) {
	size := part.Size{Time: 50 * time.Millisecond, Messages: 2500}
	for _, p := range part.All() {
		t.Run(p.Name, func(t *testing.T) {
			got, err := p.Ours(t.Context(), t.TempDir(), size)
			if err != nil || got.PerSecond <= 0 || got.Micros <= 0 {
				t.Errorf("ours = %+v, %v", got, err)
			}
			got, err = p.Twin(t.Context(), t.TempDir(), size)
			if err != nil || got.PerSecond <= 0 || got.Micros <= 0 {
				t.Errorf("twin = %+v, %v", got, err)
			}
		})
	}
}

func TestBesideCountsTheOthers(t *testing.T) {
	for _, fails := range []bool{false, true} {
		if wait, err := part.Beside(t.Context(), t.TempDir(), fails, 200, time.Second); err != nil || wait <= 0 {
			t.Errorf("fails %v: %v, %v", fails, wait, err)
		}
	}
}
