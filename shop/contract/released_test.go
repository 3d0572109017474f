package contract_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

var release = flag.Bool("release", false, "freeze the contracts as what this release tells")

// A told is a contract as a release told it.
type told struct {
	Kind   string          `json:"kind"`
	By     string          `json:"by"`
	Class  message.Class   `json:"class"`
	Queue  string          `json:"queue,omitempty"`
	Schema json.RawMessage `json:"schema"`
}

// now are the contracts as they are stored in schema.
func now(t *testing.T) (all []told) {
	t.Helper()
	for _, c := range contract.All() {
		m, err := message.Encode("", c.Data)
		if err != nil {
			t.Fatal(err)
		}
		is := told{Kind: m.Kind, By: c.By, Class: m.Class}
		if work, ok := c.Data.(message.Work); ok {
			is.Class, is.Queue = message.Command, work.Queue()
		}
		if c.Asks {
			is.Class = message.Command
		}
		text, ok := contract.Schema(m.Kind)
		if !ok {
			t.Fatalf("%s has no schema: go test ./shop/contract -update", m.Kind)
		}
		is.Schema = text
		all = append(all, is)
	}
	return all
}

// incompatible names every change from what was told that others could not bear.
func incompatible(t *testing.T, was, is []told) (found []string) {
	t.Helper()
	name := func(kind, change string, args ...any) {
		found = append(found, kind+": "+fmt.Sprintf(change, args...))
	}
	for _, old := range was {
		i := slices.IndexFunc(is, func(c told) bool { return c.Kind == old.Kind })
		if i < 0 {
			name(old.Kind, "it is gone")
			continue
		}
		if is[i].By != old.By {
			name(old.Kind, "it was said by %s, and is by %s", old.By, is[i].By)
		}
		if is[i].Class != old.Class {
			name(old.Kind, "its class was %s, and is %s", old.Class, is[i].Class)
		}
		if is[i].Queue != old.Queue {
			name(old.Kind, "its queue was %q, and is %q", old.Queue, is[i].Queue)
		}
		for _, change := range changes(parsed(t, old.Schema), parsed(t, is[i].Schema)) {
			name(old.Kind, "%s", change)
		}
	}
	return found
}

