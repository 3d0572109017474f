package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

type word string

func (w word) Kind() string { return string(w) }
func (w word) Queue() string {
	return map[bool]string{true: "order_deadlines", false: "garage_commands"}[w == "wake"]
}

// errand is a saga of one step that can be undone, and one that cannot.
func errand() saga.Saga[int] {
	ask := func(what word) func(*int) message.Work { return func(*int) message.Work { return what } }
	return saga.Saga[int]{Name: "errand", Within: time.Hour, Timer: func(saga.Deadline) message.Work { return ask("wake")(nil) }, Steps: []saga.Step[int]{
		{Name: "lend", Who: "garage", Send: ask("Lend"), Answer: word("Lent"), Refusal: word("NoTruck"), Undo: ask("Return"), Undone: []message.Kind{word("Returned")}, Pivot: true},
		{Name: "drive", Who: "driver", Send: ask("Drive"), Answer: word("Arrived")},
	}}
}

// conducting serves an operators' door whose order service conducts errands, with one in
// each of some states, and returns the flags that lead there.
func conducting(t *testing.T) (flags []string) {
	t.Helper()
	p := wired(t)
	db := p.databases["order"]
	p.desk.Sagas["order"] = saga.Owned[int]{Saga: errand(), DB: db,
		Load:  func(*store.Tx, string) (int, error) { return 0, nil },
		Store: func(*store.Tx, string, int) error { return nil }}
	_, err := db.Update(t.Context(), nil, func(tx *store.Tx) error {
		var of int
		for id, said := range map[string][]word{"a": nil, "b": {"Lent"}, "c": {"Lent", "Arrived"}} {
			_, err := errand().Start(tx, id, &of)
			for _, w := range said {
				_, failed := errand().Take(tx, id, &of, w)
				err = errors.Join(err, failed)
			}
			if err != nil {
				return err
			}
		}
		if _, err := errand().Start(tx, "d", &of); err != nil {
			return err
		}
		_, err := errand().Close(tx, "d", word("CalledOff"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := operate.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.desk.Handler(m))
	t.Cleanup(server.Close)
	return []string{"--data", t.TempDir(), "--set", "admin=" + strings.TrimPrefix(server.URL, "http://")}
}

// The commands find, show, wake and call off; what cannot be done is said, with exit 1.
func TestSagaCommands(t *testing.T) {
	flags := conducting(t)
	for _, tt := range []struct {
		args string
		exit int
		want []string // in what it prints, to either
	}{
		{"saga list", exitDone, []string{"STEP", "order/a", "garage", "order/b", "driver"}},
		{"saga list --who driver", exitDone, []string{"order/b"}},
		{"saga list --state all --limit 1", exitDone, []string{"order/d"}},
		{"saga show d", exitDone, []string{"order/d, saga errand, is closed", "it left its way at lend: CalledOff", "←"}},
		{"saga show d --diagram", exitDone, []string{`s0 -.->|"CalledOff"| closed([closed])`, "class s0 isturned"}},
		{"saga list --state completed --json", exitDone, []string{`"id": "order/c"`}},
		{"saga list --overdue", exitFound, []string{"no saga is like that"}},
		{"saga list --overdue --json", exitFound, []string{"[]", "no saga is like that"}},
		{"saga list --state lost", exitWrong, []string{"must be one of"}},
		{"saga show order/a", exitDone, []string{"order/a, saga errand, is running", "it waits for the answer of step lend by garage since", "lend (pivot)", "→"}},
		{"saga show a --diagram", exitDone, []string{"flowchart TD", "class s0 iswaits"}},
		{"saga show a --json", exitDone, []string{`"definition": {`}},
		{"saga show nobody", exitFound, []string{"saga nobody: ", "no such saga"}},
		{"saga show payment/a", exitFound, []string{"saga payment/a: ", "no such saga"}},
		{"saga retry b --why test", exitDone, []string{"retry order/b: asked again for step drive"}},
		{"saga retry c --why test", exitFound, []string{"saga c: ", "it is completed"}},
		{"saga cancel a --why test", exitDone, []string{"cancel order/a: undoing, from step lend on"}},
		{"saga cancel a --why test --json", exitDone, []string{`"outcome": "again"`}},
		{"saga cancel order/b", exitFound, []string{"saga order/b: ", "what was done is not undone any more"}},
		{"saga cancel nobody", exitFound, []string{"no such saga"}},
		{"saga list --state undoing", exitDone, []string{"order/a", "CalledOff"}},
	} {
		exit, out, stderr := tidewire(t, append(strings.Fields(tt.args), flags...)...)
		if exit != tt.exit {
			t.Errorf("%s: exit %d, want %d; %s%s", tt.args, exit, tt.exit, out, stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(out+stderr, want) {
				t.Errorf("%s: got\n%s%swant %q in it", tt.args, out, stderr, want)
			}
		}
		if strings.Contains(tt.args, "--json") && !json.Valid([]byte(out)) {
			t.Errorf("%s prints %q, which is no JSON", tt.args, out)
		}
	}
}

// A service whose sagas are not known, or wrong, is not started; the others are.
func TestNoStartWithSagasNobodyKnows(t *testing.T) {
	p := wired(t)
	db := p.databases["order"]
	owned := saga.Owned[int]{Saga: errand(), DB: db}
	for i, m := range p.members {
		if m.name() == "order" {
			p.members[i].saga = owned
		}
	}
	if err := p.conducts(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	_, err := db.Update(context.Background(), nil, func(tx *store.Tx) error {
		var of int
		if _, err := errand().Start(tx, "a", &of); err != nil {
			return err
		}
		return tx.Exec(`UPDATE saga SET step = 'borrow'`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.conducts(t.Context(), nil); !errors.Is(err, saga.ErrChanged) || !strings.Contains(err.Error(), "a at borrow") {
		t.Errorf("got %v, want ErrChanged that names the instance", err)
	}
	if err := p.conducts(t.Context(), []string{"payment"}); err != nil {
		t.Errorf("payment by itself: %v", err)
	}
}
