package observe_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A span is one of Zipkin's.
type span struct {
	ID, ParentID, Name, Kind string
	Timestamp, Duration      int64 // µs
	LocalEndpoint            struct{ ServiceName string }
	Tags                     map[string]string
}

func (s span) String() string { return s.LocalEndpoint.ServiceName + ": " + s.Name }

// One order is one trace: every step that it took, none without the step before, and with
// how long each message waited.
func TestAnOrderIsFoundInZipkin(t *testing.T) {
	zipkin := server(t, "TIDEWIRE_TEST_ZIPKIN")
	p := up(t, "traces=zipkin+"+zipkin)
	finish := p.load("--orders", "300", "--clients", "8", "--mix", "0.2") // it is one among many
	if status := p.order(`{"userId":"1","productId":"1","quantity":2}`); status != "completed" {
		t.Fatalf("the order is %s, want it completed", status)
	}
	finish()
	want := []string{ // names as Zipkin has them, in small letters
		"order: post /api/orders",
		"inventory: process reservestock",
		"order: process inventoryupdated",
		"payment: process authorizepayment",
		"payment: process authorize",
		"payment: call authorize",
		"order: process paymentauthorized",
		"payment: process capturepayment",
		"payment: call capture",
		"order: process paymentprocessed",
		"shipping: process shiporder",
		"shipping: process label",
		"shipping: call label",
		"order: process ordershipped",
	}
	var spans []span
	eventually(t, "every step is there", func() bool {
		spans = nil
		if err := get(t.Context(), zipkin+"/api/v2/trace/"+p.trace[3:35], &spans); err != nil {
			return false // not there yet
		}
		var got []string
		for _, s := range spans {
			got = append(got, s.String())
		}
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) })
	})
	known := map[string]bool{}
	for _, s := range spans {
		known[s.ID] = true
	}
	roots := 0
	for _, s := range spans {
		switch {
		case s.ParentID == "":
			roots++
		case !known[s.ParentID]:
			t.Errorf("%s has a parent %s that is not there", s, s.ParentID)
		}
		if s.Kind != "CONSUMER" {
			continue
		}
		if ms, err := strconv.ParseFloat(s.Tags["tidewire.waited_ms"], 64); err != nil || ms < 0 {
			t.Errorf("%s waited %q, want milliseconds", s, s.Tags["tidewire.waited_ms"])
		}
		for _, tag := range []string{"messaging.system", "messaging.operation.type", "messaging.message.id", "messaging.destination.name", "tidewire.message.key", "tidewire.attempt"} {
			if s.Tags[tag] == "" {
				t.Errorf("%s has no %s", s, tag)
			}
		}
	}
	if roots != 1 {
		t.Errorf("%d steps are the first, want one", roots)
	}
	text := tree(spans, "", "")
	t.Logf("\n%s", text)
	if dir := os.Getenv("TIDEWIRE_TREE"); dir != "" { // how docs/trace.md was made
		if err := os.WriteFile(filepath.Join(dir, "tree.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A trace that its first step did not record is not there, and neither is any part of it.
func TestATraceIsWholeOrAbsent(t *testing.T) {
	zipkin := server(t, "TIDEWIRE_TEST_ZIPKIN")
	p := up(t, "traces=zipkin+"+zipkin)
	// New ones each time: Zipkin may still have those of the last.
	absent, whole := fmt.Sprintf("%032x", rand.Uint64()), fmt.Sprintf("%032x", rand.Uint64())
	for id, flags := range map[string]string{absent: "00", whole: "01"} {
		if status := p.order(`{"userId":"1","productId":"1","quantity":1}`, "Traceparent", "00-"+id+"-00f067aa0ba902b7-"+flags); status != "completed" || p.trace[3:35] != id {
			t.Fatalf("the order is %s in trace %s, want it completed in %s", status, p.trace, id)
		}
	}
	var spans []span
	eventually(t, "the whole one is there", func() bool {
		err := get(t.Context(), zipkin+"/api/v2/trace/"+whole, &spans)
		return err == nil && len(spans) >= 11
	})
	if err := get(t.Context(), zipkin+"/api/v2/trace/"+absent, &spans); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("the one that was not sampled: %v, want it not to be found", err)
	}
}

// tree draws the steps below a parent: when each began and how long it took, in
// milliseconds after the first.
func tree(spans []span, parent, indent string) string {
	var below []span
	first := spans[0].Timestamp
	for _, s := range spans {
		first = min(first, s.Timestamp)
		if s.ParentID == parent {
			below = append(below, s)
		}
	}
	slices.SortFunc(below, func(a, b span) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	var b strings.Builder
	for i, s := range below {
		branch, under := "├─ ", "│  "
		if i == len(below)-1 {
			branch, under = "└─ ", "   "
		}
		if parent == "" {
			branch, under = "", ""
		}
		waited := ""
		if ms, ok := s.Tags["tidewire.waited_ms"]; ok {
			waited = fmt.Sprintf("  waited %s ms", ms)
		}
		fmt.Fprintf(&b, "%8.1f  %-62s %7.1f ms%s\n", float64(s.Timestamp-first)/1000, indent+branch+s.String(), float64(s.Duration)/1000, waited)
		b.WriteString(tree(spans, s.ID, indent+under))
	}
	return b.String()
}
