package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is on its way, or was decided by an operator, is nothing wrong.
func TestNothingWrong(t *testing.T) {
	tests := []struct {
		name string
		do   func(p *platform)
		opts Options
	}{
		{name: "a message that nobody has read yet", do: func(p *platform) {
			p.declined("new")
			p.exec("order", `DELETE FROM orders WHERE id = 'new'`)
			p.exec("order", `DELETE FROM journal WHERE key = 'new'`)
			p.exec("order", `DELETE FROM idempotency WHERE key = 'key-new'`)
			p.exec("payment", `DELETE FROM payment WHERE order_id = 'new'`)
			p.exec("payment", `DELETE FROM attempt WHERE order_id = 'new'`)
			p.exec("payment", `DELETE FROM journal WHERE key = 'new'`)
			p.exec("simulator", `DELETE FROM call WHERE key = 'pay-new'`)
			p.seen = p.seen[:len(p.seen)-1]
			p.now = time.Now()
			s := p.accept("new")
			s.is("pending", "pending", "pending", "")
			p.job("order", "order_deadlines", "expire", "new", time.Minute)
			p.exec("inventory", `DELETE FROM reservation WHERE order_id = 'new'`)
			p.exec("shipping", `DELETE FROM shipment WHERE order_id = 'new'`)
		}},
		{name: "goods that are about to leave, and to be freed, and a new price", do: func(p *platform) {
			p.now = time.Now()
			p.move("a", "", "restock", 10)
			s := p.accept("leaving")
			s.call("charge", "captured", "captured")
			s.capture()
			s.pay("captured", 0)
			s.money("PaymentProcessed")
			s.reserve("reserved", "")
			s.ship("shipped")
			s.event("OrderConfirmed", nil)
			s.event("OrderCompleted", nil)
			s.is("completed", "captured", "shipped", "")
			s = p.accept("leaving not")
			s.call("charge", "captured", "captured")
			s.capture()
			s.pay("captured", 0)
			s.money("PaymentProcessed")
			s.reserve("reserved", "")
			s.ship("wanted")
			p.job("shipping", "shipping_labels", "label", s.id, time.Minute)
			s.event("OrderConfirmed", nil)
			s.fails("OrderCancelled", "cancelled", "refunding", "ended", "cancelled_by_customer")
			p.reprice("a", 3, 600)
		}},
		{name: "a dead letter that was discarded", do: func(p *platform) {
			p.exec("inventory", `DELETE FROM parked WHERE key = 'blocked'`)
			p.exec("order", `UPDATE orders SET status = 'pending' WHERE id = 'blocked'`)
			var letter string
			if err := p.dbs["payment"].QueryRow(`SELECT id FROM journal WHERE kind = 'PaymentProcessed' AND key = 'blocked'`).Scan(&letter); err != nil {
				p.t.Fatal(err)
			}
			p.say("inventory", "DeadLetterDecided", "dead:"+letter, 0, map[string]any{"act": "discard", "who": "eve"})
		}},
		{name: "a dead letter that was edited, redriven and died again", do: func(p *platform) {
			grave{service: "shipping", id: "a-1", parked: true, replaces: "a-0", said: true, named: true}.dig(p)
			decides(p, "shipping", "a-0", map[string]any{"act": "edit", "who": "eve", "became": "shipping/a-1", "body": map[string]any{"n": 1}}, 0)
			decides(p, "shipping", "a-1", map[string]any{"act": "redrive", "who": "eve"}, -time.Second)
		}},
		{name: "a parked message behind a dead one", do: func(p *platform) {
			p.park("inventory", "payment", "blocked", 100000, "waiting", 0)
		}},
		{name: "a charge that the provider has made and nobody has recorded", do: func(p *platform) {
			p.exec("simulator", `INSERT INTO charge (key, n, order_id, amount, currency, status, reference, at)
				SELECT 'pay-paying', n, 'paying', 1250, 'USD', 'captured', 'ch_paying', 0 FROM call WHERE key = 'pay-paying'`)
		}},
		{name: "a job under a lease", do: func(p *platform) {
			p.exec("payment", `UPDATE job SET lease = 'w1', due = $1 WHERE key = 'paying'`, time.Now().Add(time.Minute).UnixMicro())
		}},
		{name: "an order whose fate the client does not know", opts: Options{Sole: true}, do: func(p *platform) {
			p.seen[3] = `{"key":"key-lost","orderId":"","outcome":"unknown","final":""}` + "\n"
		}},
	}
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				p := filled(t)
				test.do(p)
				test.opts.Data, test.opts.Database, test.opts.Ledger, test.opts.pause = p.dir, p.url, p.ledger(), time.Millisecond
				r, err := Run(t.Context(), test.opts)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range r.Checks {
					if c.Violations > 0 {
						t.Errorf("%s: %q", c.Promise, c.Examples)
					}
				}
			})
		}
	})
}

// Only a deadline that will end the order owns it.
func TestDeadlineThatOwnsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		for name, query := range map[string]string{
			"the order is confirmed": `UPDATE orders SET status = 'confirmed' WHERE id = 'blocked'`,
			"the deadline is dead":   `UPDATE job SET dead = 1 WHERE key = 'blocked'`,
			"there is none":          `DELETE FROM job WHERE key = 'blocked'`,
		} {
			t.Run(name, func(t *testing.T) {
				p := filled(t)
				p.exec("inventory", `DELETE FROM parked WHERE key = 'blocked'`)
				p.exec("order", query)
				plant{promise: promiseOwner, example: "blocked"}.check(t, p)
			})
		}
	})
}

