package asyncapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/asyncapi"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
)

// followers are some of those there are; payment follows an event in two ways.
func followers() []asyncapi.Follower {
	return []asyncapi.Follower{
		{Service: "payment", Kind: "OrderCreated"}, {Service: "analytics", Kind: "OrderCreated"}, {Service: "payment", Kind: "OrderCreated"},
		{Service: "payment", Kind: "OrderFailed"}, {Service: "inventory", Kind: "ReserveStock"}, {Service: "inventory", Kind: "CheckStock"},
		{Service: "analytics", Kind: "something of its own"},
	}
}

func document(t *testing.T) map[string]any {
	t.Helper()
	text, err := asyncapi.Document(followers())
	if err != nil {
		t.Fatal(err)
	}
	again, err := asyncapi.Document(followers())
	if err != nil || string(again) != string(text) {
		t.Errorf("made again, the document is another one (%v)", err)
	}
	var d map[string]any
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// at goes to a place in a document; nil if it is not there.
func at(d any, path string) any {
	for name := range strings.SplitSeq(path, "/") {
		members, _ := d.(map[string]any)
		d = members[name]
	}
	return d
}

// each calls do with every object of a document.
func each(v any, do func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		do(v)
		for _, inner := range v {
			each(inner, do)
		}
	case []any:
		for _, inner := range v {
			each(inner, do)
		}
	}
}

// A reference to what is not there would be found by nobody who only reads JSON.
func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	d, found := document(t), 0
	each(d, func(o map[string]any) {
		to, ok := o["$ref"].(string)
		if !ok {
			return
		}
		found++
		if path, inside := strings.CutPrefix(to, "#/"); !inside || at(d, path) == nil {
			t.Errorf("%s leads nowhere", to)
		}
	})
	if found < 3*len(contract.All()) {
		t.Errorf("%d references in all", found)
	}
}

func TestWhoSaysAndFollowsWhat(t *testing.T) {
	d := document(t)
	messages := func(operation string) (kinds []string) {
		list, _ := at(d, "operations/"+operation+"/messages").([]any)
		for _, m := range list {
			to := m.(map[string]any)["$ref"].(string)
			kinds = append(kinds, to[strings.LastIndex(to, "/")+1:])
		}
		return kinds
	}
	for operation, want := range map[string][]string{
		"order.send.order-events":               {"OrderReceived", "OrderCreated", "OrderConfirmed", "OrderCompleted", "OrderFailed", "OrderCancelled"},
		"payment.receive.order-events":          {"OrderCreated", "OrderFailed"},
		"analytics.receive.order-events":        {"OrderCreated"},
		"order.send.inventory_commands":         {"ReserveStock", "ReleaseStock"},
		"inventory.receive.inventory_commands":  {"ReserveStock"},
		"order.send.inventory_questions":        {"CheckStock"},
		"inventory.receive.inventory_questions": {"CheckStock"},
		"inventory.send.inventory-answers":      nil, // it is a reply
		"shipping.receive.order-events":         nil,
	} {
		if got := messages(operation); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", operation, got, want)
		}
	}
	for _, operation := range []string{"order.send.inventory_questions", "inventory.receive.inventory_questions"} {
		if got := at(d, "operations/"+operation+"/reply/channel/$ref"); got != "#/channels/inventory-answers" {
			t.Errorf("%s is answered at %v", operation, got)
		}
	}
	answers, _ := at(d, "channels/inventory-answers").(map[string]any)
	if address, said := answers["address"]; !said || address != nil {
		t.Errorf("answers go to %v, want an address that only the question names", address)
	}
}

// Each message has the schema that others were told, headers of its own kind, and an example
// which is a CloudEvent of it.
func TestMessages(t *testing.T) {
	d := document(t)
	for _, c := range contract.All() {
		kind := c.Data.Kind()
		m, _ := at(d, "components/messages/"+kind).(map[string]any)
		if m == nil {
			t.Errorf("%s is not there", kind)
			continue
		}
		text, _ := contract.Schema(kind)
		var told map[string]any
		if err := json.Unmarshal(text, &told); err != nil {
			t.Fatal(err)
		}
		schema, _ := at(d, "components/schemas/"+kind).(map[string]any)
		if !reflect.DeepEqual(schema["required"], told["required"]) || len(schema["properties"].(map[string]any)) != len(told["properties"].(map[string]any)) {
			t.Errorf("%s: got %v, want %v", kind, schema, told)
		}
		if m["summary"] != told["description"] || m["summary"] == nil || m["summary"] == "" {
			t.Errorf("%s is summed up as %v", kind, m["summary"])
		}
		example := m["examples"].([]any)[0].(map[string]any)
		headers := map[string]string{}
		for name, value := range example["headers"].(map[string]any) {
			headers[name] = fmt.Sprint(value)
		}
		e, err := cloudevent.Read(cloudevent.Kafka, headers, nil)
		if err != nil || e.Attributes["type"] != kind || e.Attributes["source"] != cloudevent.Source(c.By) {
			t.Errorf("%s: its example is %v, %v", kind, headers, err)
		}
		for name := range headers {
			if at(d, "components/schemas/CloudEvent/properties/"+name) == nil {
				t.Errorf("%s: nothing is said of the header %s of its example", kind, name)
			}
		}
		if lines := at(schema, "properties/lines/items/$ref"); lines != nil && lines != "#/components/schemas/Line" {
			t.Errorf("%s: lines are %v", kind, lines)
		}
	}
}

func TestRoute(t *testing.T) {
	h := door.Handler(door.Options{OpenMode: true}, asyncapi.Route(followers()))
	want, err := asyncapi.Document(followers())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost:3000/asyncapi.json", nil))
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != string(want) {
			t.Errorf("got %d and %d bytes, want the document of %d", w.Code, w.Body.Len(), len(want))
		}
	}
}
