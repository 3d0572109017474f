package main

import (
	"runtime"
	"testing"
)

func TestOversubscribe(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	was := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(was)
	if oversubscribe(); runtime.GOMAXPROCS(0) != 2*runtime.NumCPU() {
		t.Errorf("%d goroutines run at a time, want %d", runtime.GOMAXPROCS(0), 2*runtime.NumCPU())
	}
	t.Setenv("GOMAXPROCS", "1")
	runtime.GOMAXPROCS(1)
	if oversubscribe(); runtime.GOMAXPROCS(0) != 1 {
		t.Errorf("%d goroutines run at a time, though the environment says 1", runtime.GOMAXPROCS(0))
	}
}
