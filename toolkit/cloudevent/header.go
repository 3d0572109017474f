package cloudevent

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Binding says how a protocol bears attributes as headers beside the data: what they begin
// with there.
type Binding string

// The bindings.
const (
	Kafka Binding = "ce_" // values are UTF-8
	HTTP  Binding = "ce-" // values are percent-encoded, names in any case
	// AMQP writes the prefix of version 1.0.2, and also reads that of later drafts.
	AMQP Binding = "cloudEvents:"
)

// laterAMQP is what some senders write, as JMS forbids the colon.
const laterAMQP = "cloudEvents_"

// contentHeader bears the type of the data, without a prefix.
const contentHeader = "content-type"

// Headers returns the attributes of e in binary mode; the message's content is e.Data. No value
// can end its header or begin another.
func (e Event) Headers(b Binding) map[string]string {
	headers := map[string]string{}
	for name, value := range e.Attributes {
		if b == HTTP {
			value = escaped(value)
		}
		if name == "datacontenttype" {
			headers[contentHeader] = e.Attributes[name] // no attribute there, but the protocol's own
			continue
		}
		headers[string(b)+name] = value
	}
	return headers
}

// Read returns the event of a message in binary mode. Headers that are no attributes are
// somebody else's.
func Read(b Binding, headers map[string]string, data []byte) (Event, error) {
	e := Event{Attributes: map[string]string{}, Data: data}
	for header, value := range headers {
		if b == HTTP {
			header = strings.ToLower(header)
		}
		name, ours := strings.CutPrefix(header, string(b))
		if !ours && b == AMQP {
			name, ours = strings.CutPrefix(header, laterAMQP)
		}
		switch {
		case ours && b == HTTP:
			plain, err := unescaped(value)
			if err != nil {
				return Event{}, invalid(name, "%v", err)
			}
			value = plain
		case strings.ToLower(header) == contentHeader:
			name = "datacontenttype"
		case !ours:
			continue
		}
		if _, twice := e.Attributes[name]; twice {
			return Event{}, invalid(name, "is there twice")
		}
		e.Attributes[name] = value
	}
	return e, e.Check()
}

// escaped encodes what a header of HTTP must not have, as section 3.1.3.2 of the binding says:
// all but the visible characters of ASCII, and of those the quote and the percent sign.
func escaped(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescaped decodes a header of HTTP: quotes around it first, which older senders put there,
// then one round of percent signs.
func unescaped(value string) (string, error) {
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = unquoted(value[1 : n-1])
	}
	plain := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			plain = append(plain, value[i])
			continue
		}
		if i+2 >= len(value) {
			return "", fmt.Errorf("ends within %q", value[i:])
		}
		c, err := strconv.ParseUint(value[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("has %q, which is no byte", value[i:i+3])
		}
		plain = append(plain, byte(c))
		i += 2
	}
	if !utf8.Valid(plain) {
		return "", fmt.Errorf("has bytes that are no UTF-8")
	}
	return string(plain), nil
}

// unquoted drops the backslash before a character.
func unquoted(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}
