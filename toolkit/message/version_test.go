package message_test

import (
	"testing"

	"github.com/tidewire/tidewire/toolkit/message"
)

func TestVersioned(t *testing.T) {
	for kind, want := range map[string]struct {
		name    string
		version int
	}{
		"OrderCreated":    {"OrderCreated", 1},
		"OrderCreated.2":  {"OrderCreated", 2},
		"OrderCreated.13": {"OrderCreated", 13},
		"a.b.2":           {"a.b", 2},
		// These are names like others.
		"":                                  {"", 1},
		".2":                                {".2", 1},
		"OrderCreated.":                     {"OrderCreated.", 1},
		"OrderCreated.0":                    {"OrderCreated.0", 1},
		"OrderCreated.1":                    {"OrderCreated.1", 1},
		"OrderCreated.02":                   {"OrderCreated.02", 1},
		"OrderCreated.+2":                   {"OrderCreated.+2", 1},
		"OrderCreated.2x":                   {"OrderCreated.2x", 1},
		"OrderCreated.99999999999999999":    {"OrderCreated", 99999999999999999},
		"OrderCreated.99999999999999999999": {"OrderCreated.99999999999999999999", 1},
	} {
		if name, version := message.Versioned(kind); name != want.name || version != want.version {
			t.Errorf("%q: got %q, %d; want %q, %d", kind, name, version, want.name, want.version)
		}
	}
}

// The names of contracts are in the journals of others.
func TestDeadLettered(t *testing.T) {
	m, err := message.Encode(message.DeadKey("a-1"), message.DeadLettered{Letter: "payment/a-1", Redrives: 2})
	const body = `{"letter":"payment/a-1","place":"","type":"","key":"","cause":"","problem":"","redrives":2}`
	if err != nil || m.Kind != "DeadLettered" || m.Class != message.Audit || m.Key != "dead:a-1" || string(m.Body) != body {
		t.Errorf("got %+v %s, %v; want %s", m, m.Body, err, body)
	}
}
