package cloudevent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/cloudevent"
	"github.com/tidewire/tidewire/toolkit/message"
	"pgregory.net/rapid"
)

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// paid is a message that says all that a message can, and origin where it is from.
func paid() (message.Message, cloudevent.Origin) {
	return message.Message{ID: "0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e", Kind: "PaymentProcessed", Class: message.Public, Key: "order 4711 – ü",
			Version: 3, Time: time.Date(2030, 1, 2, 3, 4, 5, 678_000, time.UTC), Cause: "0199f3c2-7a51-7c11-8a3e-000000000001", Trace: trace,
			Body: []byte(`{"orderId":"4711","amount":9007199254740993}`)},
		cloudevent.Origin{Source: cloudevent.Source("payment"), Seq: 17, Schema: "https://shop.example/schema/PaymentProcessed"}
}

// What an envelope says is an attribute each, in the words of the specification and its
// documented extensions.
func TestOf(t *testing.T) {
	m, from := paid()
	e, err := cloudevent.Of(m, from)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"specversion": "1.0", "id": m.ID, "source": "/tidewire/payment", "type": "PaymentProcessed", "subject": m.Key, "time": "2030-01-02T03:04:05.000678Z",
		"datacontenttype": "application/json", "dataschema": from.Schema, "partitionkey": m.Key, "sequence": "0000000000000000017",
		"traceparent": trace, "causationid": m.Cause, "messageclass": "public", "messageversion": "3",
	}
	if !maps.Equal(e.Attributes, want) || string(e.Data) != string(m.Body) {
		t.Errorf("got %v\nwant %v", e.Attributes, want)
	}

	// What is not said is not there: no attribute is empty.
	e, err = cloudevent.Of(message.Message{ID: "1", Kind: "looked"}, cloudevent.Origin{Source: "/tidewire/order"})
	want = map[string]string{"specversion": "1.0", "id": "1", "source": "/tidewire/order", "type": "looked"}
	if err != nil || !maps.Equal(e.Attributes, want) {
		t.Errorf("got %v, %v\nwant %v", e.Attributes, err, want)
	}
}

func TestSourceIsAReference(t *testing.T) {
	for service, want := range map[string]string{"order": "/tidewire/order", "a b/ü": "/tidewire/a%20b%2F%C3%BC"} {
		if got := cloudevent.Source(service); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// drawn is any envelope that CloudEvents has words for.
func drawn(t *rapid.T) (message.Message, cloudevent.Origin) {
	text := func(name string, least int) string {
		return rapid.StringMatching(`[ -~äß–日😀]{0,30}`).Filter(func(s string) bool { return len(s) >= least }).Draw(t, name)
	}
	m := message.Message{ID: text("id", 1), Kind: text("kind", 1), Key: text("key", 0), Cause: text("cause", 0),
		Class:   rapid.SampledFrom([]message.Class{message.Public, message.Internal, message.Command, message.Audit}).Draw(t, "class"),
		Version: rapid.Int64Min(0).Draw(t, "version"),
		Trace:   rapid.SampledFrom([]string{"", trace}).Draw(t, "trace"),
	}
	body := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "null", "{}", `"text"`, "1e400", ` {} `, `{"a":1,"a":2}`, "\xff", "{", "<b>&amp;",
		`{"z":"<&>\u2028","n":9007199254740993, "a" : [ ]}`})).Draw(t, "body")
	if body != "" {
		m.Body = []byte(body)
	}
	if rapid.Bool().Draw(t, "timed") {
		m.Time = time.UnixMicro(rapid.Int64Range(-62135596799_000000, 253402300799_000000).Draw(t, "time")).UTC()
	}
	return m, cloudevent.Origin{Source: cloudevent.Source(text("service", 1)), Seq: rapid.Int64Min(0).Draw(t, "seq"),
		Schema: rapid.SampledFrom([]string{"", "https://shop.example/schema/x", "urn:x:y"}).Draw(t, "schema")}
}

// same fails unless the event is the message again, byte for byte.
func same(t interface {
	Helper()
	Errorf(string, ...any)
}, way string, e cloudevent.Event, m message.Message, from cloudevent.Origin) {
	t.Helper()
	got, origin, err := e.Message()
	if err != nil || !reflect.DeepEqual(got, m) || origin != from {
		t.Errorf("%s: got %+v from %+v, %v\nwant %+v from %+v", way, got, origin, err, m, from)
	}
}

