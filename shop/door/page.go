package door

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A List is one page.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // the cursor of the next page; absent at the end
}

const (
	defaultLimit = 50
	maxLimit     = 1000
	maxCursor    = 1600 // bytes of a key in a cursor: what a dead letter died of is the longest
	maxQuery     = 200  // characters of a parameter
)

// Page reads which page a request asks for: at most limit items, behind the key that
// Cursor was given; "" is the first page.
func Page(r *http.Request) (limit int, after string, err error) {
	limit = defaultLimit
	query := r.URL.Query()
	if s := query.Get("limit"); s != "" || query.Has("limit") {
		n, err := strconv.ParseUint(s, 10, 31)
		if limit = int(n); err != nil || limit < 1 || limit > maxLimit {
			return 0, "", BadRequest("", Field{Field: "limit", Detail: "must be a whole number from 1 to 1000"}).Cause("bad-limit")
		}
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(query.Get("cursor"))
	if err != nil || len(key) > maxCursor || !text(string(key)) {
		return 0, "", BadCursor()
	}
	return limit, string(key), nil
}

// Query reads a text parameter of a request's URL; "" is none. It is text that every
// database takes.
func Query(r *http.Request, name string) (string, error) {
	s := r.URL.Query().Get(name)
	switch {
	case !text(s):
		return "", BadRequest("", Field{Field: name, Detail: "must be UTF-8 without NUL"}).Cause("bad-parameter")
	case utf8.RuneCountInString(s) > maxQuery:
		return "", Invalid(Field{Field: name, Detail: "must have at most 200 characters"}).Cause("bad-parameter")
	}
	return s, nil
}

func text(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Cursor makes the cursor of the page that begins behind key.
func Cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// BadCursor is 400: a cursor that no page has given. Routes return it for a key that
// cannot be theirs.
func BadCursor() *Problem {
	return BadRequest("", Field{Field: "cursor", Detail: "must be the next of another page"}).Cause("bad-cursor")
}
