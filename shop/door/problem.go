package door

import (
	"net/http"
	"slices"
	"strings"
)

// A Problem is an error that a client is told about, as RFC 9457 has it. Each cause has
// a Type of its own.
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`           // "" is made of Errors
	Reason string  `json:"reason,omitempty"` // a word that a program can branch on
	Errors []Field `json:"errors,omitempty"`

	Header http.Header `json:"-"` // to be answered with it; may be nil
}

// A Field says what is wrong with one value of a request.
type Field struct {
	Field  string `json:"field"` // its path, such as items[0].quantity, or a parameter's name
	Detail string `json:"detail"`
	Cause  string `json:"-"` // as Problem.Cause takes it; "" has no Type of its own
}

// Error returns the problem in one line. A detail that only repeats the title is said once.
func (p *Problem) Error() string {
	told := p.told()
	if told == p.Title+"." {
		return told
	}
	return p.Title + ": " + told
}

// told returns a detail that says something, whoever made p.
func (p *Problem) told() string {
	if p.Detail != "" {
		return p.Detail
	}
	var faults []string
	for _, f := range p.Errors {
		faults = append(faults, f.Field+" "+f.Detail)
	}
	if len(faults) == 0 {
		return p.Title + "."
	}
	return strings.Join(faults, "; ") + "."
}

// Cause returns p with a Type for a cause of its own: a few words in lower case, joined
// by hyphens.
func (p *Problem) Cause(words string) *Problem {
	p.Type = "urn:tidewire:problem:" + words
	return p
}

// Invalid is 422: well-formed, but these fields are not acceptable. Its cause is theirs
// where they have one in common.
func Invalid(fields ...Field) *Problem {
	cause := "not-acceptable"
	other := func(f Field) bool { return f.Cause != fields[0].Cause }
	if len(fields) > 0 && fields[0].Cause != "" && !slices.ContainsFunc(fields, other) {
		cause = fields[0].Cause
	}
	p := problem(http.StatusUnprocessableEntity, cause, "Not acceptable as it is")
	p.Errors = fields
	return p
}

// BadRequest is 400: not a request that the route understands.
func BadRequest(detail string, fields ...Field) *Problem {
	p := problem(http.StatusBadRequest, "bad-request", "Bad request")
	p.Detail, p.Errors = detail, fields
	return p
}

// NotFound is 404: there is no such thing. what is a noun, such as "order".
func NotFound(what string) *Problem {
	return problem(http.StatusNotFound, "no-such-"+strings.ReplaceAll(what, " ", "-"), "There is no such "+what)
}

// Conflict is 409: not possible in this state. reason is a word such as out_of_stock.
func Conflict(reason, detail string) *Problem {
	p := problem(http.StatusConflict, strings.ReplaceAll(reason, "_", "-"), "Not possible in this state")
	p.Reason, p.Detail = reason, detail
	return p
}

// unavailable is 503: nothing was done, and the same may work in a second.
func unavailable(cause, detail string) *Problem {
	p := problem(http.StatusServiceUnavailable, cause, "Not available at the moment")
	p.Detail, p.Header = detail, http.Header{"Retry-After": {"1"}}
	return p
}

func problem(status int, cause, title string) *Problem {
	p := &Problem{Status: status, Title: title}
	return p.Cause(cause)
}
