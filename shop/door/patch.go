package door

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// DecodePatch reads the body of a merge patch (RFC 7396), as Decode reads others. null is
// allowed for the removable fields only, each of which is a Text of into.
func DecodePatch(r *http.Request, into any, removable ...string) error {
	return decode(r, into, removable)
}

// A Text is a field of a merge patch that null removes. The zero value is a field that is
// not in it, and stays as it is.
type Text struct {
	Given bool
	Value string // "" where it is removed
}

// UnmarshalJSONFrom reads a string or null.
func (t *Text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if k := dec.PeekKind(); k != '"' && k != 'n' {
		return errText
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if *t = (Text{Given: true}); token.Kind() == '"' {
		t.Value = token.String()
	}
	return nil
}

var errText = errors.New("must be a string, or null to remove it")
