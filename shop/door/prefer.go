package door

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxWait = 30 * time.Second

// Wait returns how long a client would wait for the end of what it asks for rather than
// get a first answer: "Prefer: wait=5" of RFC 7240, half a minute at most. Zero is not
// at all; a preference that makes no sense is none.
func Wait(r *http.Request) time.Duration {
	for _, header := range r.Header["Prefer"] {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31)
			if err != nil {
				return 0
			}
			return min(time.Duration(seconds)*time.Second, maxWait)
		}
	}
	return 0
}
