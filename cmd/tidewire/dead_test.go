package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// misshapen has the name of a fact that others follow, and not its shape: a program that
// is newer or older might say it.
type misshapen struct {
	OrderID []int `json:"orderId"`
}

// Kind is another's.
func (misshapen) Kind() string { return "OrderCreated" }

// change does something with a stopped platform's database.
func change(t *testing.T, data, service string, do func(*store.Tx) error) {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(data, service+".db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(service, d)
	_, err = db.Update(t.Context(), nil, do)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// decisions are the audit facts of a stopped platform's service, in their order.
func decisions(t *testing.T, data, service string) (all []operate.DeadLetterDecided) {
	t.Helper()
	change(t, data, service, func(tx *store.Tx) error {
		all = nil
		return tx.Rows(`SELECT body FROM journal WHERE kind = 'DeadLetterDecided' AND class = 'audit' ORDER BY seq`, nil, func(scan func(...any) error) error {
			var body []byte
			var d operate.DeadLetterDecided
			if err := scan(&body); err != nil {
				return err
			}
			err := json.Unmarshal(body, &d)
			all = append(all, d)
			return err
		})
	})
	return all
}

// letters are the dead letters that the flags choose.
func (r *running) letters(flags ...string) (all []operate.Letter) {
	r.t.Helper()
	_, out, stderr := tidewire(r.t, r.flags(append([]string{"dead", "list", "--letters", "--json"}, flags...)...)...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		r.t.Fatalf("%q %q: %v", out, stderr, err)
	}
	return all
}

// A fact that payment cannot read, and a job that it does not know: found, shown, tried
// again, given up, and each act kept with who did it and why.
func TestDeadLettersFromEndToEnd(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := up(t, data)
	if exit, _ := r.term(); exit != exitDone {
		t.Fatalf("exit %d", exit)
	}
	change(t, data, "order", func(tx *store.Tx) error { return tx.Append("bad-order", misshapen{OrderID: []int{1, 2}}) })
	plant(t, data, "b-1")
	r = up(t, data)
	var fact, job operate.Letter
	eventually(t, "two dead letters of payment", func() bool {
		all := r.letters("--service", "payment")
		if len(all) != 2 {
			return false
		}
		fact, job = all[0], all[1]
		if fact.Kind != "OrderCreated" {
			fact, job = job, fact
		}
		return true
	})
	if fact.Kind != "OrderCreated" || fact.Key != "bad-order" || fact.Place != "order (payment)" || fact.Died.IsZero() || job.Place != "payment_charges" {
		t.Errorf("got %+v and %+v", fact, job)
	}
	for _, tt := range []struct {
		name string
		args []string
		exit int
		out  string // in what it prints
		err  string // in what it complains of; "" for nothing
	}{
		{"list groups", []string{"list"}, exitDone, "nobody handles bogus in queue payment_charges", ""},
		{"list groups by cause", []string{"list", "--cause", "nobody handles"}, exitDone, "payment_charges", ""},
		{"list groups by what is no problem", []string{"list", "--cause", "order 17"}, exitFound, "", "write order #"},
		{"list", []string{"list", "--letters"}, exitDone, fact.ID, ""},
		{"list by type", []string{"list", "--letters", "--type", "bogus"}, exitDone, job.ID, ""},
		{"list by key", []string{"list", "--letters", "--key", "bad-order"}, exitDone, fact.ID, ""},
		{"list by age", []string{"list", "--letters", "--age", "24h"}, exitFound, "ID", "no dead letter is like that"},
		{"list groups by age", []string{"list", "--age", "24h"}, exitFound, "PROBLEM", "no dead letter is like that"},
		{"show", []string{"show", fact.ID}, exitDone, `"orderId": [`, ""},
		{"show none", []string{"show", "payment/none"}, exitFound, "", "There is no such dead letter."},
		{"show none of a service", []string{"show", "nobody/none"}, exitFound, "", "no such service"},
		{"redrive none", []string{"redrive", "payment/none"}, exitFound, "0 dead letters", "payment/none: There is no such dead letter.\n"},
		{"redrive none, dry", []string{"redrive", "payment/none", "--dry-run"}, exitFound, "0 dead letters", "payment/none: There is no such dead letter.\n"},
		{"discard none", []string{"discard", "payment/none", "--why", "x"}, exitFound, "0 dead letters", "payment/none: There is no such dead letter.\n"},
		{"discard no id", []string{"discard", "none"}, exitWrong, "", "no id of a dead letter"},
		{"one of two", []string{"discard", "payment/none", fact.ID, "--dry-run"}, exitFound, "would discard " + fact.ID + ": OrderCreated bad-order in order (payment)", "payment/none: "},
		{"discard all, dry", []string{"discard", "--all", "--service", "payment", "--dry-run"}, exitDone, "2 dead letters", ""},
		{"discard all, unsure", []string{"discard", "--all", "--service", "payment"}, exitWrong, "", "say --yes or --count N"},
		{"discard all, miscounted", []string{"discard", "--all", "--service", "payment", "--count", "3"}, exitWrong, "", "these are 2 dead letters, not 3"},
		{"discard by what nobody has", []string{"discard", "--all", "--type", "Nothing", "--yes"}, exitFound, "", "no dead letter is like that"},
		{"redrive by what nobody has", []string{"redrive", "--all", "--type", "Nothing"}, exitFound, "", "no dead letter is like that"},
		{"redrive of too long ago", []string{"redrive", "--all", "--died-before", "2020-01-01T00:00:00Z"}, exitDone, "0 dead letters", ""},
		{"edit what is not there", []string{"edit", "payment/none", "--put", "/a=1"}, exitFound, "", "There is no such dead letter."},
		{"edit with nothing", []string{"edit", fact.ID}, exitWrong, "", "give --body FILE or --put"},
		{"edit that breaks the schema", []string{"edit", fact.ID, "--put", "/orderId=bad-order"}, exitFound, "", "body/userId is missing"},
		{"edit of nothing", []string{"edit", fact.ID, "--put", "/orderId=[1,2]"}, exitWrong, "", "nothing was changed"},
		{"edit of what is not there", []string{"edit", fact.ID, "--put", "/a/b=1"}, exitWrong, "", "there is no a"},
	} {
		exit, out, stderr := tidewire(t, r.flags(append([]string{"dead"}, tt.args...)...)...)
		if exit != tt.exit || !strings.Contains(out, tt.out) || !strings.Contains(stderr, tt.err) || (tt.err == "") != (stderr == "") || strings.Count(stderr, "There is") > 1 {
			t.Errorf("%s: exit %d, %q, %q; want %d, %q, %q", tt.name, exit, out, stderr, tt.exit, tt.out, tt.err)
		}
	}
	if got := r.letters("--service", "payment"); len(got) != 2 || got[0].Redrives+got[1].Redrives != 0 {
		t.Fatalf("after a dry run: got %+v, want both as they were", got)
	}
	act := func(args ...string) {
		t.Helper()
		if exit, out, stderr := tidewire(t, r.flags(append([]string{"dead"}, args...)...)...); exit != exitDone || !strings.Contains(out, "1 dead letters") {
			t.Errorf("%v: exit %d, %s%s", args, exit, out, stderr)
		}
	}
	act("redrive", fact.ID, "--who", "eve", "--why", "the schema is mended")
	eventually(t, "it has died again", func() bool {
		all := r.letters("--service", "payment", "--type", "OrderCreated")
		return len(all) == 1 && all[0].Redrives == 1
	})
	act("discard", fact.ID, "--who", "eve", "--why", "it was not")
	act("discard", job.ID, "--who", "adam")
	eventually(t, "none is left", func() bool { return len(r.letters("--service", "payment")) == 0 })
	if exit, _, stderr := tidewire(t, r.flags("dead", "discard", fact.ID)...); exit != exitFound || stderr == "" {
		t.Errorf("a second time: exit %d, %q", exit, stderr)
	}
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "") // nothing else is hurt
	if exit, _ := r.term(); exit != exitDone {
		t.Fatalf("exit %d", exit)
	}
	var got []string
	for _, d := range decisions(t, data, "payment") {
		got = append(got, fmt.Sprint(d.Who, " ", d.Act, " ", d.Letter, " of ", d.Type, ": ", d.Why))
		if d.Cause == "" || d.Key == "" || d.Place == "" {
			t.Errorf("got %+v, want all of it kept", d)
		}
	}
	want := []string{
		"eve redrive " + fact.ID + " of OrderCreated: the schema is mended",
		"eve discard " + fact.ID + " of OrderCreated: it was not",
		"adam discard " + job.ID + " of bogus: ",
	}
	slices.Sort(got) // a journal has an order for each key only
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("kept\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, service := range []string{"order", "inventory", "shipping"} {
		if other := decisions(t, data, service); len(other) != 0 {
			t.Errorf("%s keeps %+v, which was decided elsewhere", service, other)
		}
	}
}

func TestLetterPaths(t *testing.T) {
	for id, want := range map[string]string{
		"payment/a-1":  "/admin/v1/dead/payment/a-1",
		"pay ment/a/b": "/admin/v1/dead/pay%20ment/a%2Fb",
	} {
		if got, err := letterPath(id); got != want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", id, got, err, want)
		}
	}
	for _, id := range []string{"", "/", "payment", "payment/", "/a-1"} {
		if _, err := letterPath(id); !errors.Is(err, errWrong) {
			t.Errorf("%q: got %v, want errWrong", id, err)
		}
	}
}

// Whoever names letters and gives a choice besides has meant one of the two.
func TestChoices(t *testing.T) {
	for _, tt := range []struct {
		name string
		of   decision
		want string
	}{
		{"nothing", decision{}, "name letters by id, or say --all"},
		{"a choice without --all", decision{choice: choice{Service: "payment"}}, "name letters by id, or say --all"},
		{"ids and --all", decision{ID: []string{"a/b"}, All: true}, "not both"},
		{"ids and a choice", decision{ID: []string{"a/b"}, choice: choice{Cause: "x"}}, "not both"},
		{"a rate below nothing", decision{ID: []string{"a/b"}, Rate: -1}, "negative"},
	} {
		if err := tt.of.act(nil, "redrive", false); !errors.Is(err, errWrong) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	if me() == "" {
		t.Error("an act without anybody's name would be refused")
	}
}
