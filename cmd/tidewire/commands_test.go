package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

func TestCommandsThatLook(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	o := r.ends(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"fails_twice"}}`, "completed", "")
	id := fmt.Sprint(o["id"])
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"order", "show", id}, []string{"OrderCreated", "OrderConfirmed", "OrderCompleted", "authorize unavailable", "capture captured", "posting", "shipping", "inventory", "order AuthorizePayment *", "payment PaymentProcessed"}},
		{[]string{"order", "show", id, "--diagram"}, []string{"sequenceDiagram", "actor outside", "outside->>order: request", "order->>inventory: ReserveStock", "order-->>payment: CapturePayment", "payment->>order: PaymentProcessed", "Note over order: OrderCompleted"}},
		{[]string{"stream", "list"}, []string{"SUBSCRIPTION", "payment", "order", "inventory"}},
		{[]string{"stream", "list", "--partitions"}, []string{"PARTITION", "POSITION"}},
		{[]string{"queue", "list"}, []string{"QUEUE", "payment_charges", "order_deadlines"}},
		{[]string{"dead", "list"}, []string{"LETTERS", "PROBLEM"}},
		{[]string{"dead", "list", "--letters"}, []string{"ID", "CAUSE"}},
		{[]string{"schedule", "list"}, []string{"DUE", "payment/payment-reconciliation"}},
		{[]string{"dead", "redrive", "--all", "--dry-run"}, []string{"0 dead letters"}},
		{[]string{"doctor"}, []string{"nothing found"}},
		{[]string{"config"}, []string{"KEY", "order.style", "--set", "orchestrated"}},
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
	for _, args := range [][]string{{"order", "show", id}, {"stream", "list"}, {"queue", "list"}, {"dead", "list"}, {"schedule", "list"}, {"doctor"}, {"config"}, {"version"}, {"audit"}} {
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
	for _, args := range [][]string{{"stream", "list"}, {"queue", "list"}, {"dead", "list"}, {"schedule", "list"}, {"order", "show", "1"}} {
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
		{[]string{"schedule", "cancel", "x"}, "SERVICE/WORK"},
		{[]string{"schedule", "move", "order/x"}, "--to"},
		{[]string{"schedule", "move", "order/x", "--to", "soon"}, "such as +90m"},
		{[]string{"schedule", "list", "--before", "5"}, "--before"},
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

// plant leaves a job that nobody handles in a stopped platform's payment database.
func plant(t *testing.T, data, id string) {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(data, "payment.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open("payment", d)
	_, err = db.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Exec(`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES ($1, 'payment_charges', 'bogus', 'k', $2, '', '', $3, $2)`, id, tx.Now, []byte("{}"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDeadLettersAreDecidedOn(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	r.term()
	plant(t, data, "a-1")
	plant(t, data, "a-2")
	r = up(t, data)
	letters := func() (all []operate.Letter) {
		_, out, _ := tidewire(t, r.flags("dead", "list", "--service", "payment", "--type", "bogus", "--letters", "--json")...)
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		return all
	}
	eventually(t, "two dead letters", func() bool { return len(letters()) == 2 })
	for _, tt := range []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"dead", "list"}, exitDone, "nobody handles bogus"},
		{[]string{"dead", "show", "payment/a-1"}, exitDone, `"redrives": 0`},
		{[]string{"dead", "redrive", "payment/a-1", "--dry-run"}, exitDone, "would redrive payment/a-1"},
		{[]string{"dead", "redrive", "payment/a-1", "--why", "a test"}, exitDone, "redrive payment/a-1: bogus k in payment_charges"},
		{[]string{"dead", "discard", "--all", "--cause", "no such cause", "--yes"}, exitFound, ""},
		{[]string{"dead", "redrive", "payment/none"}, exitFound, "0 dead letters"},
		{[]string{"doctor"}, exitFound, "dead letters"},
	} {
		if exit, out, stderr := tidewire(t, r.flags(tt.args...)...); exit != tt.exit || !strings.Contains(out, tt.want) {
			t.Errorf("%v: exit %d, %s%s; want %d, %q", tt.args, exit, out, stderr, tt.exit, tt.want)
		}
	}
	eventually(t, "it died again", func() bool {
		_, out, _ := tidewire(t, r.flags("dead", "show", "payment/a-1")...)
		return strings.Contains(out, `"redrives": 1`)
	})
	exit, out, _ := tidewire(t, r.flags("dead", "discard", "--all", "--service", "payment", "--rate", "100", "--who", "eve", "--count", "2")...)
	if exit != exitDone || !strings.Contains(out, "2 dead letters") || len(letters()) != 0 {
		t.Errorf("discard: exit %d, %s", exit, out)
	}
}

func TestDoctorFindsAMissingProvider(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "payment.simulator=http://127.0.0.1:1")
	exit, out, _ := tidewire(t, r.flags("doctor", "--json")...)
	var found []operate.Finding
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if exit != exitFound || len(found) != 1 || found[0].Where != "http://127.0.0.1:1" || !strings.Contains(found[0].Do, "payment.simulator") {
		t.Errorf("exit %d, %+v", exit, found)
	}
}

func TestSomeServices(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data, "user", "product", "order")
	id := r.order(`{"userId":"1","productId":"1","quantity":1}`)["id"]
	if status, _ := r.do("GET", "/api/payments/1", ""); status != 404 {
		t.Errorf("a route of a service that does not run: got %d, want 404", status)
	}
	if exit, _ := r.term(); exit != exitDone {
		t.Errorf("exit %d", exit)
	}
	r = up(t, data)
	if o := r.final(id); o["status"] != "completed" {
		t.Errorf("got %v, want completed once all run", o)
	}
}
