package door

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// tag is one of them.
var tag = regexp.MustCompile(`(W/)?"[\x21\x23-\x7e]*"`)

// ETag is the header that names a version of what is shown.
func ETag(version int64) http.Header { return http.Header{"Etag": {etag(version)}} }

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// tags is a list of entity tags, as RFC 9110 has it.
var tags = regexp.MustCompile(`^\s*(W/)?"[\x21\x23-\x7e]*"(\s*,\s*(W/)?"[\x21\x23-\x7e]*")*\s*$`)

// unchanged returns 304 in place of an answer that a client has already, as its
// If-None-Match says.
func (a Answer) unchanged(r *http.Request) (Answer, error) {
	values := r.Header["If-None-Match"]
	if len(values) == 0 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a, nil
	}
	given := strings.Join(values, ",")
	every := strings.TrimSpace(given) == "*"
	if !every && !tags.MatchString(given) {
		return a, BadRequest("", Field{Field: "If-None-Match", Detail: "must be * or a list of ETags"}).Cause("bad-if-none-match")
	}
	has := a.Header["Etag"]
	if len(has) == 0 || a.Status != http.StatusOK {
		return a, nil
	}
	for _, tag := range tag.FindAllString(given, -1) {
		every = every || strings.TrimPrefix(tag, "W/") == has[0]
	}
	if every {
		a.Status, a.Body = http.StatusNotModified, nil
	}
	return a, nil
}

// Match is 412 if r has an If-Match that does not name version: its client has not seen
// what it would change. It is asked inside the transaction of the change.
func Match(r *http.Request, version int64) error {
	values := r.Header["If-Match"]
	if len(values) == 0 {
		return nil
	}
	given := strings.Join(values, ",")
	if strings.TrimSpace(given) == "*" {
		return nil // any version
	}
	if !tags.MatchString(given) {
		return BadRequest("", Field{Field: "If-Match", Detail: "must be * or a list of ETags"}).Cause("bad-if-match")
	}
	for tag := range strings.SplitSeq(given, ",") {
		if strings.TrimSpace(tag) == etag(version) { // a weak one says that it is not sure
			return nil
		}
	}
	p := problem(http.StatusPreconditionFailed, "changed-since", "Changed since it was read")
	p.Detail, p.Header = "It has another version by now: read it again.", ETag(version)
	return p
}
