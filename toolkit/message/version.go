package message

import (
	"strconv"
	"strings"
)

// Versioned takes a kind apart. The first version of a kind has its bare name; one that
// readers of it cannot read is another kind, Name.2, and so on: who knows Name only waits
// for a newer binary.
func Versioned(kind string) (name string, version int) {
	dot := strings.LastIndexByte(kind, '.')
	if dot < 1 || dot+1 == len(kind) || kind[dot+1] < '1' || kind[dot+1] > '9' { // 0, + and - are no version
		return kind, 1
	}
	if n, err := strconv.Atoi(kind[dot+1:]); err == nil && n > 1 {
		return kind[:dot], n
	}
	return kind, 1
}