// TestReleased holds the contracts against what the last release told: a message that was told
// once is kept, or published under a new name. A release freezes them as they are then, with
//
//	go test ./shop/contract -run TestReleased -release
func TestReleased(t *testing.T) {
	const file = "released.json"
	var was []told
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	if err != nil || len(was) == 0 {
		t.Fatalf("%s: %d contracts, %v", file, len(was), err)
	}
	is := now(t)
	for _, change := range incompatible(t, was, is) {
		t.Errorf("%s; the last release told otherwise", change)
	}
	if *release && !t.Failed() {
		text, err := json.MarshalIndent(is, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A planted change edits what is told of OrderCreated, which has lines within.
type planted struct {
	name string
	edit func(c *told)
	want string // "" if nobody is hurt
}

// swap replaces text of the schema, which must be there.
func swap(old, with string) func(*told) {
	return func(c *told) {
		s := string(c.Schema)
		if !strings.Contains(s, old) {
			panic("the schema has no " + old)
		}
		c.Schema = json.RawMessage(strings.Replace(s, old, with, 1))
	}
}

var breaking = []planted{
	{"a contract is removed", func(c *told) { c.Kind = "OrderAccepted" }, "it is gone"},
	{"a public one becomes internal", func(c *told) { c.Class = message.Internal }, "its class was public, and is internal"},
	{"another service says it", func(c *told) { c.By = "payment" }, "it was said by order, and is by payment"},
	{"a fact becomes a command", func(c *told) { c.Class, c.Queue = message.Command, "order_commands" },
		`its class was public, and is command; OrderCreated: its queue was "", and is "order_commands"`},
	{"a field is removed", swap(`"method":{"type":"string","description":"of payment"},`, ``), "method is gone"},
	{"a field is renamed", swap(`"userId":{`, `"user":{`), "userId is gone"},
	{"a field is retyped", swap(`"total":{"type":"integer"}`, `"total":{"type":"string"}`), "total was integer, and is string"},
	{"a whole number may have a fraction", swap(`"total":{"type":"integer"}`, `"total":{"type":"number"}`), "total was integer, and is number"},
	{"a value may be null", swap(`"total":{"type":"integer"}`, `"total":{"type":["integer","null"]}`), `total was integer, and is ["integer","null"]`},
	{"a format is changed", swap(`"format":"date-time"`, `"format":"date"`), "deadline was string date-time, and is string date"},
	{"a format is dropped", swap(`"format":"date-time",`, ``), "deadline was string date-time, and is string"},
	{"a new field is required", func(c *told) {
		swap(`"total":{`, `"channel":{"type":"string"},"total":{`)(c)
		swap(`"required":["orderId",`, `"required":["channel","orderId",`)(c)
	}, "channel is new and must be there: it is not in what is stored"},
	{"a required field may be absent", swap(`"required":["orderId","userId",`, `"required":["orderId",`), "userId may be absent now"},
	{"an optional field is required", swap(`"required":["orderId",`, `"required":["note","orderId",`), "note must be there now, and is not in what is stored"},
	{"a list becomes one", swap(`"lines":{"items":{"$ref":"#/$defs/Line"},"type":"array"}`, `"lines":{"$ref":"#/$defs/Line"}`), "lines was array, and is object"},
	{"the items of a list are retyped", swap(`"items":{"$ref":"#/$defs/Line"}`, `"items":{"type":"string"}`), "lines[] was object, and is string"},
	{"a field within is removed", swap(`"unitPrice":{"type":"integer","minimum":0}`, `"price":{"type":"integer"}`), "lines[].unitPrice is gone"},
	{"a field within is retyped", swap(`"quantity":{"type":"integer","minimum":1}`, `"quantity":{"type":"string"}`), "lines[].quantity was integer, and is string"},
	{"a new field within is required", func(c *told) {
		swap(`"unitPrice":{`, `"discount":{"type":"integer"},"unitPrice":{`)(c)
		swap(`"required":["productId",`, `"required":["discount","productId",`)(c)
	}, "lines[].discount is new and must be there: it is not in what is stored"},
	{"an enumeration is narrowed", swap(`"enum":["web","shop"]`, `"enum":["web"]`), `note had enum ["web","shop"], and has ["web"]`},
	{"an enumeration is widened", swap(`"enum":["web","shop"]`, `"enum":["web","shop","app"]`), `note had enum ["web","shop"], and has ["web","shop","app"]`},
	{"text becomes an enumeration", swap(`"currency":{`, `"currency":{"enum":["USD"],`), `currency had enum none, and has ["USD"]`},
	{"a bound is narrowed", swap(`"weight":{"type":"integer","minimum":0}`, `"weight":{"type":"integer","minimum":1}`), "weight had minimum 0, and has 1"},
	{"a bound is new", swap(`"total":{`, `"total":{"maximum":1000,`), "total had maximum none, and has 1000"},
	{"further fields are forbidden", swap(`"title":`, `"additionalProperties":false,"title":`), "its data had additionalProperties none, and has false"},
	{"the values of a map are retyped", swap(`"additionalProperties":{"type":"string"}`, `"additionalProperties":{"type":"integer"}`), "labels{} was string, and is integer"},
}

var compatible = []planted{
	{"nothing", func(*told) {}, ""},
	{"a new field that may be absent", swap(`"total":{`, `"channel":{"type":"string"},"total":{`), ""},
	{"one of an object with required fields", swap(`"total":{`, `"gift":{"type":"object","properties":{"to":{"type":"string"}},"required":["to"]},"total":{`), ""},
	{"a new field within that may be absent", swap(`"unitPrice":{`, `"discount":{"type":"integer"},"unitPrice":{`), ""},
	{"another description", swap(`"description":"of payment"`, `"description":"how it is paid"`), ""},
	{"a title of a field", swap(`"total":{`, `"total":{"title":"Total",`), ""},
	{"an example and a default", swap(`"currency":{`, `"currency":{"examples":["USD"],"default":"USD",`), ""},
	{"a field that is called outdated", swap(`"method":{`, `"method":{"deprecated":true,`), ""},
	{"a comment", swap(`"currency":{`, `"currency":{"$comment":"ISO 4217",`), ""},
	{"another order of required fields", swap(`"required":["orderId","userId",`, `"required":["userId","orderId",`), ""},
	{"another order of an enumeration", swap(`"enum":["web","shop"]`, `"enum":["shop","web"]`), ""},
	{"a definition by another name", func(c *told) {
		swap(`"$defs":{"Line":`, `"$defs":{"Item":`)(c)
		swap(`"#/$defs/Line"`, `"#/$defs/Item"`)(c)
	}, ""},
	{"a definition that nobody uses", swap(`"$defs":{`, `"$defs":{"Gift":{"type":"object"},`), ""},
	{"further fields are allowed, as they were", swap(`"title":`, `"additionalProperties":true,"title":`), ""},
	{"a draft of JSON Schema is named otherwise", swap(`"$schema":`, `"$id":"https://shop.example/OrderCreated","$schema":`), ""},
}

// TestPlanted plants each change into what was told: each that would hurt somebody is named,
// with its place, and nothing else is.
func TestPlanted(t *testing.T) {
	was := now(t)
	i := slices.IndexFunc(was, func(c told) bool { return c.Kind == "OrderCreated" })
	// Keywords that no contract of ours has yet are to be understood when one does.
	was[i].Schema = compacted(t, was[i].Schema)
	swap(`"total":{`, `"note":{"type":"string","enum":["web","shop"]},"weight":{"type":"integer","minimum":0},`+
		`"labels":{"type":"object","additionalProperties":{"type":"string"}},"total":{`)(&was[i])
	for _, tt := range slices.Concat(breaking, compatible) {
		t.Run(tt.name, func(t *testing.T) {
			is := slices.Clone(was)
			tt.edit(&is[i])
			want := ""
			if tt.want != "" {
				want = "OrderCreated: " + tt.want
			}
			if got := strings.Join(incompatible(t, was, is), "; "); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
	if len(breaking) < 10 || len(compatible) < 10 {
		t.Errorf("%d changes that break, %d that do not: ten each at least", len(breaking), len(compatible))
	}
	is := append(slices.Clone(was), told{Kind: "OrderGifted", By: "order", Class: message.Public, Schema: json.RawMessage(`{}`)})
	if got := incompatible(t, was, is); got != nil {
		t.Errorf("a new contract: %q", got)
	}
}

// compacted leaves out blanks, and keeps the order of members.
func compacted(t *testing.T, text []byte) []byte {
	t.Helper()
	b, err := json.Marshal(json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A type that holds itself is compared once.
func TestChangesEnd(t *testing.T) {
	const tree = `{"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"next":{"$ref":"#/$defs/Node"},"n":{"type":"integer"}}}}}`
	other := strings.Replace(tree, "integer", "string", 1)
	if got := changes(parsed(t, []byte(tree)), parsed(t, []byte(other))); !slices.Equal(got, []string{"n was integer, and is string"}) {
		t.Errorf("got %q", got)
	}
}
