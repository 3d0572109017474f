package door

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

const maxID = 100

// IDRule says what ValidID asks for.
const IDRule = "must be 1 to 100 of A-Z a-z 0-9 . _ -"

// ValidID reports whether s can be an identifier: 1 to 100 of A-Z a-z 0-9 . _ - but not
// "." or "..", which no path of a URL can end in.
func ValidID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= maxID && s != "." && s != ".."
}

// ID returns the identifier that a client has chosen, or a new one where it has not: one
// that grows with time, so that an index on it stays small.
func ID(chosen *string) string {
	if chosen != nil {
		return *chosen
	}
	return uuid.Must(uuid.NewV7()).String() // fails only where the system has no random numbers
}

// Digest returns what tells these values of a create from any others. Stored with what is
// made, it lets the same create again be known once that was changed, without a copy of
// what it was.
func Digest(values ...any) (string, error) {
	text, err := json.Marshal(values)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
