package failure

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// A History is what happened to a message so far.
type History struct {
	Attempts int       `json:"attempts"`
	Causes   []Attempt `json:"causes,omitempty"` // the last ten
	Redrives int       `json:"redrives,omitempty"`
}

// An Attempt is one failure to handle a message.
type Attempt struct {
	At    time.Time `json:"at"`
	Cause string    `json:"cause"`
}

const (
	keptAttempts = 10
	keptCause    = 1000 // bytes
)

// add returns h with one more failed attempt.
func (h History) add(at time.Time, err error, counted bool) History {
	cause := err.Error()
	if len(cause) > keptCause {
		cause = strings.ToValidUTF8(cause[:keptCause], "") + "…"
	}
	if !utf8.ValidString(cause) {
		cause = strings.ToValidUTF8(cause, "�")
	}
	causes := append(h.Causes[:len(h.Causes):len(h.Causes)], Attempt{At: at.UTC(), Cause: cause})
	h.Causes = causes[max(0, len(causes)-keptAttempts):]
	if counted {
		h.Attempts++
	}
	return h
}

// Cause returns the last cause, or "".
func (h History) Cause() string {
	if len(h.Causes) == 0 {
		return ""
	}
	return h.Causes[len(h.Causes)-1].Cause
}

// Last is when the last attempt failed, or zero.
func (h History) Last() (at time.Time) {
	if n := len(h.Causes); n > 0 {
		at = h.Causes[n-1].At
	}
	return at
}

// Redriven returns h for a message that an operator gives a new start.
func (h History) Redriven() History {
	h.Attempts, h.Redrives = 0, h.Redrives+1
	return h
}

// String encodes h for ParseHistory. The zero History is "".
func (h History) String() string {
	if h.Attempts == 0 && len(h.Causes) == 0 && h.Redrives == 0 {
		return ""
	}
	b, err := json.Marshal(h)
	if err != nil {
		return "" // no field of a History can fail to encode
	}
	return string(b)
}

// ParseHistory decodes what String encoded.
func ParseHistory(s string) (h History, err error) {
	if s == "" {
		return h, nil
	}
	err = json.Unmarshal([]byte(s), &h)
	return h, err
}
