package message

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
)

// Trace returns the traceparent of a step that nobody records, caused by parent: parent
// itself, or a new one if that is not valid.
func Trace(parent string) string {
	if ValidTrace(parent) {
		return parent
	}
	return NewTrace("")
}

// NewTrace returns a W3C traceparent for a step caused by parent, in the same trace and
// sampled if parent is; in a new one, of which nobody records anything, if parent is not
// a valid traceparent. See https://www.w3.org/TR/trace-context/#traceparent-header.
func NewTrace(parent string) string {
	var b [55]byte
	copy(b[:], "00-")
	if ValidTrace(parent) {
		copy(b[3:35], parent[3:35])
	} else {
		putHex(b[3:19], rand.Uint64()|1)
		putHex(b[19:35], rand.Uint64())
	}
	b[35] = '-'
	putHex(b[36:52], rand.Uint64()|1)
	copy(b[52:], "-00")
	if Sampled(parent) {
		b[54] = '1'
	}
	return string(b[:])
}

// Sampled reports whether s is a traceparent whose trace is recorded by those before.
func Sampled(s string) bool {
	return len(s) == 55 && strings.IndexByte("13579bdf", s[54]) >= 0 && ValidTrace(s)
}

// ValidTrace reports whether s is a traceparent of version 00.
func ValidTrace(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	for _, part := range []string{s[3:35], s[36:52], s[53:]} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

// TraceID returns the trace that a traceparent belongs to, or "".
func TraceID(traceparent string) string {
	if !ValidTrace(traceparent) {
		return ""
	}
	return traceparent[3:35]
}

func putHex(dst []byte, n uint64) {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], n)
	hex.Encode(dst, raw[:])
}
