package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// line makes records as "f1 c3:1,0": a fact at 1 with nothing before it, a command at 3 with
// the fact 1 and no command before it. Where it is not said, what is before a record is what
// stands before it in journal.
func line(t *testing.T, journal, text string) (all []*record) {
	t.Helper()
	chains := map[string]stream.Chain{}
	var c stream.Chain
	for word := range strings.FieldsSeq(journal) {
		chains[word] = c
		c = c.Then(made(t, word).Entry)
	}
	for i, word := range strings.Fields(text) {
		r := made(t, word)
		r.offset = int64(i)
		if before, said := chains[word]; said {
			r.Before = before
		}
		all = append(all, r)
	}
	return all
}

func made(t *testing.T, word string) *record {
	t.Helper()
	r := &record{}
	kind, rest := word[:1], word[1:]
	place, before, said := strings.Cut(rest, ":")
	if _, err := fmt.Sscan(place, &r.Seq); err != nil {
		t.Fatal(word, err)
	}
	if said {
		if _, err := fmt.Sscanf(before, "%d,%d", &r.Before.Fact, &r.Before.Command); err != nil {
			t.Fatal(word, err)
		}
	}
	r.Class = map[string]message.Class{"f": message.Public, "c": message.Command, "i": message.Internal}[kind]
	r.Identity, r.Message.ID, r.Position.ID = "journal", word, word
	return r
}

const journal = "f1 f2 c3 f4 c5 i6 f7 f8 c9"

