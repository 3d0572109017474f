package main

import (
	"os"
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
