package failure

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	problemLength = 200 // characters
	unknown       = "no cause was given"
)

// Problem returns what a cause has in common with others of its kind: numbers, ids, times
// and quoted words are replaced, so that a thousand causes that differ in these only are
// one problem. Names stay: a JSON pointer, and what has an underscore, as a constraint has.
// It takes any text, and the problem of a problem is itself.
func Problem(cause string) string {
	for s := strings.ToValidUTF8(cause, "�"); ; {
		next := short(plain(s))
		if next == s {
			return s
		}
		s = next
	}
}

// Each of these makes a text shorter, or leaves it with fewer characters that are neither
// # nor …: so there is an end to using them again.
var (
	quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)+\"|`[^`]+`|“[^”]+”|«[^»]+»")
	// An apostrophe within a word is no quote.
	single = regexp.MustCompile(`(^|[^\pL\pN'])'([^']+)'`)
	name   = regexp.MustCompile(`^(?:(?:/[\pL#][\pL_#]*|/#)+|[\pL#]+(?:_[\pL#]+)+)$`)
	id     = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b`)
	hex    = regexp.MustCompile(`(?i)\b(?:0x[0-9a-f]+|[a-f]*[0-9][0-9a-f]{7,}|[0-9a-f]{7,}[0-9][a-f]*)\b`)
	number = regexp.MustCompile(`[+-]?\pN+`)
	// What is left of a time, an address, a fraction or a list of numbers.
	joined = regexp.MustCompile(`#(?:[-+.,:/T ]{0,2}#)+Z?`)
	spent  = regexp.MustCompile(`#(?:ns|µs|us|ms|s|m|h)(?:#?(?:ns|µs|us|ms|s|m|h))*\b`)
)

// plain replaces what differs between two causes of one problem, once.
func plain(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ") // no database takes a NUL
	s = id.ReplaceAllLiteralString(s, "#")
	s = quoted.ReplaceAllStringFunc(s, func(q string) string {
		_, first := utf8.DecodeRuneInString(q)
		_, last := utf8.DecodeLastRuneInString(q)
		return q[:first] + within(q[first:len(q)-last]) + q[len(q)-last:]
	})
	s = single.ReplaceAllStringFunc(s, func(q string) string {
		open := strings.IndexByte(q, '\'')
		return q[:open+1] + within(q[open+1:len(q)-1]) + "'"
	})
	s = hex.ReplaceAllLiteralString(s, "#")
	s = number.ReplaceAllLiteralString(s, "#")
	s = joined.ReplaceAllLiteralString(s, "#")
	return spent.ReplaceAllLiteralString(s, "#")
}

// within is what stays of quoted text.
func within(text string) string {
	if s := number.ReplaceAllLiteralString(text, "#"); name.MatchString(s) {
		return s
	}
	return "…"
}

// short cuts a text, and has something where there is nothing.
func short(s string) string {
	if s == "" {
		return unknown
	}
	if utf8.RuneCountInString(s) <= problemLength {
		return s
	}
	return string([]rune(s)[:problemLength-1]) + "…"
}
