package door

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
)

const maxBody = 1 << 20 // bytes

// A body is a request's body once it has been read: Decode and Commit both want it.
type body struct {
	bytes.Reader
	text []byte
}

func (*body) Close() error { return nil }

// read reads the whole body of r, once.
func read(r *http.Request) ([]byte, error) {
	if b, done := r.Body.(*body); done {
		return b.text, nil
	}
	var text []byte
	if r.Body != nil && r.Body != http.NoBody {
		var err error
		if text, err = readAll(r); err != nil {
			return nil, err
		}
	}
	b := &body{text: text}
	b.Reset(text)
	r.Body = b
	return text, nil
}

// readAll reads no more than a body may have, whatever its header says: memory is bounded
// by the requests in flight.
func readAll(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	text := make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead)
	buf := bytes.NewBuffer(text)
	arrived := hurry(r.Context())
	_, err := buf.ReadFrom(io.LimitReader(r.Body, maxBody+1))
	arrived(err == nil && buf.Len() <= maxBody)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), buf.Len() > maxBody:
		return nil, tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		p := problem(http.StatusRequestTimeout, "request-timeout", "The request did not come in time")
		p.Header = http.Header{"Connection": {"close"}}
		return nil, p
	case err != nil:
		return nil, BadRequest("The body was cut short.").Cause("body-cut-short")
	}
	return buf.Bytes(), nil
}

func tooLarge() *Problem {
	p := problem(http.StatusRequestEntityTooLarge, "body-too-large", "The body is too large")
	p.Detail = "A body has at most 1 MiB."
	return p
}

const patchType = "application/merge-patch+json"

// checkType returns a problem unless the body of r says that it is plain JSON. This also
// keeps out the forms of other sites, which a browser sends without asking first; and a
// compressed body, of which 1 MiB can be a bomb.
func checkType(r *http.Request) error {
	kind := r.Header.Get("Content-Type")
	if r.Header.Get("Content-Encoding") != "" {
		return wrongType(r, "A body is sent without a Content-Encoding.")
	}
	if kind == "application/json" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(kind)
	plain := kind == "application/json" || kind == patchType && r.Method == http.MethodPatch
	charset, named := params["charset"]
	if err != nil || !plain || named && !strings.EqualFold(charset, "utf-8") {
		types := strings.Join(accepted(r), " or ")
		return wrongType(r, "The Content-Type of a body must be "+types+", in UTF-8.")
	}
	return nil
}

// accepted are the types that a body of r may have.
func accepted(r *http.Request) []string {
	if r.Method == http.MethodPatch {
		return []string{"application/json", patchType}
	}
	return []string{"application/json"}
}

// wrongType lists the accepted types where RFC 9110 and, for a PATCH, RFC 5789 have it.
func wrongType(r *http.Request, detail string) *Problem {
	p := problem(http.StatusUnsupportedMediaType, "wrong-content-type", "Not a type of content that is understood")
	list := strings.Join(accepted(r), ", ")
	p.Detail, p.Header = detail, http.Header{"Accept": {list}}
	if r.Method == http.MethodPatch {
		p.Header.Set("Accept-Patch", list)
	}
	return p
}
