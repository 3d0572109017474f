package door

import (
	"net/http"
	"net/url"
)

// malformed returns the problem with an address that no route can take: text that a
// database refuses, a query that is not one, a parameter that is there twice.
func malformed(u *url.URL) *Problem {
	if !text(u.Path) {
		return problem(http.StatusNotFound, "no-such-path", "There is nothing here")
	}
	if u.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return BadRequest("The query of the address is not well-formed: " + err.Error() + ".").Cause("bad-parameter")
	}
	for name, values := range query {
		switch {
		case !text(name) || !text(values[0]):
			return BadRequest("", Field{Field: name, Detail: "must be UTF-8 without NUL"}).Cause("bad-parameter")
		case len(values) > 1:
			return BadRequest("", Field{Field: name, Detail: "must be given once"}).Cause("bad-parameter")
		}
	}
	return nil
}