// The rule that a record is taken exactly if what is before it was read and it was not: each
// of these lines of a topic is read as the journal has it, as far as it goes without a gap.
func TestTake(t *testing.T) {
	for _, tt := range []struct {
		name, facts, commands string // "-": they are not read
		at                    int64
		want                  string
	}{
		{"facts alone", "f1 f2 f4 f7 f8", "-", 0, "f1 f2 f4 f7 f8"},
		{"both", "f1 f2 f4 f7 f8", "c3 c5 c9", 0, "f1 f2 c3 f4 c5 f7 f8 c9"},
		{"behind a place", "f1 f2 f4 f7 f8", "c3 c5 c9", 4, "c5 f7 f8 c9"},
		{"behind a place of neither", "f1 f2 f4 f7 f8", "c3 c5 c9", 6, "f7 f8 c9"},
		{"twice", "f1 f1 f2 f1 f2 f4 f4", "-", 0, "f1 f2 f4"},
		{"again from before", "f1 f2 f4 f1 f2 f4 f7", "-", 0, "f1 f2 f4 f7"},
		{"a gap", "f1 f4 f7", "-", 0, "f1"},
		{"a gap that is filled", "f1 f4 f7 f2 f4 f7 f8", "-", 0, "f1 f2 f4 f7 f8"},
		{"what a lost relay sent before the rest", "f7 f8 f1 f2 f4 f7 f8", "-", 0, "f1 f2 f4 f7 f8"},
		{"a command that is on its way", "f1 f2 f4", "", 0, "f1 f2"},
		{"facts that are on their way", "f1", "c3 c5", 0, "f1"},
		{"a gap among the commands", "f1 f2 f4 f7 f8", "c5 c9", 0, "f1 f2"},
		{"a gap among the commands that is filled", "f1 f2 f4 f7 f8", "c5 c9 c3 c5 c9", 0, "f1 f2 c3 f4 c5 f7 f8 c9"},
		{"commands that have passed their retention", "f1 f2 f4 f7 f8", "c9:8,0", 0, "f1 f2 f4 f7 f8 c9:8,0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &part{lanes: []lane{{records: line(t, journal, tt.facts)}}}
			if tt.commands != "-" {
				p.lanes = append(p.lanes, lane{records: line(t, journal, tt.commands)})
			}
			at, got := tt.at, []string{}
			skip := make([]int, len(p.lanes))
			for r := p.take(at, skip); r != nil; r = p.take(at, skip) {
				at, got = r.Seq, append(got, r.Message.ID)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

// A partition whose beginning was deleted, for somebody has limited its retention, begins with
// what it has.
func TestTakeFromADeletedBeginning(t *testing.T) {
	p := &part{lanes: []lane{{records: line(t, journal, "f4 f7")}}}
	p.lanes[0].records[0].first = true
	if r := p.take(0, make([]int, 1)); r == nil || r.Seq != 4 {
		t.Errorf("got %v, want the first that there is", r)
	}
	if r := p.take(1, make([]int, 1)); r != nil {
		t.Errorf("got %v for whoever has read the one before what is missing, want nothing", r)
	}
}

// What is handled is forgotten, and is not there twice; another message at the place of the
// one that was read is an error.
func TestBehind(t *testing.T) {
	p := &part{lanes: []lane{{records: line(t, journal, "f1 f2 f4 f7")}}}
	passed, err := p.behind(store.Position{Seq: 2, ID: "f2"})
	if err != nil || passed[0].seq != 2 || passed[0].offset != 1 || len(p.lanes[0].records) != 2 || p.low != 2 {
		t.Errorf("got %+v, %v; %+v is left", passed, err, p)
	}
	if n := p.count(0); n != 2 || len(p.lanes[0].records) != 2 {
		t.Errorf("counted %d of %d", n, len(p.lanes[0].records))
	}
	if _, err := p.behind(store.Position{Seq: 4, ID: "another"}); err == nil {
		t.Error("another message at 4 is no error")
	}
	r := line(t, journal, "f7")[0]
	for at, bad := range map[int64]bool{0: false, 4: false, 5: false, 6: false} {
		if err := hidden(store.Position{Seq: at, ID: "x"}, r); (err != nil) != bad {
			t.Errorf("behind %d: %v", at, err)
		}
	}
	if hidden(store.Position{Seq: 3, ID: "x"}, line(t, "f2 f4", "f4")[0]) == nil {
		t.Error("a message was read where the journal has none, and nobody says so")
	}
}

// Of a topic's end only what has everything before it counts: a relay goes on from there.
func TestTail(t *testing.T) {
	for _, tt := range []struct {
		name, facts, commands, want string
		short                       bool
	}{
		{"nothing", "", "", "", false},
		{"all of it", "f1 f2 f4 f7 f8", "c3 c5 c9", "c9", false},
		{"no command yet", "f1 f2", "", "f2", false},
		{"facts lost", "f1 f2", "c3 c5 c9", "f2", false},
		{"commands lost", "f1 f2 f4 f7 f8", "c3", "c3", false},
		{"all commands lost", "f1 f2 f4 f7 f8", "", "", false},
		{"the middle lost", "f1 f2 f7 f8", "c3 c5 c9", "f2", false},
		{"filled again", "f1 f2 f7 f8 f4 f7 f8", "c3 c5 c9", "c9", false},
		{"what a lost relay sent into a topic that was wiped", "f7 f8", "", "", false},
		{"the end of a long one", "f4 f7 f8", "c5 c9", "c9", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tail tail
			tail.facts.short, tail.commands.short = tt.short, tt.short
			for _, r := range append(line(t, journal, tt.facts), line(t, journal, tt.commands)...) {
				tail.add(r)
			}
			end, ok := tail.end()
			if end.Message.ID != tt.want || ok != (tt.want != "") {
				t.Errorf("got %q, want %q", end.Message.ID, tt.want)
			}
		})
	}
	var mixed tail
	for _, r := range line(t, journal, "f1 f2") {
		mixed.add(r)
	}
	strange := made(t, "f9")
	strange.Identity = "another"
	mixed.add(strange)
	if end, ok := mixed.end(); !ok || end.Identity != "another" {
		t.Errorf("got %+v, want what is of another journal", end)
	}
}

func TestPlaces(t *testing.T) {
	var all places
	for seq := int64(1); seq < 5000; seq++ {
		all = all.with(place{seq: seq, offset: seq})
	}
	if n := len(all); n < 8 || n > 14 {
		t.Errorf("%d places are remembered of 5000 messages", n)
	}
	for _, seq := range []int64{1, 700, 2500, 4999, 9999} {
		if p, ok := all.before(seq); !ok || p.seq > seq || min(seq, 4999)-p.seq > 2*apart {
			t.Errorf("before %d is %+v", seq, p)
		}
	}
	if _, ok := all.before(0); ok {
		t.Error("there is a place before the first")
	}
}

// What is encoded comes back, and what is not ours is told from it.
func TestRecord(t *testing.T) {
	f := made(t, "f7:4,5").Forwarded
	f.Partition, f.Key, f.Kind, f.Before.Passed, f.Body = 3, "order-1", "OrderCreated", 6, []byte(`{"a":1}`)
	r, err := encode(f, "order", "order-events")
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers["ce_type"] != "OrderCreated" || headers["ce_id"] == "" || string(r.Key) != "order-1" || r.Partition != 3 || headers["content-type"] != "application/json" {
		t.Errorf("got %+v with %v", r, headers)
	}
	back, err := decode(r)
	if err != nil || back.Before != f.Before || back.Identity != f.Identity || back.Seq != 7 || back.Key != f.Key || string(back.Body) != string(f.Body) || back.Class != f.Class {
		t.Errorf("got %+v, %v, want %+v", back, err, f)
	}
	r.Headers = nil
	if _, err := decode(r); err == nil {
		t.Error("a record without headers is taken")
	}
}
