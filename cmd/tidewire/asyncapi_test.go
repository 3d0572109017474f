package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/asyncapi"
	"github.com/tidewire/tidewire/shop/contract"
)

// asyncapiFile is the document as it is kept for readers, and read by the official parser in CI
// (scripts/asyncapi/check).
const asyncapiFile = "../../docs/asyncapi.json"

// What is kept, what is served and what the services really do are the same.
func TestAsyncAPIIsWhatIsServed(t *testing.T) {
	f := openFront(t, t.TempDir())
	want, err := asyncapi.Document(f.followers())
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if kept, err := os.ReadFile(asyncapiFile); err != nil || string(kept) != string(want) {
		if os.Getenv("UPDATE") != "" {
			err = os.WriteFile(asyncapiFile, want, 0o644)
		}
		t.Errorf("docs/asyncapi.json is not what the contracts and the services say (%v); run this test with UPDATE=1 and look at it", err)
	}
	w := f.send(&call{method: "GET", path: "/asyncapi.json", host: "localhost", header: http.Header{}})
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || strings.TrimSpace(w.Body.String()) != strings.TrimSpace(string(want)) {
		t.Errorf("served: %d %s of %d bytes, want the document of %d", w.Code, w.Header(), w.Body.Len(), len(want))
	}
}

// Each contract is sent by one service, and each request is received by the one that its queue
// is named after, and no other.
func TestAsyncAPISaysWhoDoesWhat(t *testing.T) {
	f := openFront(t, t.TempDir())
	text, err := asyncapi.Document(f.followers())
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Operations map[string]struct {
			Action   string
			Messages []map[string]string
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	does := func(action, address, kind string) (who []string) {
		for name, op := range d.Operations {
			for _, m := range op.Messages {
				if op.Action == action && m["$ref"] == fmt.Sprintf("#/channels/%s/messages/%s", address, kind) {
					service, _, _ := strings.Cut(name, ".")
					who = append(who, service)
				}
			}
		}
		slices.Sort(who)
		return who
	}
	for _, c := range contract.All() {
		kind, address, asked := c.Data.Kind(), c.By+"-events", ""
		if work, asks := c.Data.(interface{ Queue() string }); asks {
			address = work.Queue()
			asked, _, _ = strings.Cut(address, "_")
		}
		if c.Asks && asked == "" { // it goes back to whoever asked
			if !strings.Contains(string(text), fmt.Sprintf(`"$ref": "#/channels/%s-answers/messages/%s"`, c.By, kind)) {
				t.Errorf("%s answers nobody", kind)
			}
			continue
		}
		if got := does("send", address, kind); !slices.Equal(got, []string{c.By}) {
			t.Errorf("%s is sent on %s by %v, want %s", kind, address, got, c.By)
		}
		if got := does("receive", address, kind); asked != "" && !slices.Equal(got, []string{asked}) {
			t.Errorf("%s is received on %s by %v, want %s", kind, address, got, asked)
		}
	}
	if got, want := does("receive", "payment-events", "PaymentRefunded"), []string{"analytics", "notification", "order"}; !slices.Equal(got, want) {
		t.Errorf("PaymentRefunded is received by %v, want %v", got, want)
	}
}
