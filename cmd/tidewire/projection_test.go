package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// What is kept of events is compared with them and made anew, while orders come.
func TestProjectionCommands(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	r.ends(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"declined"}}`, "failed", "payment_declined")
	for _, tt := range []struct {
		args string
		exit int
		want []string // in what it prints, to either
	}{
		{"projection list", exitDone, []string{"NAME", "analytics", "sale ", "orders 2", "never rebuilt"}},
		{"projection rebuild orders --wait --why test", exitDone, []string{"orders: done", "events folded; the tables were what they come to"}},
		{"projection rebuild analytics --wait --who ann", exitDone, []string{"analytics: done"}},
		{"projection verify orders", exitDone, []string{"orders: done", "the tables were what they come to"}},
		{"projection verify analytics --json", exitDone, []string{`"equal": true`, `"compare": true`}},
		{"projection list", exitDone, []string{"yes", "ann"}},
		{"projection list --json", exitDone, []string{`"name": "analytics"`, `"rebuilder": "ann"`}},
		{"projection rebuild sales", exitFound, []string{"no such projection", "There are analytics, orders."}},
		{"projection cancel orders", exitFound, []string{"No rebuild of orders is under way"}},
	} {
		exit, out, stderr := tidewire(t, r.flags(strings.Fields(tt.args)...)...)
		if exit != tt.exit {
			t.Errorf("%s: exit %d, want %d: %s", tt.args, exit, tt.exit, out+stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(out+stderr, want) {
				t.Errorf("%s: got\n%s%swant %q in it", tt.args, out, stderr, want)
			}
		}
		if strings.Contains(tt.args, "--json") && !json.Valid([]byte(out)) {
			t.Errorf("%s: %s", tt.args, out)
		}
	}
	r.ends(`{"userId":"1","productId":"2","quantity":1}`, "completed", "")
	_, out, _ := tidewire(t, r.flags("audit")...)
	for _, promise := range []string{"an order is the sum of its history", "every number is the sum of what happened", "every position is a place in its log"} {
		if !regexp.MustCompile(`(?m)^ok +` + promise).MatchString(out) {
			t.Errorf("after all that, %s is not what the audit finds:\n%s", promise, out)
		}
	}
}

// What was spoilt is found, by exit 1, and mended; and each act is recorded with its reason.
func TestProjectionsThatAreWrong(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *shopfront) {
		f := open()
		f.stock()
		rebuilds := func(act string) (p operate.Projection) {
			f.t.Helper()
			f.operate("POST", "/admin/v1/projections/orders/"+act, `{"who":"ann","why":"`+act+`"}`, 202)
			if body := f.operate("POST", "/admin/v1/projections/orders/"+act, `{"who":"bob","why":""}`, 409); !strings.Contains(body, "ann asked for it") {
				t.Errorf("a second one is told %s", body)
			}
			f.during(func() {
				eventually(t, "the rebuild ends", func() bool {
					p = operate.Projection{}
					if err := json.Unmarshal([]byte(f.operate("GET", "/admin/v1/projections/orders", "", 200)), &p); err != nil {
						t.Fatal(err)
					}
					return p.State == "done" || p.State == "failed"
				})
			})
			return p
		}
		harm := func(statement string) {
			f.t.Helper()
			if _, err := f.databases["order"].Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(statement) }); err != nil {
				t.Fatal(err)
			}
		}
		harm(`UPDATE orders SET total = 1 WHERE id = 'o1'`)
		if p := rebuilds("compare"); p.State != "done" || p.Equal == nil || *p.Equal || !p.Rebuilt.IsZero() {
			t.Errorf("compared: %+v", p)
		}
		if p := rebuilds("rebuild"); p.State != "done" || p.Equal == nil || *p.Equal || p.Rebuilder != "ann" {
			t.Errorf("rebuilt: %+v", p)
		}
		if p := rebuilds("compare"); p.Equal == nil || !*p.Equal {
			t.Errorf("compared again: %+v", p)
		}
		var acts []string
		err := f.databases["order"].View(t.Context(), func(tx *store.Tx) (err error) {
			acts, err = texts(tx, `SELECT class FROM journal WHERE kind = 'ProjectionDecided'`)
			return err
		})
		if err != nil || fmt.Sprint(acts) != "[audit audit audit]" {
			t.Errorf("recorded %v, %v", acts, err)
		}
		f.operate("POST", "/admin/v1/projections/orders/rebuild", `{"why":"nobody"}`, 422)
		f.operate("POST", "/admin/v1/projections/nothing/rebuild", `{"who":"ann","why":""}`, 404)
		f.operate("POST", "/admin/v1/projections/orders/cancel", `{"who":"ann","why":""}`, 409)
	})
}
