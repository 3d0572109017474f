package door

const maxID = 100

// ValidID reports whether s can be an identifier: 1 to 100 of A-Z a-z 0-9 . _ -
func ValidID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= maxID
}
