package door_test

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidewire/tidewire/shop/door"
)

// A plain has no type that reads itself, so that another reader can read it too.
type plain struct {
	ID     *string `json:"id"`
	UserID string  `json:"userId"`
	Gift   bool    `json:"gift"`
	Stock  *int64  `json:"stock"`
	Items  []struct {
		ProductID string `json:"productId"`
		Quantity  *int64 `json:"quantity"`
	} `json:"items"`
	Payment struct {
		Method *string `json:"method"`
	} `json:"payment"`
}

// Whatever Decode takes, another reader of JSON takes and understands in the same way;
// whatever it does not is the client's fault, and a problem that can be written.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `1`, `"x"`, ` {"userId":"1"} `, "\uFEFF{}", "{\"userId\":\"\xff\"}", "{}\x00", `{}{}`,
		`{"userId":"1","items":[{"productId":"1","quantity":2},{"productId":"2","quantity":1}],"payment":{"method":"ok"}}`,
		`{"id":"a","gift":true,"stock":-9223372036854775808}`, `{"stock":9223372036854775808}`, `{"stock":1e3}`, `{"stock":1.0}`, `{"stock":-0}`, `{"stock":"1"}`,
		`{"userId":"\u0000"}`, `{"userId":"\ud800"}`, `{"userId":"\ud83d\ude00"}`, `{"user\u0049d":"1"}`, `{"userId":"1","userId":"2"}`, `{"UserId":"1"}`, `{"userid":"1"}`,
		`{"id":null}`, `{"items":null}`, `{"items":[null]}`, `{"items":[]}`, `{"items":[{}]}`, `{"payment":{}}`, `{"payment":[]}`, `{"":1}`, `{"gift":1}`, `{"price":1.5}`, `{"price":"1e400"}`, `{"price":[]}`, `{"a":{"a":[`,
		strings.Repeat(`{"payment":`, 40) + `1` + strings.Repeat(`}`, 40), `{"items":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`,
		`{"userId":"\\u0000"}`, `{"userId":"a\`, `{"items":[{"productId":"1","quantity":2}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var priced order // with an amount of money, which reads itself
		if err := door.Decode(post(text), &priced); err == nil && strings.ContainsRune(priced.UserID+string(priced.Price), 0) {
			t.Errorf("%q: took a NUL", text)
		} else if err != nil && problemOf(t, err).Status/100 != 4 {
			t.Errorf("%q: got %v", text, err)
		}
		var got, want plain
		if err := door.Decode(post(text), &got); err != nil {
			var p *door.Problem
			if !errors.As(err, &p) || p.Status < 400 || p.Status > 499 || p.Title == "" || !strings.HasPrefix(p.Type, "urn:tidewire:problem:") {
				t.Fatalf("%q: got %#v, want a problem of the client's", text, err)
			}
			for _, field := range p.Errors {
				if field.Field == "" || !utf8.ValidString(field.Field) && utf8.ValidString(text) {
					t.Errorf("%q: a field %q", text, field.Field)
				}
			}
			return
		}
		dec := stdjson.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("%q: taken, and encoding/json says %v", text, err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			t.Errorf("%q: taken, with something behind it: %v", text, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, encoding/json has %+v", text, got, want)
		}
		if strings.ContainsRune(got.UserID, 0) || !utf8.ValidString(text) {
			t.Errorf("%q: taken, with text that a database refuses", text)
		}
	})
}
