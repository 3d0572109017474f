package cloudevent

import (
	"fmt"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidewire/tidewire/toolkit/message"
)

// longest is how long the name of an attribute may be, so that every protocol can bear it.
const longest = 20

// Check returns what is wrong with e, the first attribute by name.
func (e Event) Check() error {
	for _, name := range []string{"specversion", "id", "source", "type"} {
		if e.Attributes[name] == "" {
			return invalid(name, "is required")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		value := e.Attributes[name]
		if !validName(name) {
			return fmt.Errorf("%w: %q is no name of an attribute: 1 to %d lowercase letters and digits, and not data", ErrInvalid, name, longest)
		}
		if value == "" {
			return invalid(name, "is empty")
		}
		if why := unprintable(value); why != "" {
			return invalid(name, "has %s", why)
		}
		if why := malformed(name, value); why != "" {
			return invalid(name, "is %q, and must be %s", value, why)
		}
	}
	return nil
}

func validName(name string) bool {
	return name != "" && len(name) <= longest && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == "" && name != "data"
}

// unprintable names what no text of CloudEvents may have: it could end a header, or could not
// be written in JSON.
func unprintable(value string) string {
	if !utf8.ValidString(value) {
		return "bytes that are no UTF-8"
	}
	for _, r := range value {
		control := r < 0x20 || r >= 0x7f && r <= 0x9f
		if control || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
			return fmt.Sprintf("the character %U, which it must not", r)
		}
	}
	return ""
}

// malformed says what the value of an attribute must be, if it is not.
func malformed(name, value string) string {
	switch name {
	case "specversion":
		if value != "1.0" {
			return "1.0"
		}
	case "time":
		// time.Parse also takes a comma, and an hour of one digit.
		if _, err := time.Parse(time.RFC3339Nano, value); err != nil || value[len("2006-01-02T15")] != ':' || strings.Contains(value, ",") {
			return "a time as RFC 3339 has it"
		}
	case "source":
		if _, err := url.Parse(value); err != nil || strings.ContainsAny(value, " \"<>\\^`{|}") {
			return "a URI reference"
		}
	case "dataschema":
		if u, err := url.Parse(value); err != nil || !u.IsAbs() || strings.ContainsAny(value, " \"<>\\^`{|}") {
			return "an absolute URI"
		}
	case "datacontenttype":
		if kind, _, err := mime.ParseMediaType(value); err != nil || !strings.Contains(kind, "/") {
			return "a media type"
		}
	case traceParent:
		if len(value) < 55 || value[:2] == "00" && !message.ValidTrace(value) {
			return "a W3C traceparent"
		}
	case messageClass:
		if !slices.Contains([]message.Class{message.Public, message.Internal, message.Command, message.Audit}, message.Class(value)) {
			return "public, internal, command or audit"
		}
	}
	return ""
}

// jsonType reports whether a media type is JSON; what is not said is.
func jsonType(media string) bool {
	if media == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(media)
	_, sub, _ := strings.Cut(kind, "/")
	return err == nil && (sub == "json" || strings.HasSuffix(sub, "+json"))
}
