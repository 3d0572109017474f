package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAProcessThatEndsEarlySaysWhy(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = launch(t.Context(), self, twinChild, "-listen", "nowhere")
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("launch = %v, want what the process said", err)
	}
}

// TestTwinsHaveTheirStyles: a twin that has not the style that is asked for says so, and does
// not store something else.
func TestTwinsHaveTheirStyles(t *testing.T) {
	for name, args := range map[string][]string{
		"nobody has it":         {"-style", "parallel"},
		"not in PostgreSQL":     {"-style", "orchestrated", "-database", "postgres://nowhere"},
		"nobody, in PostgreSQL": {"-style", "parallel", "-database", "postgres://nowhere"},
	} {
		err := child(t.Context(), twinChild, append(args, "-listen", "127.0.0.1:0", "-data", t.TempDir()))
		if err == nil || !strings.Contains(err.Error(), "no style "+strconv.Quote(args[1])) {
			t.Errorf("%s: %v, want that there is no such style", name, err)
		}
	}
}

func TestUsageGrows(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	at, err := freeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := launch(t.Context(), self, simulatorChild, "-listen", at[0], "-data", t.TempDir()+"/simulator.db")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		u, err := p.used()
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("used = %+v, %v", u, err)
		}
		if u.cpu > 0 && u.resided > 1<<20 && u.wrote > 0 {
			break
		}
		if err := pause(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if _, err := p.used(); err == nil {
		t.Error("a process that has ended has usage")
	}
}
