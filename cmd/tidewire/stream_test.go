package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
)

// What was said about an order is printed in the order in which it happened, and told again
// to whom an operator names.
func TestStreamTailAndReplay(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	id := fmt.Sprint(r.ends(`{"userId":"1","productId":"1","quantity":1,"style":"choreographed"}`, "completed", "")["id"])
	tail := func(flags ...string) []string {
		exit, out, stderr := tidewire(t, r.flags(append([]string{"stream", "tail"}, flags...)...)...)
		if exit != exitDone {
			t.Fatalf("%q: exit %d, %s", flags, exit, stderr)
		}
		return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	}
	var kinds []string
	for _, line := range tail("--key", id, "order", "payment", "inventory", "shipping") {
		words := strings.SplitN(line, " ", 5) // time, log/number, kind, key, data
		if len(words) != 5 || words[3] != id || !json.Valid([]byte(words[4])) {
			t.Fatalf("a line is %q", line)
		}
		kinds = append(kinds, words[2])
	}
	if len(kinds) > 4 {
		slices.Sort(kinds[3:5]) // order confirms and shipping ships on their own, each when it has heard
	}
	if got := strings.Join(kinds, " "); !strings.HasPrefix(got, "OrderCreated PaymentProcessed InventoryUpdated OrderConfirmed OrderShipped OrderCompleted") {
		t.Errorf("printed %s", got)
	}
	for _, line := range tail("--json", "--kind", "OrderCreated") {
		var e cloudevent.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Check() != nil || e.Attributes["type"] != "OrderCreated" || e.Attributes["dataschema"] != "urn:tidewire:schema:OrderCreated" {
			t.Errorf("%s: %v, %v", line, err, e.Check())
		}
	}
	if lines := tail("--from", "now"); len(lines) != 1 || lines[0] != "" {
		t.Errorf("from now on: %q", lines)
	}
	for _, tt := range []struct {
		args []string
		exit int
		told string
	}{
		{[]string{"tail", "nobody"}, exitFound, "There are analytics, "},
		{[]string{"tail", "order", "--from", "soon"}, exitFound, "must be start, now"},
		{[]string{"tail", "order", "--key", "nobody"}, exitFound, "no message is like that"},
		{[]string{"replay", "analytics", "order"}, exitWrong, "--from"},
		{[]string{"replay", "nobody", "order", "--from", "start"}, exitFound, "analytics order"},
		{[]string{"replay", "analytics", "order", "--from", "start", "--dry-run"}, exitDone, "analytics would read order again from start: "},
		{[]string{"replay", "analytics", "order", "--from", "start", "--why", "to see that it counts once"}, exitDone, "analytics reads order again from start: "},
	} {
		exit, out, stderr := tidewire(t, r.flags(append([]string{"stream"}, tt.args...)...)...)
		if exit != tt.exit || !strings.Contains(out+stderr, tt.told) {
			t.Errorf("%q: exit %d, %q, %q; want %d, %q", tt.args, exit, out, stderr, tt.exit, tt.told)
		}
	}
	eventually(t, "it is read again", func() bool {
		_, out, _ := tidewire(t, r.flags("stream", "list", "--json")...)
		var all []operate.Stream
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.Behind != 0 {
				return false
			}
		}
		return true
	})
	if _, numbers := r.do("GET", "/api/analytics", ""); numbers["totalOrders"] != 1.0 || numbers["completed"] != 1.0 {
		t.Errorf("the numbers are %v", numbers)
	}
	if lines := tail("analytics", "--all", "--kind", "StreamReplayed"); len(lines) != 1 || !strings.Contains(lines[0], "to see that it counts once") {
		t.Errorf("kept %q", lines)
	}
}
