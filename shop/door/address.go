package door

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
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

// unasked returns the problem with the first parameter, by name, that a route does not
// have, or that is empty: whoever misspells one would get what he did not ask for.
func unasked(u *url.URL, known []string) *Problem {
	if u.RawQuery == "" {
		return nil
	}
	query := u.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case !slices.Contains(known, name):
			return BadRequest("", Field{Field: name, Detail: "is not a parameter of this route"}).Cause("unknown-parameter")
		case query.Get(name) == "":
			return BadRequest("", Field{Field: name, Detail: "is empty: leave it out"}).Cause("empty-parameter")
		}
	}
	return nil
}
