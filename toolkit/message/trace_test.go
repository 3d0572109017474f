package message_test

import (
	"strings"
	"testing"

	"github.com/tidewire/tidewire/toolkit/message"
)

// example is the one of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers.
const example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

var traces = []struct {
	name, traceparent string
	valid             bool
}{
	{"the specification's example", example, true},
	{"its example that is not sampled", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true},
	{"other flags", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true},
	{"nothing", "", false},
	{"another version", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
	{"the forbidden version", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
	{"version 00 with more behind it", example + "-what-the-future-will-be-like", false},
	{"one more digit", example + "0", false},
	{"one digit less", example[:54], false},
	{"no trace", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
	{"no span", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
	{"capital letters", strings.ToUpper(example), false},
	{"a letter that is no digit", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false},
	{"flags that are no digits", example[:53] + "x1", false},
	{"another separator", strings.ReplaceAll(example, "-", "_"), false},
	{"a separator in the wrong place", "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01", false},
	{"a line break", example[:54] + "\n", false},
}

func TestValidTrace(t *testing.T) {
	for _, tt := range traces {
		if got := message.ValidTrace(tt.traceparent); got != tt.valid {
			t.Errorf("%s: ValidTrace(%q) = %v, want %v", tt.name, tt.traceparent, got, tt.valid)
		}
	}
}

func TestTraceID(t *testing.T) {
	for _, tt := range traces {
		want := ""
		if tt.valid {
			want = tt.traceparent[3:35]
		}
		if got := message.TraceID(tt.traceparent); got != want {
			t.Errorf("%s: TraceID(%q) = %q, want %q", tt.name, tt.traceparent, got, want)
		}
	}
}

func TestSampled(t *testing.T) {
	for _, tt := range traces {
		want := tt.valid && strings.Contains("13579bdf", tt.traceparent[54:])
		if got := message.Sampled(tt.traceparent); got != want {
			t.Errorf("%s: Sampled(%q) = %v, want %v", tt.name, tt.traceparent, got, want)
		}
	}
}

// A step belongs to the trace of what caused it, under a span of its own, and is recorded
// if that was; what has no cause that can be read begins a trace that nobody records.
func TestNewTrace(t *testing.T) {
	for _, tt := range traces {
		seen := map[string]bool{}
		for range 100 {
			got := message.NewTrace(tt.traceparent)
			if !message.ValidTrace(got) || message.Sampled(got) != message.Sampled(tt.traceparent) || got[53] != '0' {
				t.Fatalf("%s: NewTrace(%q) = %q, which is not valid, or sampled otherwise", tt.name, tt.traceparent, got)
			}
			if same := message.TraceID(got) == message.TraceID(tt.traceparent); same != tt.valid {
				t.Errorf("%s: NewTrace(%q) = %q; of the same trace: %v, want %v", tt.name, tt.traceparent, got, same, tt.valid)
			}
			span := got[36:52]
			if seen[span] || strings.Contains(tt.traceparent, span) {
				t.Errorf("%s: the span %s is there already", tt.name, span)
			}
			seen[span] = true
			if !tt.valid && seen[message.TraceID(got)] {
				t.Errorf("%s: the trace %s is there already", tt.name, message.TraceID(got))
			}
			seen[message.TraceID(got)] = true
		}
	}
}
