package run_test

import (
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
)

func TestSizer(t *testing.T) {
	for _, tt := range []struct {
		name string
		only bool
		each time.Duration // that a message takes, again and again
		want int
	}{
		{"nothing known", true, 0, 256},
		{"fast messages", true, time.Microsecond, 256},
		{"an ordinary message", true, 40 * time.Microsecond, 100},
		{"slow messages", true, 10 * time.Millisecond, 64},
		{"where others can write", false, 500 * time.Microsecond, 100},
	} {
		s := run.NewSizer(256, tt.only)
		for range 100 {
			if tt.each > 0 {
				s.Took(10, 10*tt.each)
			}
		}
		if got := s.Size(); got != tt.want {
			t.Errorf("%s: size %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestSizerForgetsAPause(t *testing.T) {
	s := run.NewSizer(256, true)
	for range 100 {
		s.Took(100, 2*time.Millisecond)
	}
	s.Took(1, 100*time.Microsecond)
	if got := s.Size(); got < 100 {
		t.Errorf("size %d after one slow batch, want at least 100", got)
	}
	s.Took(0, time.Second)
}