// Every envelope comes back as it was, by each way.
func TestNothingIsLostOnTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, from := drawn(t)
		e, err := cloudevent.Of(m, from)
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		same(t, "as it is", e, m, from)
		for _, b := range []cloudevent.Binding{cloudevent.Kafka, cloudevent.HTTP} {
			headers := e.Headers(b)
			if b == cloudevent.HTTP {
				headers = carried(headers)
			}
			read, err := cloudevent.Read(b, headers, e.Data)
			if err != nil {
				t.Fatalf("%s: %v of %v", b, err, headers)
			}
			same(t, string(b), read, m, from)
		}
		text, err := e.MarshalJSON()
		if err != nil || !json.Valid(text) {
			t.Fatalf("%v: %s", err, text)
		}
		var read cloudevent.Event
		if err := read.UnmarshalJSON(text); err != nil {
			t.Fatalf("%v of %s", err, text)
		}
		same(t, "structured", read, m, from)
	})
}

// carried is what a server gets of the headers of a client: net/http writes and reads them.
func carried(headers map[string]string) map[string]string {
	h := http.Header{}
	for name, value := range headers {
		h.Set(name, value)
	}
	var wire bytes.Buffer
	h.Write(&wire)
	got := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(wire.String(), "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		got[name] = value
	}
	return got
}

// The rules of the specification, each with what breaks it.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name, attribute, value string
		want                   string // in the error; "" if it is allowed
	}{
		{"no id", "id", "", "id is required"},
		{"no source", "source", "", "source is required"},
		{"no type", "type", "", "type is required"},
		{"no version of the specification", "specversion", "", "specversion is required"},
		{"an older one", "specversion", "0.3", "must be 1.0"},
		{"an empty attribute", "subject", "", "subject is empty"},
		{"a capital letter in a name", "partitionKey", "x", "no name"},
		{"an underscore in a name", "partition_key", "x", "no name"},
		{"a dash in a name", "partition-key", "x", "no name"},
		{"a letter that is not ASCII", "größe", "x", "no name"},
		{"no name", "", "x", "no name"},
		{"a name of 20", "abcdefghij0123456789", "x", ""},
		{"a name of 21", "abcdefghij01234567890", "x", "no name"},
		{"data as an attribute", "data", "x", "no name"},
		{"a line break", "subject", "a\r\nce_type: OrderFailed", "U+000D"},
		{"a newline alone", "subject", "a\nb", "U+000A"},
		{"NUL", "id", "a\x00", "U+0000"},
		{"a tab", "id", "a\tb", "U+0009"},
		{"delete", "id", "a\x7f", "U+007F"},
		{"a control character of Latin-1", "id", "a\u0085", "U+0085"},
		{"a noncharacter", "id", "a\ufdd0", "U+FDD0"},
		{"another, of a plane", "id", "a\U0001fffe", "U+1FFFE"},
		{"no UTF-8", "id", "a\xff", "no UTF-8"},
		{"half of a surrogate pair", "id", "a\xed\xa0\x80", "no UTF-8"},
		{"letters of all kinds", "subject", "ä 日本 😀 \"%\\", ""},
		{"no time", "time", "yesterday", "RFC 3339"},
		{"a time without a zone", "time", "2030-01-02T03:04:05", "RFC 3339"},
		{"an hour of one digit", "time", "2030-01-02T3:04:05Z", "RFC 3339"},
		{"a comma in a time", "time", "2030-01-02T03:04:05,5Z", "RFC 3339"},
		{"a day that is not", "time", "2030-02-30T03:04:05Z", "RFC 3339"},
		{"a time elsewhere", "time", "2030-01-02T03:04:05.5+02:00", ""},
		{"a source with a blank", "source", "/tide wire", "URI reference"},
		{"a source with a bad escape", "source", "/%zz", "URI reference"},
		{"an absolute source", "source", "https://shop.example/payment", ""},
		{"a schema that is relative", "dataschema", "/schema/x", "absolute URI"},
		{"a schema that is not", "dataschema", "::", "absolute URI"},
		{"a type of data that is none", "datacontenttype", "json", "media type"},
		{"one with a parameter", "datacontenttype", "application/json; charset=utf-8", ""},
		{"a broken trace", "traceparent", "00-1-2-3", "traceparent"},
		{"a trace of a later version", "traceparent", "01" + trace[2:] + "-more", ""},
		{"a class that is none", "messageclass", "secret", "public, internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, from := paid()
			e, err := cloudevent.Of(m, from)
			if err != nil {
				t.Fatal(err)
			}
			e.Attributes[tt.attribute] = tt.value
			err = e.Check()
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, cloudevent.ErrInvalid) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			_, _, read := e.Message()
			if _, written := e.MarshalJSON(); (read == nil) != (err == nil) || (written == nil) != (err == nil) {
				t.Errorf("Check says %v, Message %v, MarshalJSON %v", err, read, written)
			}
		})
	}
}

