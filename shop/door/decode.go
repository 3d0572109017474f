package door

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxDepth = 32 // of objects and arrays within each other

// Decode reads the JSON body of r into a pointer to a struct, whose fields are all that
// the body may have. Whatever two readers of JSON might take differently is refused:
// a key that is unknown, doubled or in another case, null, a NUL, what follows the
// value. The error is a *Problem that names the field.
func Decode(r *http.Request, into any) error { return decode(r, into, nil) }

func decode(r *http.Request, into any, removable []string) error {
	text, err := read(r)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return BadRequest("A body in JSON is missing.").Cause("missing-body")
	}
	if err := checkType(r); err != nil {
		return err
	}
	if suspicious(text) {
		if err := inspect(text, removable); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(text, into, json.RejectUnknownMembers(true)); err != nil {
		return fault(text, err)
	}
	return nil
}

// suspicious reports whether text may have what json.Unmarshal would take: null, NUL or
// too deep nesting. It may be wrong about text that is not JSON, which fails anyway.
func suspicious(text []byte) bool {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		case 'n', 0xEF:
			return true
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] != '\\' {
					continue
				}
				if i++; bytes.HasPrefix(text[i:], []byte("u0000")) {
					return true
				}
			}
		}
	}
	return false
}

// inspect returns the problem with text that suspicious suspects, if there is one. Only
// the removable fields may be null.
func inspect(text []byte, removable []string) error {
	if bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")) {
		return BadRequest("The body begins with a byte order mark.").Cause("byte-order-mark")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault(text, err)
		}
		at := path(dec.StackPointer())
		switch {
		case dec.StackDepth() > maxDepth:
			return BadRequest("The body is nested too deeply.").Cause("too-deep")
		case token.Kind() == 'n' && !slices.Contains(removable, at):
			return refused(at, "must not be null").Cause("null")
		case token.Kind() == '"' && strings.ContainsRune(token.String(), 0):
			return refused(at, "must not contain NUL").Cause("nul")
		}
	}
}
