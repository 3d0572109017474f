package message_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
)

type paid struct {
	Order  string `json:"order"`
	Amount int64  `json:"amount"`
}

func (paid) Kind() string { return "PaymentProcessed" }

type looked struct{ paid }

func (looked) Kind() string         { return "looked" }
func (looked) Class() message.Class { return message.Audit }

type private struct{ N int }

func (*private) Kind() string         { return "private" }
func (*private) Class() message.Class { return message.Internal }

// endless cannot be written as JSON.
type endless struct{ N float64 }

func (endless) Kind() string { return "endless" }

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name string
		data message.Kind
		want message.Message
	}{
		{"public unless it says otherwise", paid{"o1", 995}, message.Message{Kind: "PaymentProcessed", Class: message.Public, Body: []byte(`{"order":"o1","amount":995}`)}},
		{"as its type says", looked{paid{"o1", 1}}, message.Message{Kind: "looked", Class: message.Audit, Body: []byte(`{"order":"o1","amount":1}`)}},
		{"as its pointer says", &private{7}, message.Message{Kind: "private", Class: message.Internal, Body: []byte(`{"N":7}`)}},
	} {
		got, err := message.Encode("key", tt.data)
		if err != nil || got.Kind != tt.want.Kind || got.Class != tt.want.Class || got.Key != "key" || string(got.Body) != string(tt.want.Body) {
			t.Errorf("%s: got %+v with body %s, %v; want %+v", tt.name, got, got.Body, err, tt.want)
		}
		if got.ID != "" || got.Version != 0 || !got.Time.IsZero() || got.Cause != "" || got.Trace != "" {
			t.Errorf("%s: %+v says more than its data", tt.name, got)
		}
	}
	m, err := message.Encode("key", endless{math.Inf(1)})
	if err == nil || !strings.Contains(err.Error(), "endless") || m.Body != nil {
		t.Errorf("what cannot be written: %+v, %v; want an error that names the kind", m, err)
	}
}

func TestDecodeReturnsWhatWasEncoded(t *testing.T) {
	want := paid{"o1", math.MaxInt64}
	m, err := message.Encode("o1", want)
	if err != nil {
		t.Fatal(err)
	}
	m.ID, m.Time = "id", time.UnixMicro(1).UTC()
	got, err := message.Decode[paid](m)
	if err != nil || got.Data != want || got.ID != "id" || got.Key != "o1" || !got.Time.Equal(m.Time) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	m.Body = []byte(`{"order":"o2","amount":1,"later":true}`)
	if got, err := message.Decode[paid](m); err != nil || got.Data != (paid{"o2", 1}) {
		t.Errorf("a body with a field of a later version: %+v, %v; want it passed over", got, err)
	}
}

// Whoever finds the error in a log can find the message.
func TestDecodeNamesWhatItCannotRead(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":         ``,
		"half":            `{"order":"o1",`,
		"no object":       `[1]`,
		"another type":    `{"order":7}`,
		"a fraction":      `{"amount":0.5}`,
		"too large":       `{"amount":9223372036854775808}`,
		"something after": `{"order":"o1"} {}`,
		"no JSON":         "\xff\x00",
		"a name twice":    `{"order":"o1","order":"o2"}`,
	} {
		m := message.Message{ID: "01890b5e", Kind: "PaymentProcessed", Key: "o1", Body: []byte(body)}
		of, err := message.Decode[paid](m)
		if err == nil || !strings.Contains(err.Error(), "PaymentProcessed 01890b5e") {
			t.Errorf("%s: %v, want an error that names the kind and the id", name, err)
		}
		if errors.Unwrap(err) == nil {
			t.Errorf("%s: %v has no cause", name, err)
		}
		if of.ID != m.ID || of.Key != m.Key {
			t.Errorf("%s: %+v does not say which message it was", name, of)
		}
	}
}

func TestDecodeTakesNamesExactly(t *testing.T) {
	of, err := message.Decode[paid](message.Message{Body: []byte(`{"Order":"o1","AMOUNT":7,"amount":5,"later":{"more":[1]}}`)})
	if want := (paid{Amount: 5}); err != nil || of.Data != want {
		t.Errorf("got %+v, %v; want %+v", of.Data, err, want)
	}
}