// Without the provider's ledger nothing is said of any order, but that it is not known.
func TestProviderElsewhere(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		p := filled(t)
		o := Options{Data: p.dir, Database: p.url, Ledger: p.ledger(), pause: time.Millisecond}
		other := filepath.Join(t.TempDir(), "provider.db")
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string]string{
			filepath.Join(p.dir, "none"): "the payment provider's ledger is not at " + filepath.Join(p.dir, "none") + ": say where it is with --provider FILE",
			other:                        other + " cannot be read as the payment provider's ledger (",
		} {
			o.Provider = file
			unheard(t, o, want)
		}
		p.close()
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(filepath.Join(p.dir, "simulator.db"+end), other+end); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		o.Provider = other
		if r, err := Run(t.Context(), o); err != nil || !r.OK {
			t.Errorf("ok is %v, %v with its ledger at %s: %+v", r.OK, err, other, r.Checks)
		}
		o.Provider = ""
		unheard(t, o, "the payment provider's ledger is not at "+filepath.Join(p.dir, "simulator.db"))
	})
}

// unheard audits, and wants one violation, of that there is no provider's ledger, and
// the five promises that need it not checked.
func unheard(t *testing.T, o Options, want string) {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil || r.OK {
		t.Errorf("ok is %v, %v", r.OK, err)
	}
	open := 0
	for _, c := range r.Checks {
		if c.NotChecked != "" {
			open++
		}
		switch {
		case c.Promise == promiseStores && c.Violations == 1 && strings.HasPrefix(c.Examples[0], want):
		case c.Promise == promiseStores || c.Violations > 0:
			t.Errorf("%s: %d violations: %q, want %q", c.Promise, c.Violations, c.Examples, want)
		}
		if needs := c.Promise == promiseProvider || c.Promise == promiseCalls || c.Promise == promiseHold; needs && c.NotChecked == "" {
			t.Errorf("%s: is checked, without anything to compare with", c.Promise)
		}
	}
	if open != 6 {
		t.Errorf("%d promises were not checked, want 6", open)
	}
}

// What moves between two looks is late, not stuck.
func TestStill(t *testing.T) {
	before, after := Check{Examples: []string{}}, Check{Examples: []string{}}
	for _, v := range []string{"a", "b", "c"} {
		before.violation(v)
	}
	for _, v := range []string{"b", "d"} {
		after.violation(v)
	}
	if got := after.still(before); got.Violations != 1 || got.Examples[0] != "b" {
		t.Errorf("still stuck are %q, want b", got.Examples)
	}
}

func TestNothingToAudit(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(wrong, []byte("{}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		o    Options
		want string
	}{
		"no folder":       {Options{Data: filepath.Join(t.TempDir(), "none")}, "no data folder"},
		"no ledger":       {Options{Data: t.TempDir(), Ledger: "none"}, "ledger"},
		"damaged ledger":  {Options{Data: t.TempDir(), Ledger: wrong}, "line 2"},
		"no database":     {Options{Data: t.TempDir(), Database: "postgres://127.0.0.1:1/x"}, "connect"},
		"not a URL of it": {Options{Data: t.TempDir(), Database: "mysql://x:y:z"}, "not one of PostgreSQL"},
	} {
		if _, err := Run(t.Context(), test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want one about %q", name, err, test.want)
		}
	}
	r, err := Run(t.Context(), Options{Data: t.TempDir(), pause: time.Millisecond})
	if err != nil || r.OK {
		t.Errorf("an empty folder is ok: %v (%v)", r.OK, err)
	}
}

// Nothing is written, whoever owns the files.
func TestOnlyReads(t *testing.T) {
	onEach(t, func(t *testing.T, filled func(*testing.T) *platform) {
		p := filled(t)
		before := p.rows()
		if _, err := Run(t.Context(), Options{Data: p.dir, Database: p.url, Ledger: p.ledger()}); err != nil {
			t.Fatal(err)
		}
		if after := p.rows(); after != before {
			t.Errorf("%d rows, there were %d", after, before)
		}
	})
	a := &audit{Options: Options{Data: t.TempDir()}, ctx: t.Context()}
	if err := os.WriteFile(filepath.Join(a.Data, "user.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.openFiles(); err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if err := a.exec(`CREATE TABLE "user".x (y)`); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("writing to a file: %v, want it refused", err)
	}
}

func TestMinor(t *testing.T) {
	for _, test := range []struct {
		amount, currency string
		want             any
	}{
		{"1200.00", "USD", int64(120000)},
		{"0.05", "EUR", int64(5)},
		{"700", "JPY", int64(700)},
		{"1.250", "KWD", int64(1250)},
		{"1.0000", "UYW", int64(10000)},
		{"12.5", "USD", nil},
		{"7.00", "JPY", nil},
		{"x.00", "USD", nil},
		{"", "USD", nil},
	} {
		if got := minor(test.amount, test.currency); got != test.want {
			t.Errorf("%s %s is %v, want %v", test.amount, test.currency, got, test.want)
		}
	}
}

// Scripts read these names.
func TestReportShape(t *testing.T) {
	got, err := json.Marshal(Report{OK: true, Checks: []Check{{Promise: "p", Checked: 1, Examples: []string{}}}})
	if want := `{"ok":true,"checks":[{"promise":"p","checked":1,"violations":0,"examples":[]}],"dead":0}`; err != nil || string(got) != want {
		t.Errorf("report is %s (%v), want %s", got, err, want)
	}
}
