package wire

import (
	"fmt"
	"math/rand/v2"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// Must ends the process.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// NewID returns an identifier that grows with time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// NewTrace returns a traceparent. It is made once for an order, and copied into every row
// about it.
func NewTrace() string {
	return fmt.Sprintf("00-%016x%016x-%016x-01", rand.Uint64(), rand.Uint64(), rand.Uint64())
}

// Encode returns data as JSON.
func Encode(data any) []byte {
	body, err := json.Marshal(data)
	Must(err)
	return body
}

// Decode reads JSON.
func Decode[T any](body []byte) (data T) {
	Must(json.Unmarshal(body, &data))
	return data
}
