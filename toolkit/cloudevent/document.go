package cloudevent

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	exact "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MediaType is that of an event in structured mode.
const MediaType = "application/cloudevents+json; charset=UTF-8"

// The members that bear the data: as it is where it is JSON, as base64 where it is not.
const (
	dataMember  = "data"
	bytesMember = "data_base64"
)

// MarshalJSON writes e in structured mode, the data last and byte for byte (encoding/json takes
// blanks out of it).
func (e Event) MarshalJSON() ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	text := []byte{'{'}
	member := func(name string) {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, '"')
		text = append(text, name...)
		text = append(text, '"', ':')
	}
	names := []string{"specversion", "id", "source", "type"}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		member(name)
		quoted, err := jsontext.AppendQuote(text, e.Attributes[name])
		if err != nil {
			return nil, invalid(name, "%v", err)
		}
		text = quoted
	}
	switch {
	case jsonType(e.Attributes["datacontenttype"]) && isJSON(e.Data):
		member(dataMember)
		text = append(text, e.Data...)
	case len(e.Data) > 0:
		member(bytesMember)
		text = append(text, '"')
		text = base64.StdEncoding.AppendEncode(text, e.Data)
		text = append(text, '"')
	}
	return append(text, '}'), nil
}

// UnmarshalJSON reads an event in structured mode. A member that is null is not there.
func (e *Event) UnmarshalJSON(text []byte) error {
	var members map[string]jsontext.Value
	if err := exact.Unmarshal(text, &members); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	read := Event{Attributes: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == dataMember || name == bytesMember || members[name].Kind() == 'n' {
			continue
		}
		value, err := canonical(members[name])
		if err != nil {
			return invalid(name, "%v", err)
		}
		read.Attributes[name] = value
	}
	if err := read.Check(); err != nil {
		return err
	}
	data, whole := members[dataMember]
	coded, bytes := members[bytesMember]
	bytes = bytes && coded.Kind() != 'n'
	switch {
	case whole && bytes:
		return fmt.Errorf("%w: it has %s and %s", ErrInvalid, dataMember, bytesMember)
	case bytes:
		if err := exact.Unmarshal(coded, &read.Data); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInvalid, bytesMember, err)
		}
	case whole && !jsonType(read.Attributes["datacontenttype"]) && data.Kind() == '"':
		var content string
		if err := exact.Unmarshal(data, &content); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInvalid, dataMember, err)
		}
		read.Data = []byte(content)
	case whole:
		read.Data = slices.Clone(data)
	}
	*e = read
	return nil
}

// canonical is the text of an attribute, which may be a string, a boolean or a whole number of
// 32 bits.
func canonical(v jsontext.Value) (string, error) {
	switch v.Kind() {
	case '"':
		var s string
		err := exact.Unmarshal(v, &s)
		return s, err
	case 't', 'f':
		return v.String(), nil
	case '0':
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil || f != math.Trunc(f) || f < math.MinInt32 || f > math.MaxInt32 {
			return "", fmt.Errorf("is %s, and no whole number of 32 bits", v)
		}
		return strconv.FormatInt(int64(f), 10), nil
	}
	return "", fmt.Errorf("is %s, and must be text, a boolean or a whole number", v)
}
