package asyncapi

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
)

// A draft is what the document is put together of.
type draft struct {
	channels, operations, messages, schemas object
}

// channel is where a contract travels: the events of its service, the queue of the one that is
// asked, or back to whoever has asked.
func channel(c contract.Contract) (address, about string) {
	asked := queue(c)
	service, _, _ := strings.Cut(asked, "_")
	switch {
	case c.Asks && asked != "":
		return asked, "What " + service + " is asked, and answers at once or not at all. Nothing of it is stored."
	case c.Asks:
		return c.By + "-answers", "What " + c.By + " answers, to the address that came with the question."
	case asked != "":
		return asked, "What " + service + " is asked to do, in order with the facts of the same key. Each is answered by a fact."
	}
	return c.By + "-events", "What has happened in " + c.By + "."
}

// queue is that of the service which is asked for something; "" if nobody is.
func queue(c contract.Contract) string {
	if work, asks := c.Data.(interface{ Queue() string }); asks {
		return work.Queue()
	}
	return ""
}

// add puts a contract where it belongs.
func (d *draft) add(c contract.Contract, followers []Follower) error {
	kind := c.Data.Kind()
	payload, err := d.payload(kind)
	if err != nil {
		return err
	}
	example, err := example(kind)
	if err != nil {
		return err
	}
	d.messages[kind] = object{
		"name": kind, "title": kind, "summary": payload["description"], "contentType": "application/json",
		"headers": object{"allOf": []any{
			ref("components/schemas/CloudEvent"),
			object{"type": "object", "properties": object{
				"ce_type":   object{"const": kind},
				"ce_source": object{"const": cloudevent.Source(c.By)},
			}},
		}},
		"payload":  ref("components/schemas/" + kind),
		"examples": []any{example},
	}
	address, about := channel(c)
	if d.channels[address] == nil {
		d.channels[address] = object{"address": address, "description": about, "messages": object{}}
		if c.Asks && queue(c) == "" {
			d.channels[address].(object)["address"] = nil // each who asks has one of its own
		}
	}
	d.channels[address].(object)["messages"].(object)[kind] = ref("components/messages/" + kind)

	if c.Asks && queue(c) == "" {
		return nil // it is the reply of the operations of its question
	}
	d.operate("send", c.By, address, kind)
	for _, f := range followers {
		if f.Kind == kind {
			d.operate("receive", f.Service, address, kind)
		}
	}
	return nil
}

// answer says of the operations of a question where its answer goes.
func (d *draft) answer(question, answer contract.Contract) {
	from, _ := channel(question)
	to, _ := channel(answer)
	for _, op := range d.operations {
		if reflect.DeepEqual(op.(object)["channel"], ref("channels/"+from)) {
			op.(object)["reply"] = object{"channel": ref("channels/" + to), "messages": []any{ref("channels/" + to + "/messages/" + answer.Data.Kind())}}
		}
	}
}

// operate adds a message to what a service does with a channel.
func (d *draft) operate(action, service, address, kind string) {
	name := strings.Join([]string{service, action, address}, ".")
	op, _ := d.operations[name].(object)
	if op == nil {
		op = object{"action": action, "channel": ref("channels/" + address), "tags": []any{object{"name": service}}, "messages": []any{}}
		d.operations[name] = op
	}
	message := ref("channels/" + address + "/messages/" + kind)
	if all := op["messages"].([]any); !slices.ContainsFunc(all, func(m any) bool { return reflect.DeepEqual(m, message) }) {
		op["messages"] = append(all, message)
	}
}

func ref(path string) object { return object{"$ref": "#/" + path} }

// payload adds the schema of a kind, and those that it refers to, beside the others: in this
// document a reference begins at its top. Two that have one name must be the same.
func (d *draft) payload(kind string) (object, error) {
	text, ok := contract.Schema(kind)
	if !ok {
		return nil, fmt.Errorf("it has no schema")
	}
	var schema object
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	defs, _ := schema["$defs"].(object)
	delete(schema, "$defs")
	delete(schema, "$schema") // of AsyncAPI's own dialect here, which has all that is used
	all := object{kind: schema}
	maps.Copy(all, defs)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		lifted(all[name])
		if had := d.schemas[name]; had != nil && !reflect.DeepEqual(had, all[name]) {
			return nil, fmt.Errorf("another contract has a schema named %s, which is another one", name)
		}
		d.schemas[name] = all[name]
	}
	return schema, nil
}

// lifted makes references of a schema go to where its definitions are now.
func lifted(v any) {
	switch v := v.(type) {
	case object:
		if to, ok := v["$ref"].(string); ok {
			v["$ref"] = strings.Replace(to, "#/$defs/", "#/components/schemas/", 1)
		}
		for _, inner := range v {
			lifted(inner)
		}
	case []any:
		for _, inner := range v {
			lifted(inner)
		}
	}
}

// example shows a message that was said once, as it travels in binary mode.
func example(kind string) (object, error) {
	text, ok := contract.Example(kind)
	if !ok {
		return nil, fmt.Errorf("it has no example")
	}
	var e cloudevent.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, err
	}
	var data any
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return nil, err
	}
	return object{"headers": e.Headers(cloudevent.Kafka), "payload": data}, nil
}

// headers is the schema of what every message bears beside its data.
func headers() object {
	text := func(about string, more ...any) object {
		s := object{"type": "string", "minLength": 1, "description": about}
		for i := 0; i < len(more); i += 2 {
			s[more[i].(string)] = more[i+1]
		}
		return s
	}
	return object{
		"type": "object", "description": "The attributes of a CloudEvent in binary mode.",
		"required": []string{"ce_specversion", "ce_id", "ce_source", "ce_type"},
		"properties": object{
			"ce_specversion":    text("The version of CloudEvents.", "const", "1.0"),
			"ce_id":             text("Unique. A message that comes again has the same; whoever has seen it drops it."),
			"ce_source":         text("The service that says it.", "format", "uri-reference"),
			"ce_type":           text("The name of the contract."),
			"ce_subject":        text("What it is about: the identifier of an order, a product or a user."),
			"ce_time":           text("When it was said.", "format", "date-time"),
			"ce_partitionkey":   text("Messages with the same keep their order."),
			"ce_sequence":       text("Its place among all that the service has said; sorts as text."),
			"ce_traceparent":    text("The step that said it, as W3C Trace Context has it."),
			"ce_causationid":    text("The id of the message that was being handled."),
			"ce_messageclass":   text("Facts are public, requests are commands.", "enum", []string{"public", "command"}),
			"ce_messageversion": text("Its place in the history of its subject, from 1; absent where none is kept."),
			"content-type":      text("The type of the data.", "const", "application/json"),
		},
	}
}
