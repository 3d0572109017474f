package cloudevent_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
)

// The headers of both protocols, as their bindings write them.
func TestHeaders(t *testing.T) {
	m, from := paid()
	m.Key = "a ü\"%é😀"
	e, err := cloudevent.Of(m, from)
	if err != nil {
		t.Fatal(err)
	}
	for b, want := range map[cloudevent.Binding]map[string]string{
		cloudevent.Kafka: {"ce_type": "PaymentProcessed", "ce_subject": m.Key, "content-type": "application/json", "ce_specversion": "1.0"},
		cloudevent.HTTP:  {"ce-type": "PaymentProcessed", "ce-subject": "a%20%C3%BC%22%25%C3%A9%F0%9F%98%80", "content-type": "application/json", "ce-specversion": "1.0"},
	} {
		got := e.Headers(b)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %q, want %q", name, got[name], value)
			}
		}
		if len(got) != len(e.Attributes) {
			t.Errorf("%d headers of %d attributes: %v", len(got), len(e.Attributes), got)
		}
	}
}

// least are the headers that an event must have.
func least(more map[string]string) map[string]string {
	headers := map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
	maps.Copy(headers, more)
	return headers
}

func TestReadHeaders(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers map[string]string
		want    string // the subject, or in the error
		fails   bool
	}{
		{"in any case", map[string]string{"CE-Subject": "s"}, "s", false},
		{"quoted, as older senders do", map[string]string{"ce-subject": `"a \"b\" \\ %C3%BC"`}, `a "b" \ ü`, false},
		{"percent signs are decoded once", map[string]string{"ce-subject": "%2541"}, "%41", false},
		{"small digits", map[string]string{"ce-subject": "%c3%bc"}, "ü", false},
		{"others are passed over", map[string]string{"ce-subject": "s", "X-Subject": "x", "ce": "y"}, "s", false},
		{"half an escape", map[string]string{"ce-subject": "a%4"}, "ends within", true},
		{"no digits", map[string]string{"ce-subject": "a%zzb"}, "no byte", true},
		{"a sign is no digit", map[string]string{"ce-subject": "a%+1b"}, "no byte", true},
		{"bytes that are no text", map[string]string{"ce-subject": "%ff"}, "no UTF-8", true},
		{"a line break, hidden", map[string]string{"ce-subject": "a%0d%0ab"}, "U+000D", true},
		{"empty", map[string]string{"ce-subject": ""}, "subject is empty", true},
		{"twice", map[string]string{"ce-subject": "a", "Ce-Subject": "b"}, "subject is there twice", true},
		{"a required one is not there", map[string]string{"ce-id": ""}, "id is required", true},
		{"a name that cannot be", map[string]string{"ce-my_name": "x"}, "no name", true},
		{"the type of the data twice", map[string]string{"content-type": "application/json", "ce-datacontenttype": "text/plain"}, "datacontenttype is there twice", true},
	} {
		e, err := cloudevent.Read(cloudevent.HTTP, least(tt.headers), nil)
		if tt.fails {
			if !errors.Is(err, cloudevent.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			}
		} else if err != nil || e.Attributes["subject"] != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, e.Attributes["subject"], err, tt.want)
		}
	}
	// On Kafka, a percent sign is one.
	e, err := cloudevent.Read(cloudevent.Kafka, map[string]string{"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "100%41", "Ce-Subject": "x"}, nil)
	if err != nil || e.Attributes["type"] != "100%41" || e.Attributes["subject"] != "" {
		t.Errorf("got %v, %v", e.Attributes, err)
	}
}

func TestReadDocuments(t *testing.T) {
	const start = `{"specversion":"1.0","id":"1","source":"/s","type":"t"`
	for _, tt := range []struct{ name, more, data, want string }{
		{"no data", `}`, "", ""},
		{"an object, with its blanks", `,"data":{"b" : 1, "a":[ ]}}`, `{"b" : 1, "a":[ ]}`, ""},
		{"null is data", `,"data":null}`, "null", ""},
		{"bytes", `,"data_base64":"/wA="}`, "\xff\x00", ""},
		{"bytes that are null are not there", `,"data":1,"data_base64":null}`, "1", ""},
		{"text of another type", `,"datacontenttype":"text/xml","data":"<a b=\"1\"/>"}`, `<a b="1"/>`, ""},
		{"text that is JSON", `,"datacontenttype":"application/json","data":"text"}`, `"text"`, ""},
		{"null is not there", `,"subject":null,"data":1}`, "1", ""},
		{"a boolean and a number", `,"a":true,"b":-1.0,"data":2}`, "2", ""},
		{"both", `,"data":1,"data_base64":"MQ=="}`, "", "data and data_base64"},
		{"no base64", `,"data_base64":"?"}`, "", "data_base64"},
		{"an attribute that is an object", `,"a":{}}`, "", "attribute a is {}"},
		{"a list", `,"a":[1]}`, "", "attribute a is [1]"},
		{"a fraction", `,"a":0.5}`, "", "no whole number"},
		{"a number that is too large", `,"a":2147483648}`, "", "no whole number"},
		{"an id that is null", `,"id":null}`, "", "duplicate"},
		{"a name that cannot be", `,"A":"x"}`, "", "no name"},
		{"more behind it", `} {}`, "", "after top-level value"},
		{"cut off", ``, "", "EOF"},
	} {
		var e cloudevent.Event
		err := e.UnmarshalJSON([]byte(start + tt.more))
		if tt.want != "" {
			if !errors.Is(err, cloudevent.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || e.Attributes != nil {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			}
		} else if err != nil || string(e.Data) != tt.data {
			t.Errorf("%s: got %q, %v, want %q", tt.name, e.Data, err, tt.data)
		}
	}
	var e cloudevent.Event
	if err := e.UnmarshalJSON([]byte(`{"specversion":"1.0","id":null,"source":"/s","type":"t"}`)); err == nil || !strings.Contains(err.Error(), "id is required") {
		t.Errorf("got %v, want the id asked for", err)
	}
	if err := e.UnmarshalJSON([]byte(start + `,"b":-1.0,"c":false}`)); err != nil || e.Attributes["b"] != "-1" || e.Attributes["c"] != "false" {
		t.Errorf("got %v, %v, want numbers and booleans in their canonical text", e.Attributes, err)
	}
}

// The official SDK reads the same attributes and data from what is written here, in both modes.
// Its HTTP binding leaves percent signs as they are, so the key is one without.
func TestTheOfficialSDKReadsIt(t *testing.T) {
	m, from := paid()
	m.Key = "order-4711"
	e, err := cloudevent.Of(m, from)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	structured := sdk.NewEvent()
	if err := json.Unmarshal(text, &structured); err != nil {
		t.Fatal(err)
	}
	headers := http.Header{}
	for name, value := range e.Headers(cloudevent.HTTP) {
		headers.Set(name, value)
	}
	request, err := http.NewRequest(http.MethodPost, "http://localhost", strings.NewReader(string(e.Data)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = headers
	binary, err := binding.ToEvent(t.Context(), cehttp.NewMessageFromHttpRequest(request))
	if err != nil {
		t.Fatal(err)
	}
	for mode, got := range map[string]sdk.Event{"structured": structured, "binary": *binary} {
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		if got.SpecVersion() != "1.0" || got.ID() != m.ID || got.Source() != from.Source || got.Type() != m.Kind || got.Subject() != m.Key ||
			!got.Time().Equal(m.Time) || got.DataContentType() != "application/json" || got.DataSchema() != from.Schema || string(got.Data()) != string(m.Body) {
			t.Errorf("%s: the SDK reads\n%s", mode, got)
		}
		for _, name := range []string{"partitionkey", "sequence", "traceparent", "causationid", "messageclass", "messageversion"} {
			if got.Extensions()[name] != e.Attributes[name] {
				t.Errorf("%s: %s is %v, want %q", mode, name, got.Extensions()[name], e.Attributes[name])
			}
		}
	}
}

// And what the SDK writes is read here.
func TestItReadsTheOfficialSDK(t *testing.T) {
	theirs := sdk.NewEvent()
	theirs.SetID("7")
	theirs.SetSource("https://elsewhere.example/a")
	theirs.SetType("com.example.sold")
	theirs.SetSubject("a ü")
	theirs.SetExtension("count", 5)
	theirs.SetExtension("partitionkey", "p")
	if err := theirs.SetData("application/json", map[string]int{"n": 1}); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	var structured cloudevent.Event
	if err := json.Unmarshal(text, &structured); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, "http://localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cehttp.WriteRequest(t.Context(), binding.ToMessage(&theirs), request); err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	for name := range request.Header {
		headers[name] = request.Header.Get(name)
	}
	binary, err := cloudevent.Read(cloudevent.HTTP, headers, []byte(`{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for mode, e := range map[string]cloudevent.Event{"structured": structured, "binary": binary} {
		m, from, err := e.Message()
		if err != nil || m.ID != "7" || m.Kind != "com.example.sold" || m.Key != "p" || e.Attributes["subject"] != "a ü" || e.Attributes["count"] != "5" ||
			from.Source != "https://elsewhere.example/a" || string(m.Body) != `{"n":1}` {
			t.Errorf("%s: got %+v from %+v, %v", mode, m, from, err)
		}
	}
}

// Whatever text comes is refused or is an event, which is written and read the same again.
func FuzzUnmarshal(f *testing.F) {
	m, from := paid()
	e, err := cloudevent.Of(m, from)
	if err != nil {
		f.Fatal(err)
	}
	text, err := e.MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/xml","data":"<a/>"}`))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"/w=="}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second cloudevent.Event
		if first.UnmarshalJSON(text) != nil {
			return
		}
		again, err := first.MarshalJSON()
		if err != nil {
			t.Fatalf("%q was read, and cannot be written: %v", text, err)
		}
		if err := second.UnmarshalJSON(again); err != nil || !maps.Equal(first.Attributes, second.Attributes) || string(first.Data) != string(second.Data) {
			t.Fatalf("%q was read as %v, and %q as %v (%v)", text, first, again, second, err)
		}
		for _, b := range []cloudevent.Binding{cloudevent.Kafka, cloudevent.HTTP} {
			read, err := cloudevent.Read(b, first.Headers(b), first.Data)
			if err != nil || !maps.Equal(first.Attributes, read.Attributes) {
				t.Fatalf("%s: %v is read as %v, %v", b, first, read, err)
			}
		}
	})
}
