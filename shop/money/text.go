package money

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Text is an amount as it stands in a request: a JSON string, or a JSON number taken by
// its digits, never as a float. What it says is for Parse to judge.
type Text string

// UnmarshalJSONFrom reads a string or a number, as it is written.
func (t *Text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if k := dec.PeekKind(); k == 'n' || k == 't' || k == 'f' || k == '{' || k == '[' {
		return errText
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	*t = Text(token.String())
	return nil
}

var errText = errors.New("must be an amount of money: a string, or a number")
