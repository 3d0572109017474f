package door

import (
	"encoding/base64"
	"net/http"
	"strconv"
)

// A List is one page.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // the cursor of the next page; absent at the end
}

const (
	defaultLimit = 50
	maxLimit     = 1000
	maxCursor    = 200 // bytes of a key in a cursor
)

// Page reads which page a request asks for: at most limit items, behind the key that
// Cursor was given; "" is the first page.
func Page(r *http.Request) (limit int, after string, err error) {
	limit = defaultLimit
	query := r.URL.Query()
	if s := query.Get("limit"); s != "" || query.Has("limit") {
		limit, err = strconv.Atoi(s)
		if err != nil || limit < 1 || limit > maxLimit {
			return 0, "", BadRequest("", Field{"limit", "must be a whole number from 1 to 1000"}).Cause("bad-limit")
		}
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(query.Get("cursor"))
	if err != nil || len(key) > maxCursor {
		return 0, "", BadCursor()
	}
	return limit, string(key), nil
}

// Cursor makes the cursor of the page that begins behind key.
func Cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// BadCursor is 400: a cursor that no page has given. Routes return it for a key that
// cannot be theirs.
func BadCursor() *Problem {
	return BadRequest("", Field{"cursor", "must be the next of another page"}).Cause("bad-cursor")
}
