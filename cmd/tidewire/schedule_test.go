package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// The deadline of an order that nobody is paid for is seen, and brought forward: the order
// ends at once. Another's is cancelled, and that one waits.
func TestDeadlinesAreListedMovedAndCancelled(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"), "user", "product", "order")
	first := r.order(`{"userId":"1","productId":"1","quantity":1}`)["id"]
	second := r.order(`{"userId":"1","productId":"2","quantity":1}`)["id"]
	waiting := func(flags ...string) (all []operate.Scheduled) {
		_, out, stderr := tidewire(t, r.flags(append([]string{"schedule", "list", "--json"}, flags...)...)...)
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatalf("%q %q: %v", out, stderr, err)
		}
		return all
	}
	if all := waiting("--queue", "order_deadlines", "--after", "+1m", "--before", "+10m"); len(all) != 2 {
		t.Errorf("%+v wait in the next ten minutes, want two deadlines", all)
	}
	if all := waiting("--key", fmt.Sprint(first), "--limit", "1"); len(all) != 1 || all[0].ID != fmt.Sprint("order/deadline-", first) {
		t.Errorf("%+v wait for %s", all, first)
	}
	move := []string{"schedule", "move", fmt.Sprint("order/deadline-", first), "--to", "now", "--why", "the customer is in a hurry"}
	if exit, out, stderr := tidewire(t, r.flags(move...)...); exit != exitDone || !strings.HasPrefix(out, fmt.Sprint("move order/deadline-", first)) {
		t.Errorf("exit %d, %q, %q", exit, out, stderr)
	}
	if o := r.final(first); o["status"] != "failed" || o["reason"] != "timed_out" {
		t.Errorf("the order is %v: %v", o["status"], o["reason"])
	}
	if exit, _, stderr := tidewire(t, r.flags(move...)...); exit != exitFound || !strings.Contains(stderr, "no such scheduled work") {
		t.Errorf("once it is done: exit %d, %q", exit, stderr)
	}
	cancel := []string{"schedule", "cancel", fmt.Sprint("order/deadline-", second), "--why", "by phone", "--json"}
	exit, out, stderr := tidewire(t, r.flags(cancel...)...)
	var done operate.ScheduleDecided
	if err := json.Unmarshal([]byte(out), &done); exit != exitDone || err != nil || done.Act != "cancel" || done.Why != "by phone" || done.Who == "" || time.Until(done.Due) > 5*time.Minute {
		t.Errorf("exit %d, %q, %q", exit, out, stderr)
	}
	if all := waiting("--queue", "order_deadlines"); len(all) != 0 {
		t.Errorf("%+v wait after a cancel", all)
	}
	for flags, want := range map[string]int{"--key nobody": exitFound, "--before +1s": exitDone} {
		exit, _, stderr := tidewire(t, r.flags(append([]string{"schedule", "list"}, strings.Fields(flags)...)...)...)
		if exit != want || strings.Contains(stderr, "nothing that waits is like that") != (want == exitFound) {
			t.Errorf("%s: exit %d, %q", flags, exit, stderr)
		}
	}
	if exit, out, _ := tidewire(t, "schedule", "cancel", "--help"); exit != exitDone || !strings.Contains(out, "for ever") {
		t.Errorf("exit %d, %q: want a warning", exit, out)
	}
}
