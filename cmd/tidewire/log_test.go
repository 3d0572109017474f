package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
)

// A record knows the step in which it was made, without being told.
func TestLogKnowsItsStep(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"
	id := "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, tt := range []struct {
		name string
		step store.Step
		with []any
		want map[string]any
	}{
		{"nothing known", store.Step{}, nil, map[string]any{}},
		{"a message", store.Step{Trace: trace + "1", Service: "stock", Kind: "Paid", Key: "o1"}, nil,
			map[string]any{"service": "stock", "kind": "Paid", "key": "o1", "trace_id": id, "span_id": "00f067aa0ba902b7"}},
		{"a trace that nobody records", store.Step{Trace: trace + "0", Service: "stock"}, nil, map[string]any{"service": "stock", "trace_id": id}},
		{"said by itself", store.Step{Trace: trace + "1", Service: "stock", Key: "o1"}, []any{"key", "o2", "trace_id", "other"},
			map[string]any{"service": "stock", "key": "o2", "trace_id": "other", "span_id": "00f067aa0ba902b7"}},
	} {
		var out bytes.Buffer
		log, err := newLog(&out, "json", "info")
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if tt.step != (store.Step{}) {
			ctx = store.WithStep(ctx, tt.step)
		}
		log.With("a", "b").InfoContext(ctx, "x", tt.with...)
		var got map[string]any
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for _, own := range []string{"time", "level", "msg", "a"} {
			if got[own] == nil {
				t.Errorf("%s: no %s in %s", tt.name, own, &out)
			}
			delete(got, own)
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
