package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandsThatLook(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	o := r.ends(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"fails_twice"}}`, "completed", "")
	id := fmt.Sprint(o["id"])
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"order", "show", id}, []string{"OrderCreated", "OrderConfirmed", "OrderCompleted", "charge captured", "posting", "shipping", "inventory"}},
		{[]string{"stream", "list"}, []string{"SUBSCRIPTION", "payment", "order", "inventory"}},
		{[]string{"stream", "list", "--partitions"}, []string{"PARTITION", "POSITION"}},
		{[]string{"queue", "list"}, []string{"QUEUE", "payment_charges", "order_deadlines"}},
		{[]string{"dead", "list"}, []string{"ID", "CAUSE"}},
		{[]string{"dead", "redrive", "--all", "--dry-run"}, []string{"0 dead letters"}},
		{[]string{"doctor"}, []string{"nothing found"}},
		{[]string{"config"}, []string{"KEY", "order.style", "--set", "choreographed"}},
		{[]string{"version"}, []string{"go1.", "modernc.org/sqlite"}},
		{[]string{"audit"}, []string{"PROMISE"}},
	} {
		exit, out, stderr := tidewire(t, r.flags(tt.args...)...)
		if exit != exitDone {
			t.Errorf("%v: exit %d, %s", tt.args, exit, stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: got\n%swant %q in it", tt.args, out, want)
			}
		}
	}
	for _, args := range [][]string{{"order", "show", id}, {"stream", "list"}, {"queue", "list"}, {"dead", "list"}, {"doctor"}, {"config"}, {"version"}, {"audit"}} {
		exit, out, _ := tidewire(t, r.flags(append(args, "--json")...)...)
		if exit != exitDone || !json.Valid([]byte(out)) {
			t.Errorf("%v --json: exit %d, %s", args, exit, out)
		}
	}
	exit, _, stderr := tidewire(t, r.flags("order", "show", "nope")...)
	if exit != exitFound || !strings.Contains(stderr, "no such order") {
		t.Errorf("an unknown order: exit %d, %q", exit, stderr)
	}
}

func TestCommandsWithoutAPlatform(t *testing.T) {
	at := []string{"--set", "listen=127.0.0.1:1", "--set", "admin=127.0.0.1:1", "--data", filepath.Join(t.TempDir(), "none")}
	for _, args := range [][]string{{"stream", "list"}, {"queue", "list"}, {"dead", "list"}, {"order", "show", "1"}} {
		exit, _, stderr := tidewire(t, append(args, at...)...)
		if exit != exitFound || !strings.Contains(stderr, "start it with tidewire up") {
			t.Errorf("%v: exit %d, %q", args, exit, stderr)
		}
	}
	exit, out, _ := tidewire(t, append([]string{"doctor"}, at...)...)
	if exit != exitFound || !strings.Contains(out, "the platform is not running") {
		t.Errorf("doctor: exit %d, %q", exit, out)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"bogus"}, "unexpected argument bogus"},
		{[]string{"dead", "redrive"}, "--all"},
		{[]string{"dead", "redrive", "--all", "a/b"}, "not both"},
		{[]string{"dead", "show", "x"}, "no id of a dead letter"},
		{[]string{"config", "--set", "x"}, "key=value"},
		{[]string{"load", "--mix", "7"}, "mix"},
	} {
		exit, _, stderr := tidewire(t, append(tt.args, at...)...)
		if exit != exitWrong || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit %d, %q; want 2 and %q", tt.args, exit, stderr, tt.want)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"up", "--help"}, {"dead", "redrive", "--help"}, {"load", "--help"}} {
		exit, out, _ := tidewire(t, args...)
		if exit != exitDone || !strings.Contains(out, "tidewire up") && !strings.Contains(out, "Examples:") {
			t.Errorf("%v: exit %d\n%s", args, exit, out)
		}
		if strings.Contains(out, "simulator ") {
			t.Errorf("%v: the simulator is no command for people", args)
		}
	}
}
