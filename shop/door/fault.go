package door

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fault tells a client why its body was not taken, in words of our own: those of the
// library may change with every version of it.
func fault(text []byte, err error) error {
	var meaning *json.SemanticError
	var form *jsontext.SyntacticError
	switch {
	case errors.As(err, &form):
		return badForm(text, form)
	case errors.As(err, &meaning):
		return badMeaning(meaning)
	}
	return BadRequest("The body is not JSON.").Cause("not-json")
}

// badForm is about a body that is no JSON, or JSON that has two meanings.
func badForm(text []byte, err *jsontext.SyntacticError) error {
	switch {
	case errors.Is(err.Err, jsontext.ErrDuplicateName):
		return BadRequest("", Field{Field: path(err.JSONPointer), Detail: "is there twice"}).Cause("duplicate-field")
	case !utf8.Valid(text):
		return BadRequest("The body is not valid UTF-8.").Cause("invalid-utf8")
	case bytes.IndexByte(text, 0) >= 0:
		return BadRequest("The body contains NUL.").Cause("nul")
	case errors.Is(err.Err, io.ErrUnexpectedEOF):
		return BadRequest("The body ends in the middle of its JSON.").Cause("not-json")
	}
	// A value that can be read to its end leaves only what stands behind it.
	if _, first := jsontext.NewDecoder(bytes.NewReader(text)).ReadValue(); first == nil {
		return BadRequest("Something follows the JSON of the body.").Cause("trailing-data")
	}
	p := BadRequest(fmt.Sprintf("The body is not JSON: %v at byte %d.", err.Err, err.ByteOffset)).Cause("not-json")
	if at := path(err.JSONPointer); at != "" {
		p.Errors = []Field{{Field: at, Detail: err.Err.Error()}}
	}
	return p
}

// badMeaning is about JSON that does not fit what is asked for.
func badMeaning(err *json.SemanticError) error {
	at := path(err.JSONPointer)
	switch {
	case errors.Is(err.Err, json.ErrUnknownName):
		return BadRequest("", Field{Field: at, Detail: "is not a field of this request"}).Cause("unknown-field")
	case errors.Is(err.Err, strconv.ErrRange):
		return Invalid(Field{Field: at, Detail: "is too large"}).Cause("too-large")
	case errors.Is(err.Err, strconv.ErrSyntax) && err.JSONKind == '0':
		return BadRequest("", Field{Field: at, Detail: "must be a whole number, without point or exponent"}).Cause("not-whole")
	}
	want := "must be " + wanted(err.GoType)
	if want == "must be " && err.Err != nil {
		want = err.Err.Error()
	}
	return refused(at, want).Cause("wrong-type")
}

// refused is about the value at a path; "" is the body itself, which is no field.
func refused(at, detail string) *Problem {
	if at == "" {
		return BadRequest("The body " + detail + ".")
	}
	return BadRequest("", Field{Field: at, Detail: detail})
}

// wanted names the JSON that t is read from; "" if t reads itself.
func wanted(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.UnmarshalerFrom]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return ""
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// path writes a JSON pointer as people do: items[0].quantity.
func path(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil && b.Len() > 0 {
			fmt.Fprintf(&b, "[%s]", token)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		if token == "" { // a key without a letter is not no key
			token = `""`
		}
		b.WriteString(token)
	}
	s := b.String()
	if len(s) > maxPath {
		s = strings.ToValidUTF8(s[:maxPath], "") + "…"
	}
	return s
}

const maxPath = 200 // bytes: a key can be as long as a body
