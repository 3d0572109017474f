package timeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/timeline"
)

// An acted is what an operator did.
type acted struct {
	Act    string `json:"act"`
	Who    string `json:"who"`
	Why    string `json:"why"`
	Became string `json:"became,omitempty"`
}

func (acted) Kind() string         { return "Acted" }
func (acted) Class() message.Class { return message.Audit }

// What died, who edited it and had it tried again is in the story, as is what came of it; what
// operators did about other keys is not.
func TestWhatOperatorsDid(t *testing.T) {
	s := open(t)
	s.change(s.desk, message.Message{}, func(tx *store.Tx) error {
		_, err := tx.AppendAfter(store.Place{}, "o1", said("Ordered"))
		return err
	})
	ordered := s.last(s.desk, "journal")
	s.change(s.till, ordered, func(tx *store.Tx) error {
		return tx.Append(message.DeadKey(ordered.ID), message.DeadLettered{Letter: "till/" + ordered.ID, Key: "o1", Cause: "no change"})
	})
	edited := uuid.Must(uuid.NewV7()).String()
	acts := []struct {
		db   *store.DB
		key  string
		what acted
	}{
		{s.till, message.DeadKey(ordered.ID), acted{Act: "edit", Who: "eve", Why: "mended", Became: "till/" + edited}},
		{s.till, message.DeadKey(edited), acted{Act: "redrive", Who: "bob"}},
		{s.till, message.DeadKey(uuid.NewString()), acted{Act: "redrive", Who: "mallory"}},
		{s.desk, "saga:o1", acted{Act: "retry", Who: "ann", Why: "it stood"}},
		{s.desk, "saga:o2", acted{Act: "retry", Who: "mallory"}},
		{s.van, "saga:o1", acted{Act: "retry", Who: "mallory"}},
	}
	for _, a := range acts {
		s.change(a.db, message.Message{}, func(tx *store.Tx) error { return tx.Append(a.key, a.what) })
	}
	s.change(s.till, message.Message{ID: edited}, func(tx *store.Tx) error { return tx.Append("o1", said("Paid")) })
	got, err := timeline.Of(t.Context(), "o1", []timeline.Source{{DB: s.desk, Acts: "saga:o1"}, {DB: s.till}})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range got.Moments {
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s after %s %s", m.Service, m.Kind, m.Act, m.Who, m.Why, m.By, m.After)), " "))
	}
	slices.Sort(lines) // their clocks are those of three databases
	want := []string{"desk Acted retry ann it stood after", "desk Ordered after", "till Acted edit eve mended after", "till Acted redrive bob after",
		"till DeadLettered after desk Ordered", "till Paid after till Acted"}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
	if d := got.Diagram(); !strings.Contains(d, "Acted (edit by eve)") {
		t.Errorf("drawn\n%s", d)
	}
}