// A message that cannot be an event is refused by name, and none of its text becomes a header.
func TestOfRefuses(t *testing.T) {
	for want, change := range map[string]func(*message.Message, *cloudevent.Origin){
		"attribute id is required":           func(m *message.Message, _ *cloudevent.Origin) { m.ID = "" },
		"attribute type is required":         func(m *message.Message, _ *cloudevent.Origin) { m.Kind = "" },
		"attribute source is required":       func(_ *message.Message, from *cloudevent.Origin) { from.Source = "" },
		"attribute partitionkey has the":     func(m *message.Message, _ *cloudevent.Origin) { m.Key = "a\r\nb" },
		"attribute causationid has bytes":    func(m *message.Message, _ *cloudevent.Origin) { m.Cause = "\xff" },
		"attribute dataschema is \"schema\"": func(_ *message.Message, from *cloudevent.Origin) { from.Schema = "schema" },
		"attribute time is \"10000-":         func(m *message.Message, _ *cloudevent.Origin) { m.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		m, from := paid()
		change(&m, &from)
		if _, err := cloudevent.Of(m, from); !errors.Is(err, cloudevent.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// An event of somebody else lacks what only we say, or says it in another way.
func TestMessageOfAnotherSource(t *testing.T) {
	base := map[string]string{"specversion": "1.0", "id": "1", "source": "https://elsewhere.example", "type": "com.example.sold"}
	for name, tt := range map[string]struct {
		more map[string]string
		data string
		want message.Message
		err  string
	}{
		"nothing more":       {nil, `{}`, message.Message{Class: message.Public, Body: []byte(`{}`)}, ""},
		"a subject is a key": {map[string]string{"subject": "s"}, "", message.Message{Class: message.Public, Key: "s"}, ""},
		"a partition is a better one": {map[string]string{"subject": "s", "partitionkey": "p"}, "",
			message.Message{Class: message.Public, Key: "p"}, ""},
		"its own attributes": {map[string]string{"customer": "7", "sequence": "a-1"}, "", message.Message{Class: message.Public}, ""},
		"another zone": {map[string]string{"time": "2030-01-01T01:00:00.25+01:00"}, "",
			message.Message{Class: message.Public, Time: time.Date(2030, 1, 1, 0, 0, 0, 250_000_000, time.UTC)}, ""},
		"JSON by another name":      {map[string]string{"datacontenttype": "application/vnd.x+json"}, "1", message.Message{Class: message.Public, Body: []byte("1")}, ""},
		"data that is no JSON":      {map[string]string{"datacontenttype": "text/xml"}, "<a/>", message.Message{}, "datacontenttype"},
		"a version that is none":    {map[string]string{"messageversion": "new"}, "", message.Message{}, "messageversion"},
		"a version that cannot be":  {map[string]string{"messageversion": "-1"}, "", message.Message{}, "messageversion"},
		"a version that is too big": {map[string]string{"messageversion": "9223372036854775808"}, "", message.Message{}, "messageversion"},
	} {
		e := cloudevent.Event{Attributes: maps.Clone(base), Data: []byte(tt.data)}
		if tt.data == "" {
			e.Data = nil
		}
		maps.Copy(e.Attributes, tt.more)
		got, _, err := e.Message()
		if tt.err != "" {
			if !errors.Is(err, cloudevent.ErrInvalid) || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %q", name, err, tt.err)
			}
			continue
		}
		tt.want.ID, tt.want.Kind = "1", "com.example.sold"
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, tt.want)
		}
	}
}

// By text, events of one source sort as they were said.
func TestSequencesSort(t *testing.T) {
	m, from := paid()
	var texts []string
	for _, seq := range []int64{1, 9, 10, 99, 1e6, 9223372036854775807} {
		from.Seq = seq
		e, err := cloudevent.Of(m, from)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, e.Attributes["sequence"])
	}
	if !slices.IsSorted(texts) {
		t.Errorf("%v", texts)
	}
}
