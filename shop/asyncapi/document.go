// Package asyncapi describes every message that crosses a service boundary as one AsyncAPI 3.0
// document: what travels on which channel, who says it and who follows it, what it looks like,
// and an example of each. It is made of the contracts and of what the services really follow,
// so it cannot say anything else than they do.
//
// See https://www.asyncapi.com/docs/reference/specification/v3.0.0.
package asyncapi

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
)

// A Follower is a service that does something about a message.
type Follower struct {
	Service string
	Kind    string
}

// object is one of JSON. Its members are written in the order of their names, so the same
// contracts make the same document, byte for byte.
type object = map[string]any

// Document returns the whole document, for people to read as well.
func Document(followers []Follower) ([]byte, error) {
	d := draft{channels: object{}, operations: object{}, messages: object{}, schemas: object{"CloudEvent": headers()}}
	all := contract.All()
	for i, c := range all {
		if err := d.add(c, followers); err != nil {
			return nil, fmt.Errorf("asyncapi: %s: %w", c.Data.Kind(), err)
		}
		if c.Asks && queue(c) == "" {
			d.answer(all[i-1], c)
		}
	}
	return json.Marshal(object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "Tidewire", "version": "1.0.0",
			"description": "What the services of the shop say to each other, as CloudEvents 1.0: facts on the channels named after events, " +
				"requests on those named after commands. Money is in minor units of its currency. A message is delivered at least once, in order for each partition key.",
			"license": object{"name": "MIT"},
		},
		"defaultContentType": "application/json",
		"channels":           d.channels,
		"operations":         d.operations,
		"components":         object{"messages": d.messages, "schemas": d.schemas},
	}, json.Deterministic(true), jsontext.WithIndent("  "))
}

// Route serves the document, which is made when somebody asks first.
func Route(followers []Follower) door.Route {
	made := sync.OnceValues(func() ([]byte, error) { return Document(followers) })
	return door.Route{Pattern: "GET /asyncapi.json", Handle: func(*http.Request) (door.Answer, error) {
		text, err := made()
		return door.Answer{Body: jsontext.Value(text)}, err
	}}
}
