package door

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An Answer is what a route says when it went well.
type Answer struct {
	Status   int    // 200
	Location string // of what was made; "" for none
	Body     any    // encoded as JSON; a jsontext.Value is sent as it stands; nil is none
	Type     string // of a Body that is a []byte and no JSON; Commit keeps no such answer; ""
	Header   http.Header
	Live     Live // goes on instead of a Body; Commit keeps no such answer; nil
}

// A Route answers the requests of one pattern of http.ServeMux, such as
// "POST /api/orders". A *Problem that it returns is the answer.
type Route struct {
	Pattern string
	Handle  func(*http.Request) (Answer, error)
	Query   []string // the parameters it has; another, or an empty one, is 400; none
	Sheds   bool     // refused while there is more to do than can be done, or nobody does it; false
	Service string   // whose time it takes, in logs and traces; "door"
	// Reached returns once what the route shows has what is at a place of a log. It is
	// ErrNowhere, or ErrNotYet when its context ends; nil looks at no Tidewire-Position.
	Reached func(context.Context, Place) error
}

// Tagged returns a with an ETag of what it shows: the version, and a digest of all of it,
// for what can change while the version stays.
func (a Answer) Tagged(version int64) (Answer, error) {
	a, err := a.encoded()
	if err != nil {
		return a, err
	}
	text, _ := a.Body.(jsontext.Value)
	digest := sha256.Sum256(text)
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h["Etag"] = []string{`"` + strconv.FormatInt(version, 10) + "-" + hex.EncodeToString(digest[:8]) + `"`}
	a.Header = h
	return a, nil
}

// encoded returns a with its body as JSON text, which is the same whenever it is sent.
func (a Answer) encoded() (Answer, error) {
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if _, done := a.Body.(jsontext.Value); done || a.Body == nil || a.Type != "" {
		return a, nil
	}
	text, err := json.Marshal(a.Body)
	a.Body = jsontext.Value(text)
	return a, err
}
